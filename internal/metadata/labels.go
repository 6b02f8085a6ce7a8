package metadata

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Label is the truth about one prediction, as it became known.
type Label struct {
	ID           int64           `json:"id"`
	PredictionID *uuid.UUID      `json:"prediction_id,omitempty"` // this or RequestID
	RequestID    string          `json:"request_id,omitempty"`    // the caller's key of a request with one row
	Value        json.RawMessage `json:"label"`                   // a number or a text, in canonical JSON
	ObservedAt   time.Time       `json:"observed_at"`             // when the truth was known; zero in AddLabels: when it is received
	ReceivedAt   time.Time       `json:"received_at"`
	Source       string          `json:"source,omitempty"`
	InForce      bool            `json:"in_force"`
}

// LabelState is what became of a label.
type LabelState string

// The states of a label. All but repeated are kept.
const (
	LabelAccepted    LabelState = "accepted"
	LabelRepeated    LabelState = "repeated"    // it was there already, and in force or known to be older
	LabelCorrected   LabelState = "corrected"   // it replaces an older one of another value
	LabelConflicting LabelState = "conflicting" // another value was known at the same time; the later received is in force
	LabelSuperseded  LabelState = "superseded"  // one observed later was there first and stays in force
)

// LabelOutcome is what became of one label of AddLabels.
type LabelOutcome struct {
	State LabelState
	// Unknown: no answer of that id or key is in the audit table. The label is kept,
	// and joined when there is one.
	Unknown bool
	// Ambiguous: the request had several rows, so that its key names none of them.
	// The label is kept and joined to nothing.
	Ambiguous bool
}

// AddLabels are labels of one endpoint, from one source.
type AddLabels struct {
	Endpoint string
	Source   string
	Labels   []Label
}

const labelStage = `create temporary table if not exists labels_staging
	(row int, key bytea, prediction_id uuid, day date, request_id text, value jsonb, observed_at timestamptz, back bigint) on commit delete rows`

// The order gives the labels of one batch ids in their order.
const labelMerge = `insert into labels (key, endpoint, prediction_id, request_id, value, observed_at, received_at, source)
	select key, $1, prediction_id, request_id, value, coalesce(observed_at, $2), $2, $3
	from (select distinct on (key) * from labels_staging order by key, row) s order by row
	on conflict (key) do nothing`

// labelReturn takes back what was corrected: of each target the label of the batch that
// was observed last, the last of several, if it was there already and another value has
// come into force since that was not observed later. It is a label of its own, named
// after the one that it replaces.
const labelReturn = `with latest as (
		select distinct on (target) * from (select coalesce('p' || prediction_id::text, 'r' || request_id) as target, * from labels_staging) s
		order by target, coalesce(observed_at, $2) desc, row desc),
	again as (
		insert into labels (key, endpoint, prediction_id, request_id, value, observed_at, received_at, source)
		select sha256(s.key || int8send(f.id)), $1, s.prediction_id, s.request_id, s.value, coalesce(s.observed_at, $2), $2, $3
		from latest s cross join lateral (select id, value, observed_at from labels l where l.endpoint = $1 and l.target = s.target
			order by observed_at desc, received_at desc, id desc limit 1) f
		where f.value <> s.value and f.observed_at <= coalesce(s.observed_at, $2) order by s.row
		returning id, target)
	update labels_staging s set back = a.id from again a join latest l on l.target = a.target where s.row = l.row`

// labelOutcomes compares each label with those of its target that were there
// before it. $2 is the greatest id before the batch.
const labelOutcomes = `select s.row,
		case when s.back is null and (l.id <= $2 or s.row > min(s.row) over (partition by s.key)) then 'repeated'
			when e.conflicts then 'conflicting' when e.later then 'superseded' when e.last <> l.value then 'corrected' else 'accepted' end,
		coalesce(p.endpoint, ''),
		case when s.prediction_id is not null then p.id is null or p.status <> 200 else r.rows is null end,
		coalesce(r.rows > 1, false)
	from labels_staging s join labels k on k.key = s.key join labels l on l.id = coalesce(s.back, k.id)
	left join lateral (
		select bool_or(o.observed_at = l.observed_at and o.value <> l.value) as conflicts, bool_or(o.observed_at > l.observed_at) as later,
			(array_agg(o.value order by o.observed_at desc, o.received_at desc, o.id desc))[1] as last
		from labels o where o.endpoint = $1 and o.target = l.target and o.id < l.id) e on true
	left join predictions p on p.day = s.day and p.id = s.prediction_id
	left join lateral (
		select max(q.rows) as rows from (select count(*) as rows from predictions q
			where q.endpoint = $1 and q.request_id = s.request_id and q.status = 200 group by q.at) q) r on s.request_id is not null
	order by s.row`

