package metadata

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// AuditMode says when an answer may leave.
type AuditMode string

// The modes. AuditStrict is that of an endpoint without a policy.
const (
	AuditStrict  AuditMode = "strict"  // after its record is on disk
	AuditBounded AuditMode = "bounded" // before, within a declared bound
)

// What is done to a column before a record reaches the disk.
const (
	ColumnHash = "hash" // a keyed hash of the value in its place
	ColumnMask = "mask" // "***" in its place
	ColumnOmit = "omit" // neither name nor value
)

// AuditPolicy is what the audit log keeps of an endpoint, and when.
type AuditPolicy struct {
	Endpoint   string            `json:"endpoint"`
	Version    int64             `json:"version"` // from 1
	Mode       AuditMode         `json:"mode"`
	MaxRecords int64             `json:"max_records,omitempty"` // bounded: answered and not on disk, at most
	MaxDelay   time.Duration     `json:"max_delay,omitempty"`   // bounded: how long the oldest of these may wait
	Columns    map[string]string `json:"columns,omitempty"`     // name -> ColumnHash, ColumnMask or ColumnOmit
	Key        string            `json:"key,omitempty"`         // reference to the secret of hashes, env:NAME or file:PATH, that each server resolves
	Actor      string            `json:"actor,omitempty"`       // who set it
	Reason     string            `json:"reason,omitempty"`      //
	Created    time.Time         `json:"created"`               //
}

// same reports whether two policies ask for the same.
func (p AuditPolicy) same(q AuditPolicy) bool {
	return p.Mode == q.Mode && p.MaxRecords == q.MaxRecords && p.MaxDelay == q.MaxDelay && p.Key == q.Key && maps.Equal(p.Columns, q.Columns)
}

const policyColumns = `endpoint, version, mode, max_records, max_delay_us, columns, key, actor, reason, created`

func scanPolicy(row pgx.CollectableRow) (p AuditPolicy, err error) {
	var delay int64
	err = row.Scan(&p.Endpoint, &p.Version, &p.Mode, &p.MaxRecords, &delay, &p.Columns, &p.Key, &p.Actor, &p.Reason, &p.Created)
	p.MaxDelay, p.Created = time.Duration(delay)*time.Microsecond, p.Created.UTC()
	return p, err
}

// SetAuditPolicy makes the policy that of its endpoint from now on and tells the
// servers; one that asks for what is in force already changes nothing. Version and
// Created are the database's.
func (db *DB) SetAuditPolicy(ctx context.Context, p AuditPolicy) (AuditPolicy, error) {
	columns, err := encode(p.Columns, "{}")
	if err != nil {
		return p, err
	}
	payload, err := json.Marshal(EndpointChange{Endpoint: p.Endpoint})
	if err != nil {
		return p, fault.Wrap(err, fault.Internal, "encode the change of %s", p.Endpoint)
	}
	var out AuditPolicy
	err = db.inTx(ctx, "set the audit policy of "+p.Endpoint, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "audit_policies", p.Endpoint); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `select `+policyColumns+` from audit_policies where endpoint = $1 order by version desc limit 1`, p.Endpoint)
		current, err := pgx.CollectExactlyOneRow(rows, scanPolicy)
		found, err := present(err)
		if err != nil {
			return err
		}
		if found && current.same(p) {
			out = current
			return nil
		}
		rows, _ = tx.Query(ctx, `insert into audit_policies (endpoint, version, mode, max_records, max_delay_us, columns, key, actor, reason)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning `+policyColumns,
			p.Endpoint, current.Version+1, p.Mode, p.MaxRecords, p.MaxDelay.Microseconds(), columns, p.Key, p.Actor, Clean(p.Reason))
		if out, err = pgx.CollectExactlyOneRow(rows, scanPolicy); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `select pg_notify($1, $2)`, EndpointsChannel, string(payload))
		return err
	})
	return out, err
}

// AuditPolicies lists the policy in force of every endpoint that has one, by name.
func (db *DB) AuditPolicies(ctx context.Context) ([]AuditPolicy, error) {
	rows, _ := db.pool.Query(ctx, `select distinct on (endpoint) `+policyColumns+` from audit_policies order by endpoint, version desc`)
	out, err := pgx.CollectRows(rows, scanPolicy)
	return out, fail(err, "list the audit policies")
}

// AuditPolicyHistory lists the policies of an endpoint, newest first.
func (db *DB) AuditPolicyHistory(ctx context.Context, endpoint string) ([]AuditPolicy, error) {
	rows, _ := db.pool.Query(ctx, `select `+policyColumns+` from audit_policies where endpoint = $1 order by version desc limit 1000`, endpoint)
	out, err := pgx.CollectRows(rows, scanPolicy)
	return out, fail(err, "list the audit policies of "+endpoint)
}
