package metadata

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AnswersLive is how long the first answer to an Idempotency-Key is repeated. After
// it the same key is a new request.
const AnswersLive = 24 * time.Hour

// IdempotentAnswer is an answer that can be repeated as it was.
type IdempotentAnswer struct {
	Endpoint    string
	Token       string // name of the token; empty: none
	Key         string
	RequestHash []byte
	Header      json.RawMessage // {name: value}
	Body        []byte
	Prediction  uuid.UUID // of its first row
	At          time.Time // when the request arrived
}

// IdempotentAnswer returns the first answer to a key within AnswersLive, if its
// record has reached the table.
func (db *DB) IdempotentAnswer(ctx context.Context, endpoint, token, key string) (a IdempotentAnswer, found bool, err error) {
	a = IdempotentAnswer{Endpoint: endpoint, Token: token, Key: key}
	err = db.pool.QueryRow(ctx, `select request_hash, header, body, prediction_id, at from idempotent_answers
		where endpoint = $1 and token = $2 and key = $3 and at >= now() - make_interval(secs => $4)`, endpoint, token, key, AnswersLive.Seconds()).
		Scan(&a.RequestHash, &a.Header, &a.Body, &a.Prediction, &a.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, false, nil
	}
	a.At = a.At.UTC()
	return a, err == nil, fail(err, "look for the answer to an idempotency key")
}

// ForgetAnswers removes those that are not repeated any more; it returns how many.
func (db *DB) ForgetAnswers(ctx context.Context) (int64, error) {
	tag, err := db.pool.Exec(ctx, `delete from idempotent_answers where at < now() - make_interval(secs => $1)`, AnswersLive.Seconds())
	return tag.RowsAffected(), fail(err, "forget old idempotent answers")
}
