package metadata

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// The aliases that rollouts move.
const (
	Champion   = "champion"   // what is live
	Challenger = "challenger" // what is being rolled out
)

// SetAlias points an alias at a version and keeps the history. Pointing it
// where it points is a no-op.
func (db *DB) SetAlias(ctx context.Context, a Alias) error {
	return db.inTx(ctx, "set alias "+a.Alias+" of model "+a.Model, func(tx pgx.Tx) error { return setAlias(ctx, tx, a) })
}

// RemoveAlias takes an alias away, and keeps the history: there it points at
// version 0. It is NotFound if the model has no such alias.
func (db *DB) RemoveAlias(ctx context.Context, a Alias) error {
	return db.inTx(ctx, "remove alias "+a.Alias+" of model "+a.Model, func(tx pgx.Tx) error {
		removed, err := removeAlias(ctx, tx, a)
		if err == nil && !removed {
			return fault.New(fault.NotFound, "model %s has no alias %q", a.Model, a.Alias).WithRemedy("look at them: esteira models show %s", a.Model)
		}
		return err
	})
}

func setAlias(ctx context.Context, tx pgx.Tx, a Alias) error {
	evidence, err := encode(a.Evidence, "{}")
	if err != nil {
		return err
	}
	previous, err := aliased(ctx, tx, a)
	if err != nil || previous == a.Version {
		return err
	}
	batch := &pgx.Batch{}
	batch.Queue(`insert into aliases (model, alias, version, actor, reason, evidence) values ($1, $2, $3, $4, $5, $6)
		on conflict (model, alias) do update set version = excluded.version, actor = excluded.actor, reason = excluded.reason, evidence = excluded.evidence, changed = now()`,
		a.Model, a.Alias, a.Version, a.Actor, Clean(a.Reason), evidence)
	queueHistory(batch, a, previous, evidence)
	return tx.SendBatch(ctx, batch).Close()
}

// removeAlias takes an alias away; with a version, only if it points at it.
func removeAlias(ctx context.Context, tx pgx.Tx, a Alias) (bool, error) {
	evidence, err := encode(a.Evidence, "{}")
	if err != nil {
		return false, err
	}
	previous, err := aliased(ctx, tx, a)
	if err != nil || previous == 0 || a.Version != 0 && a.Version != previous {
		return false, err
	}
	a.Version = 0
	batch := &pgx.Batch{}
	batch.Queue(`delete from aliases where model = $1 and alias = $2`, a.Model, a.Alias)
	queueHistory(batch, a, previous, evidence)
	return true, tx.SendBatch(ctx, batch).Close()
}

// aliased is the version an alias points at, 0 if at none; it may not change
// until the transaction ends.
func aliased(ctx context.Context, tx pgx.Tx, a Alias) (version int, err error) {
	if err := lock(ctx, tx, "alias", a.Model, a.Alias); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `select version from aliases where model = $1 and alias = $2`, a.Model, a.Alias).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return version, err
}

func queueHistory(batch *pgx.Batch, a Alias, previous int, evidence string) {
	batch.Queue(`insert into alias_history (model, alias, version, previous, actor, reason, evidence) values ($1, $2, $3, $4, $5, $6, $7)`,
		a.Model, a.Alias, a.Version, previous, a.Actor, Clean(a.Reason), evidence)
}

const aliasColumns = `model, alias, version, actor, reason, changed, evidence`

// Aliases lists the aliases of a model, by name.
func (db *DB) Aliases(ctx context.Context, model string) ([]Alias, error) {
	rows, _ := db.pool.Query(ctx, `select `+aliasColumns+` from aliases where model = $1 order by alias`, model)
	return collectAliases(rows, model)
}

// ModelNamed returns the version of a model that a text names: a number, an alias, or
// the newest if it is empty. NotFound if there is none.
func (db *DB) ModelNamed(ctx context.Context, name, which string) (ModelVersion, error) {
	if number, err := strconv.Atoi(which); which == "" || err == nil && number > 0 {
		return db.ModelVersion(ctx, name, number)
	}
	aliases, err := db.Aliases(ctx, name)
	if err != nil {
		return ModelVersion{}, err
	}
	at := slices.IndexFunc(aliases, func(al Alias) bool { return al.Alias == which })
	if at < 0 {
		return ModelVersion{}, fault.New(fault.NotFound, "model %q has no alias %q", name, which).WithRemedy("see them: esteira models show %s", name)
	}
	return db.ModelVersion(ctx, name, aliases[at].Version)
}

// AliasHistory lists where an alias (empty: any) pointed, newest first; version 0
// is that it was removed.
func (db *DB) AliasHistory(ctx context.Context, model, alias string) ([]Alias, error) {
	rows, _ := db.pool.Query(ctx, `select `+aliasColumns+` from alias_history where model = $1 and ($2 = '' or alias = $2) order by id desc`, model, alias)
	return collectAliases(rows, model)
}

func collectAliases(rows pgx.Rows, model string) ([]Alias, error) {
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Alias, err error) {
		err = row.Scan(&a.Model, &a.Alias, &a.Version, &a.Actor, &a.Reason, &a.Changed, &a.Evidence)
		a.Changed = a.Changed.UTC()
		return a, err
	})
	return out, fail(err, "list the aliases of model "+model)
}
