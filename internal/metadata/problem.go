package metadata

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// ProblemVersion is the number of the version of a pipeline's problem that has the
// digest, from 1 on. NotFound if it was never defined.
func (db *DB) ProblemVersion(ctx context.Context, pipeline, digest string) (version int, err error) {
	err = db.pool.QueryRow(ctx, `select version from problems where pipeline = $1 and digest = $2`, pipeline, digest).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.New(fault.NotFound, "no version of the problem of %s has digest %s", pipeline, digest).WithRemedy("run the pipeline: its first step defines the problem")
	}
	return version, fail(err, "read the versions of the problem of "+pipeline)
}

// problemDigest names a version of a pipeline's problem; "" where there is none.
func (db *DB) problemDigest(ctx context.Context, pipeline string, version int) (digest string, err error) {
	err = db.pool.QueryRow(ctx, `select digest from problems where pipeline = $1 and version = $2`, pipeline, version).Scan(&digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return digest, fail(err, "read the versions of the problem of "+pipeline)
}
