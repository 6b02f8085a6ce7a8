package metadata

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// TokensChannel is notified in the transaction of every change of a token.
const TokensChannel = "esteira_tokens"

// Token says who may ask the prediction servers for what. The secret itself is kept
// nowhere.
type Token struct {
	Name     string     `json:"name"`
	Hash     []byte     `json:"-"` // SHA-256 of the secret
	Scopes   []string   `json:"scopes"`
	Endpoint string     `json:"endpoint,omitempty"` // empty: all
	Created  time.Time  `json:"created"`
	Actor    string     `json:"actor,omitempty"`
	Expires  *time.Time `json:"expires,omitempty"`
	Revoked  *time.Time `json:"revoked,omitempty"`
}

// CreateToken keeps a new token. A name is used once, so that a record always names
// the same one.
func (db *DB) CreateToken(ctx context.Context, t Token) error {
	return db.inTx(ctx, "create token "+t.Name, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into tokens (name, hash, scopes, endpoint, actor, expires) values ($1, $2, $3, $4, $5, $6) on conflict (name) do nothing`,
			t.Name, t.Hash, t.Scopes, t.Endpoint, t.Actor, utc(t.Expires))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.ConfigInvalid, "a token is named %s already", t.Name).WithRemedy("choose another name; a revoked token keeps its own")
		}
		_, err = tx.Exec(ctx, `select pg_notify($1, $2)`, TokensChannel, t.Name)
		return err
	})
}

// RevokeToken makes a token worthless from now on.
func (db *DB) RevokeToken(ctx context.Context, name string) error {
	return db.inTx(ctx, "revoke token "+name, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update tokens set revoked = coalesce(revoked, now()) where name = $1`, name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "no token is named %s", name).WithRemedy("list them: esteira tokens list")
		}
		_, err = tx.Exec(ctx, `select pg_notify($1, $2)`, TokensChannel, name)
		return err
	})
}

// Tokens lists all tokens by name, those that are revoked or have expired, too.
func (db *DB) Tokens(ctx context.Context) ([]Token, error) {
	rows, _ := db.pool.Query(ctx, `select name, hash, scopes, endpoint, created, actor, expires, revoked from tokens order by name`)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Token, err error) {
		err = row.Scan(&t.Name, &t.Hash, &t.Scopes, &t.Endpoint, &t.Created, &t.Actor, &t.Expires, &t.Revoked)
		t.Created, t.Expires, t.Revoked = t.Created.UTC(), utc(t.Expires), utc(t.Revoked)
		return t, err
	})
	return out, fail(err, "list tokens")
}
