package metadata

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
)

// AuditCount is how many rows of an exported file one model version has.
type AuditCount struct {
	Endpoint     string `json:"endpoint"`
	Revision     int64  `json:"revision"`
	ModelName    string `json:"model_name"`
	ModelVersion int    `json:"model_version"`
	Role         Role   `json:"role"`
	Status       int    `json:"status"`
	Rows         int64  `json:"rows"`
}

// AuditExport is one exported file of a day of predictions.
type AuditExport struct {
	Sequence int64        `json:"sequence"` // from 1, without a gap
	Day      time.Time    `json:"day"`
	Part     int          `json:"part"` // 0, then supplements
	Rows     int64        `json:"rows"`
	Head     string       `json:"head"`
	Parquet  artifact.Ref `json:"parquet"`
	Manifest artifact.Ref `json:"manifest"`
	Previous string       `json:"previous,omitempty"`
	Counts   []AuditCount `json:"counts"`
	Exported time.Time    `json:"exported"`
}

const exportColumns = `sequence, day, part, rows, head, parquet, manifest, previous, counts, exported`

func scanExport(row pgx.CollectableRow) (e AuditExport, err error) {
	err = row.Scan(&e.Sequence, &e.Day, &e.Part, &e.Rows, &e.Head, &e.Parquet, &e.Manifest, &e.Previous, &e.Counts, &e.Exported)
	e.Day, e.Exported = e.Day.UTC(), e.Exported.UTC()
	return e, err
}

// AuditExports lists every exported file in the order of the chain.
func (db *DB) AuditExports(ctx context.Context) ([]AuditExport, error) {
	return auditExports(ctx, db.pool)
}

func auditExports(ctx context.Context, q querier) ([]AuditExport, error) {
	rows, _ := q.Query(ctx, `select `+exportColumns+` from audit_exports order by sequence`)
	out, err := pgx.CollectRows(rows, scanExport)
	return out, fail(err, "list the exported days")
}

// Exporting runs f with the exports there are, while no one else exports or drops.
func (db *DB) Exporting(ctx context.Context, f func(tx pgx.Tx, exports []AuditExport) error) error {
	return db.inTx(ctx, "export the audit log", func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "audit_exports"); err != nil {
			return err
		}
		exports, err := auditExports(ctx, tx)
		if err != nil {
			return err
		}
		return f(tx, exports)
	})
}

// AddAuditExport writes the row of an exported file, and its artifacts.
func (db *DB) AddAuditExport(ctx context.Context, tx pgx.Tx, e AuditExport) error {
	counts, err := encode(e.Counts, "[]")
	if err != nil {
		return err
	}
	for _, ref := range []artifact.Ref{e.Parquet, e.Manifest} {
		if _, err := tx.Exec(ctx, `insert into artifacts (digest, size, media_type) values ($1, $2, $3) on conflict do nothing`, ref.Digest, ref.Size, ref.MediaType); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `insert into audit_exports (sequence, day, part, rows, head, parquet, manifest, previous, counts) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Sequence, e.Day, e.Part, e.Rows, e.Head, e.Parquet, e.Manifest, e.Previous, counts)
	return err
}

// PartitionDays lists the days that have a partition of predictions, oldest first.
func (db *DB) PartitionDays(ctx context.Context) ([]time.Time, error) {
	rows, _ := db.pool.Query(ctx, `select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'predictions'::regclass order by 1`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fail(err, "list the partitions of predictions")
	}
	var out []time.Time
	for _, name := range names {
		if day, err := time.Parse("predictions_20060102", name); err == nil {
			out = append(out, day)
		}
	}
	return out, nil
}

// LockDay keeps records of a day from being added until tx ends; there may be no
// such partition.
func (db *DB) LockDay(ctx context.Context, tx pgx.Tx, day time.Time) (there bool, err error) {
	if err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, partition(day)).Scan(&there); err != nil || !there {
		return false, err
	}
	_, err = tx.Exec(ctx, `lock table `+partition(day)+` in share row exclusive mode`)
	return err == nil, err
}

// DropDay removes the partition of a day that was exported, and says so for good.
func (db *DB) DropDay(ctx context.Context, tx pgx.Tx, day time.Time, rows, sequence int64) error {
	if _, err := tx.Exec(ctx, `insert into audit_drops (day, rows, sequence) values ($1, $2, $3)`, day, rows, sequence); err != nil {
		return err
	}
	// Readers of other days must not queue for long behind a wait for this lock.
	if _, err := tx.Exec(ctx, `set local lock_timeout = '5s'`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `drop table `+partition(day))
	return err
}

// DroppedDays lists the days of which a partition was dropped.
func (db *DB) DroppedDays(ctx context.Context) (map[time.Time]bool, error) {
	rows, _ := db.pool.Query(ctx, `select distinct day from audit_drops`)
	days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
	out := map[time.Time]bool{}
	for _, day := range days {
		out[day.UTC()] = true
	}
	return out, fail(err, "list the dropped days")
}

// TracePrediction walks from a prediction that was found elsewhere than in the table.
func (db *DB) TracePrediction(ctx context.Context, p Prediction) (Trace, error) {
	out := Trace{Prediction: p}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if out.Labels, err = labels(ctx, tx, p); err != nil || p.Revision == 0 {
			return err
		}
		return out.follow(ctx, tx)
	})
	return out, fail(err, "trace prediction "+p.ID.String())
}

// ParsePrediction reads the id of a prediction.
func ParsePrediction(id string) (uuid.UUID, error) {
	key, err := uuid.Parse(id)
	if err != nil {
		return key, fault.New(fault.RequestInvalid, "%.80q is not the id of a prediction", id).WithRemedy("give the id that came with the answer")
	}
	return key, nil
}
