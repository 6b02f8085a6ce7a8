package metadata

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// maxDepth bounds the walk over lineage: the line has a dozen steps.
const maxDepth = 64

// Trace walks back from a prediction: its labels, what answered it, the version of the
// model, the run that made it with its gates, and every edge of lineage down to
// the snapshots with the checksums of the files. An id that is not in the audit
// table is NotFound; an id that is not a UUID is RequestInvalid.
func (db *DB) Trace(ctx context.Context, id string) (Trace, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return Trace{}, fault.New(fault.RequestInvalid, "%.80q is not the id of a prediction", id).WithRemedy("give the id that came with the answer")
	}
	var out Trace
	err = pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if out.Prediction, err = prediction(ctx, tx, key); err != nil {
			return err
		}
		if out.Labels, err = labels(ctx, tx, out.Prediction); err != nil || out.Prediction.Revision == 0 {
			return err
		}
		return out.follow(ctx, tx)
	})
	return out, fail(err, "trace prediction "+id)
}

func (t *Trace) follow(ctx context.Context, tx pgx.Tx) error {
	p := t.Prediction
	rows, _ := tx.Query(ctx, revisionQuery+`where r.endpoint = $1 and r.revision = $2`, p.Endpoint, p.Revision)
	revision, err := pgx.CollectExactlyOneRow(rows, scanRevision)
	if found, err := present(err); err != nil {
		return err
	} else if found {
		t.Revision = &revision
	}
	rows, _ = tx.Query(ctx, `select `+modelColumns+` from model_versions where name = $1 and version = $2`, p.ModelName, p.ModelVersion)
	model, err := pgx.CollectExactlyOneRow(rows, scanModel)
	if found, err := present(err); err != nil || !found {
		return err
	}
	t.Model = &model
	rows, _ = tx.Query(ctx, `select `+runColumns+` from runs where id = $1`, model.Run)
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if found, err := present(err); err != nil || !found {
		return err
	}
	t.Run = &run
	// The bundle may have been made by one run and put live by a later one, which
	// came to the same bytes: it was judged by the gates of the later.
	judged := run.ID
	if t.Revision != nil && t.Revision.Run != "" {
		judged = t.Revision.Run
	}
	if t.Gates, err = gates(ctx, tx, judged); err != nil {
		return err
	}
	var made artifact.Ref
	err = tx.QueryRow(ctx, `select outputs->'features' from steps where run = $1 and step = 'engineer' and state = 'completed' and outputs ? 'features'
		order by attempt desc limit 1`, run.ID).Scan(&made)
	if found, err := present(err); err != nil {
		return err
	} else if found {
		t.Features = &made
	}
	if t.Splits, err = splits(ctx, tx, run.ID); err != nil {
		return err
	}
	data, err := dataset(ctx, tx, run.ID)
	if found, err := present(err); err != nil {
		return err
	} else if found {
		t.Dataset = &data
	}
	if t.Snapshots, err = snapshots(ctx, tx, run.ID); err != nil {
		return err
	}
	t.Lineage, err = edges(ctx, tx, model.Bundle.Digest, run.ID)
	return err
}

// edges walks lineage from a digest to what it was made from, within a run.
func edges(ctx context.Context, tx pgx.Tx, digest, run string) ([]Edge, error) {
	rows, _ := tx.Query(ctx, `with recursive back (output, input, step, depth) as (
			select output, input, step, 1 from lineage where output = $1 and run = $2
			union
			select l.output, l.input, l.step, b.depth + 1 from back b join lineage l on l.output = b.input and l.run = $2 where b.depth < $3)
		select output, input, step from back group by output, input, step order by min(depth), step, output, input`, digest, run, maxDepth)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Edge])
}

func prediction(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Prediction, error) {
	p := Prediction{ID: id}
	err := tx.QueryRow(ctx, `select endpoint, revision, model_name, model_version, at, request_id, features, outputs, status, error, latency_us,
			role, shadow_of, token, request_hash, idempotency_key, mode, redacted
		from predictions where day = $1 and id = $2`, Day(id), id).
		Scan(&p.Endpoint, &p.Revision, &p.ModelName, &p.ModelVersion, &p.At, &p.RequestID, &p.Features, &p.Outputs, &p.Status, &p.Error, &p.LatencyUS,
			&p.Role, &p.ShadowOf, &p.Token, &p.RequestHash, &p.IdempotencyKey, &p.Mode, &p.Redacted)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fault.New(fault.NotFound, "prediction %s is not in the audit table", id).
			WithRemedy("check the id; an answer of the last seconds may still be on its way from the server")
	}
	p.At = p.At.UTC()
	return p, err
}

// present separates a row that is not there, which a trace survives, from an error.
func present(err error) (bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
