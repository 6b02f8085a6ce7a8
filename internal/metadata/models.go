package metadata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

const modelColumns = `name, version, bundle_digest, bundle_size, bundle_media_type, run, metrics, created`

func scanModel(row pgx.CollectableRow) (m ModelVersion, err error) {
	err = row.Scan(&m.Name, &m.Version, &m.Bundle.Digest, &m.Bundle.Size, &m.Bundle.MediaType, &m.Run, &m.Metrics, &m.Created)
	m.Created = m.Created.UTC()
	return m, err
}

// RegisterModel gives a bundle the next version of its model. The same bundle
// again keeps the version and the run it has.
func (db *DB) RegisterModel(ctx context.Context, p RegisterModel) (ModelVersion, error) {
	metrics, err := encode(p.Metrics, "{}")
	if err != nil {
		return ModelVersion{}, err
	}
	var out ModelVersion
	err = db.inTx(ctx, "register a version of model "+p.Name, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "model", p.Name); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `select `+modelColumns+` from model_versions where name = $1 and bundle_digest = $2`, p.Name, p.Bundle.Digest)
		if out, err = pgx.CollectExactlyOneRow(rows, scanModel); !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		rows, _ = tx.Query(ctx, `insert into model_versions (name, version, bundle_digest, bundle_size, bundle_media_type, run, metrics)
			select $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6 from model_versions where name = $1 returning `+modelColumns,
			p.Name, p.Bundle.Digest, p.Bundle.Size, p.Bundle.MediaType, p.Run, metrics)
		out, err = pgx.CollectExactlyOneRow(rows, scanModel)
		return err
	})
	return out, err
}

// Models lists the newest version of every model, by name.
func (db *DB) Models(ctx context.Context) ([]ModelVersion, error) {
	rows, _ := db.pool.Query(ctx, `select distinct on (name) `+modelColumns+` from model_versions order by name, version desc`)
	out, err := pgx.CollectRows(rows, scanModel)
	return out, fail(err, "list models")
}

// ModelVersions lists the versions of a model, newest first; none is NotFound.
func (db *DB) ModelVersions(ctx context.Context, name string) ([]ModelVersion, error) {
	rows, _ := db.pool.Query(ctx, `select `+modelColumns+` from model_versions where name = $1 order by version desc`, name)
	out, err := pgx.CollectRows(rows, scanModel)
	if err == nil && len(out) == 0 {
		return nil, fault.New(fault.NotFound, "model %q does not exist", name).WithRemedy("list them with: esteira models list")
	}
	return out, fail(err, "list the versions of model "+name)
}

// ModelVersion returns one version, the newest if version is 0, or NotFound.
func (db *DB) ModelVersion(ctx context.Context, name string, version int) (ModelVersion, error) {
	rows, _ := db.pool.Query(ctx, `select `+modelColumns+` from model_versions where name = $1 and ($2 = 0 or version = $2) order by version desc limit 1`, name, version)
	out, err := pgx.CollectExactlyOneRow(rows, scanModel)
	if version == 0 {
		return out, orNotFound(err, "model %q", name)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return out, fault.New(fault.NotFound, "version %d of model %q does not exist", version, name).WithRemedy("see them: esteira models show %s", name)
	}
	return out, orNotFound(err, "version %d of model %q", version, name)
}
