package metadata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// ChampionOf returns what the run's evaluation compared its models with: the model
// version whose bundle was an input of the step. ok is false if nothing was live.
func (db *DB) ChampionOf(ctx context.Context, run string) (r Revision, ok bool, err error) {
	err = db.pool.QueryRow(ctx, `select m.name, m.version, m.bundle_digest, m.bundle_size, m.bundle_media_type
		from lineage l join model_versions m on m.bundle_digest = l.input
		where l.run = $1 and l.step = 'evaluate' order by m.created limit 1`, run).
		Scan(&r.ModelName, &r.ModelVersion, &r.Bundle.Digest, &r.Bundle.Size, &r.Bundle.MediaType)
	if errors.Is(err, pgx.ErrNoRows) {
		return Revision{}, false, nil
	}
	return r, err == nil, fail(err, "look up the champion of "+run)
}
