package metadata

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Touched is the way from a source's bytes to what they had a part in.
type Touched struct {
	Digest    string            `json:"digest"`
	Snapshots []TouchedSnapshot `json:"snapshots"`
	Datasets  []Dataset         `json:"datasets"`
	Runs      []string          `json:"runs"`
	Models    []ModelVersion    `json:"models"`
	Revisions []Revision        `json:"revisions"`
	Counts    []TouchedCount    `json:"predictions"`
	Total     int64             `json:"total"`
}

// TouchedSnapshot is where the bytes came in.
type TouchedSnapshot struct {
	Run    string    `json:"run"`
	Source string    `json:"source"`
	Digest string    `json:"digest"`
	Files  []string  `json:"files,omitempty"` // with that checksum; empty: the snapshot itself has the digest
	Taken  time.Time `json:"taken"`
}

// TouchedCount is how many predictions of an endpoint a touched model version
// answered with 200, shadows included.
type TouchedCount struct {
	Endpoint     string    `json:"endpoint"`
	ModelName    string    `json:"model_name"`
	ModelVersion int       `json:"model_version"`
	Role         Role      `json:"role"`
	Rows         int64     `json:"rows"`
	From         time.Time `json:"from"` // first and last day
	To           time.Time `json:"to"`
}

// reached are the digests made from the one that is asked for, each within the run
// that read it: another run that came to the same dataset from other bytes is not
// touched. A file's checksum is none of an artifact: it is reached through the
// snapshots that hold it.
const reached = `with recursive seeds (digest, run) as (
		select digest, run from snapshots where digest = $1 or checksum = $1 or files @> jsonb_build_array(jsonb_build_object('checksum', $1::text))
		union select digest, run from datasets where digest = $1
		union select input, run from lineage where input = $1),
	forward (digest, run, depth) as (
		select digest, run, 0 from seeds
		union
		select l.output, l.run, f.depth + 1 from forward f join lineage l on l.input = f.digest and l.run = f.run where f.depth < 64),
	reached_runs as (select distinct run from forward) `

// TraceSource walks forward from the digest or checksum of a source's file, a
// snapshot, a dataset or any artifact: the snapshots that hold it, the datasets, runs
// and model versions made from them, the revisions that served those, and how many
// predictions they answered, by endpoint and period. Days that were dropped after
// their export are counted by what their manifests say. A digest that nothing was
// made from is NotFound.
func (db *DB) TraceSource(ctx context.Context, digest string) (Touched, error) {
	t := Touched{Digest: strings.TrimPrefix(digest, "sha256:")}
	if t.Digest == "" || len(t.Digest) > 256 {
		return t, fault.New(fault.RequestInvalid, "%.80q is not a digest or checksum", digest).WithRemedy("give one that esteira trace PREDICTION shows")
	}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return t.follow(ctx, tx)
	})
	if err == nil && len(t.Snapshots)+len(t.Runs) == 0 {
		err = fault.New(fault.NotFound, "nothing was made from %s", t.Digest).WithRemedy("give the checksum of a file, or the digest of a snapshot or dataset, as esteira trace PREDICTION shows them")
	}
	return t, fail(err, "trace source "+t.Digest)
}

func (t *Touched) follow(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `select s.run, s.source, s.digest, s.taken,
			coalesce((select array_agg(f->>'path') from jsonb_array_elements(s.files) f where f->>'checksum' = $1), '{}')
		from snapshots s where s.digest = $1 or s.checksum = $1 or s.files @> jsonb_build_array(jsonb_build_object('checksum', $1::text)) order by s.taken, s.run, s.source`, t.Digest)
	var err error
	if t.Snapshots, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s TouchedSnapshot, err error) {
		err = row.Scan(&s.Run, &s.Source, &s.Digest, &s.Taken, &s.Files)
		s.Taken = s.Taken.UTC()
		return s, err
	}); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, reached+`select run from reached_runs order by run`, t.Digest)
	if t.Runs, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	for _, run := range t.Runs {
		data, err := dataset(ctx, tx, run)
		if found, err := present(err); err != nil {
			return err
		} else if found {
			t.Datasets = append(t.Datasets, data)
		}
	}
	rows, _ = tx.Query(ctx, reached+`select `+modelColumns+` from model_versions
		where bundle_digest in (select digest from forward) order by name, version`, t.Digest)
	if t.Models, err = pgx.CollectRows(rows, scanModel); err != nil || len(t.Models) == 0 {
		return err
	}
	names, versions := make([]string, len(t.Models)), make([]int, len(t.Models))
	for i, m := range t.Models {
		names[i], versions[i] = m.Name, m.Version
	}
	rows, _ = tx.Query(ctx, revisionQuery+`where exists (select from unnest($1::text[], $2::int[]) as v (name, version)
			where (v.name, v.version) in ((r.model_name, r.model_version), (r.canary_name, r.canary_version), (r.shadow_name, r.shadow_version)))
		order by r.endpoint, r.revision`, names, versions)
	if t.Revisions, err = pgx.CollectRows(rows, scanRevision); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `with versions as (select * from unnest($1::text[], $2::int[]) as v (name, version)), counted as (
			select p.endpoint, p.model_name, p.model_version, p.role, p.day, count(*) as rows
			from predictions p join versions v on v.name = p.model_name and v.version = p.model_version
			where p.status = 200 and p.endpoint = any ($3) and p.day not in (select day from audit_drops) group by 1, 2, 3, 4, 5
			union all
			select c.endpoint, c.model_name, c.model_version, c.role, e.day, c.rows
			from audit_exports e cross join jsonb_to_recordset(e.counts) as c (endpoint text, model_name text, model_version int, role text, status int, rows bigint)
			join versions v on v.name = c.model_name and v.version = c.model_version
			where c.status = 200 and e.day in (select day from audit_drops))
		select endpoint, model_name, model_version, role, sum(rows)::bigint, min(day), max(day) from counted group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
		names, versions, t.endpoints())
	t.Counts, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c TouchedCount, err error) {
		err = row.Scan(&c.Endpoint, &c.ModelName, &c.ModelVersion, &c.Role, &c.Rows, &c.From, &c.To)
		c.From, c.To = c.From.UTC(), c.To.UTC()
		t.Total += c.Rows
		return c, err
	})
	return err
}

// endpoints lists those of the revisions, so that the index of predictions helps.
func (t *Touched) endpoints() []string {
	seen, out := map[string]bool{}, []string{}
	for _, r := range t.Revisions {
		if !seen[r.Endpoint] {
			seen[r.Endpoint] = true
			out = append(out, r.Endpoint)
		}
	}
	return out
}
