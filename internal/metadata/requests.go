package metadata

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// RunRequest is one asking for a run of a pipeline over HTTP, by a key of the caller's.
type RunRequest struct {
	Pipeline    string
	Key         string
	RequestHash []byte // SHA-256 of the body
	Token       string // name; empty: none was asked for
}

// BeginRunRequest keeps a request before it is followed, and returns the answer that
// was given to the same request before; nil: none was, or not to its end, so that it
// is to be followed (again). IdempotencyConflict if the key came with another body.
func (db *DB) BeginRunRequest(ctx context.Context, r RunRequest) (answer json.RawMessage, err error) {
	err = db.inTx(ctx, "keep a request for a run of "+r.Pipeline, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into run_requests (pipeline, key, request_hash, token) values ($1, $2, $3, $4) on conflict do nothing`,
			r.Pipeline, r.Key, r.RequestHash, r.Token); err != nil {
			return err
		}
		var hash []byte
		if err := tx.QueryRow(ctx, `select request_hash, answer from run_requests where pipeline = $1 and key = $2`, r.Pipeline, r.Key).Scan(&hash, &answer); err != nil {
			return err
		}
		if !bytes.Equal(hash, r.RequestHash) {
			return fault.New(fault.IdempotencyConflict, "the Idempotency-Key %.40q came with another request for a run of %s before", r.Key, r.Pipeline).
				WithRemedy("send the same body again, or another key")
		}
		return nil
	})
	return answer, err
}

// AnswerRunRequest keeps the answer to a request; the first one stays.
func (db *DB) AnswerRunRequest(ctx context.Context, r RunRequest, answer json.RawMessage) error {
	return db.exec(ctx, "keep the answer to a request for a run of "+r.Pipeline,
		`update run_requests set answer = coalesce(answer, $3) where pipeline = $1 and key = $2`, r.Pipeline, r.Key, []byte(answer))
}

// ForgetRunRequest takes back a request that was refused before anything came of it,
// so that its key may be used again.
func (db *DB) ForgetRunRequest(ctx context.Context, r RunRequest) error {
	return db.exec(ctx, "forget a request for a run of "+r.Pipeline, `delete from run_requests where pipeline = $1 and key = $2 and request_hash = $3 and answer is null`, r.Pipeline, r.Key, r.RequestHash)
}