// AddLabels keeps labels in one transaction, all or none, and says what became
// of each, in their order. The same label twice is one, so that a call may be tried
// again: same endpoint, same prediction or request, same value, same observed_at; one
// that came without observed_at is known by its value. A value that was corrected and
// comes back is in force again, with its own place in the history, unless what is in
// force was observed later: that is how a file with both of them, each with its
// observed_at, may come as often as it likes. Those without observed_at are taken as
// they come: of several about one target in a batch the last is the one that counts,
// so that a batch that ends with the value in force changes nothing. Labels of one
// endpoint are written one batch after another.
//
// EndpointNotFound; RequestInvalid, with the row in its details, for a prediction
// of another endpoint.
func (db *DB) AddLabels(ctx context.Context, in AddLabels) ([]LabelOutcome, error) {
	out := make([]LabelOutcome, len(in.Labels))
	err := db.inTx(ctx, "keep labels of "+in.Endpoint, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, `select exists (select from endpoints where name = $1)`, in.Endpoint).Scan(&known); err != nil {
			return err
		}
		if !known {
			return fault.New(fault.EndpointNotFound, "there is no endpoint %.80q", in.Endpoint).WithRemedy("name one of: esteira endpoints list")
		}
		if err := lock(ctx, tx, "labels", in.Endpoint); err != nil {
			return err
		}
		// Compiling these plans costs more than running them.
		if _, err := tx.Exec(ctx, `set local jit = off; `+labelStage); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"labels_staging"}, []string{"row", "key", "prediction_id", "day", "request_id", "value", "observed_at"},
			pgx.CopyFromSlice(len(in.Labels), func(i int) ([]any, error) { return in.Labels[i].staged(in.Endpoint, i), nil })); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `analyze labels_staging`); err != nil { // a plan for no rows is none for thousands
			return err
		}
		var before int64
		var received time.Time
		if err := tx.QueryRow(ctx, `select coalesce(max(id), 0), clock_timestamp() from labels`).Scan(&before, &received); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, labelMerge, in.Endpoint, received, Clean(in.Source)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, labelReturn, in.Endpoint, received, Clean(in.Source)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, labelOutcomes, in.Endpoint, before)
		if err != nil {
			return err
		}
		var row int
		var endpoint string
		var o LabelOutcome
		_, err = pgx.ForEachRow(rows, []any{&row, &o.State, &endpoint, &o.Unknown, &o.Ambiguous}, func() error {
			if endpoint != "" && endpoint != in.Endpoint {
				return fault.New(fault.RequestInvalid, "labels[%d]: prediction %s is of endpoint %s, not of %s", row, in.Labels[row].PredictionID, endpoint, in.Endpoint).
					WithRemedy("send it to that endpoint").WithDetails(map[string]any{"row": row})
			}
			out[row] = o
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// staged is a row of the staging table.
func (l *Label) staged(endpoint string, row int) []any {
	var prediction, day, request, observed any
	target, at := "r"+l.RequestID, ""
	if l.PredictionID != nil {
		prediction, day, target = [16]byte(*l.PredictionID), Day(*l.PredictionID), "p"+l.PredictionID.String()
	} else {
		request = l.RequestID
	}
	if !l.ObservedAt.IsZero() {
		t := l.ObservedAt.UTC().Truncate(time.Microsecond)
		observed, at = t, t.Format(time.RFC3339Nano)
	}
	key := sha256.Sum256([]byte(endpoint + "\x00" + target + "\x00" + string(l.Value) + "\x00" + at))
	return []any{row, key[:], prediction, day, request, []byte(l.Value), observed}
}

// labels are those of a prediction, the one in force first. A label of a request
// with several rows is of none of them.
func labels(ctx context.Context, tx pgx.Tx, p Prediction) ([]Label, error) {
	rows, _ := tx.Query(ctx, `select id, prediction_id, coalesce(request_id, ''), value, observed_at, received_at, source from labels l
		where endpoint = $1 and (target = 'p' || $2::uuid::text or target = 'r' || $3 and not exists (
			select from predictions q where q.endpoint = $1 and q.request_id = $3 and q.at = $4 and q.id <> $2 and q.status = 200))
		order by observed_at desc, received_at desc, id desc limit $5`, p.Endpoint, p.ID, p.RequestID, p.At, maxHistory)
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Label, err error) {
		err = row.Scan(&l.ID, &l.PredictionID, &l.RequestID, &l.Value, &l.ObservedAt, &l.ReceivedAt, &l.Source)
		l.ObservedAt, l.ReceivedAt = l.ObservedAt.UTC(), l.ReceivedAt.UTC()
		return l, err
	})
	if len(out) > 0 {
		out[0].InForce = true
	}
	return out, err
}

// maxHistory bounds the labels that a trace shows.
const maxHistory = 100
