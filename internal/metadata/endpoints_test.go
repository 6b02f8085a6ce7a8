package metadata_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func TestABundleHasOneVersion(t *testing.T) {
	b := setup(t)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if _, err := b.RegisterModel(b.ctx, metadata.RegisterModel{Name: "flights", Bundle: ref("bundle" + string(rune('a'+i%3))), Run: b.run.ID}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	versions, err := b.ModelVersions(b.ctx, "flights")
	if err != nil || len(versions) != 3 || versions[0].Version != 3 || versions[2].Version != 1 {
		t.Fatalf("%+v %v", versions, err)
	}
	again := b.register(t, "bundlea")
	if again.Version > 3 {
		t.Fatalf("%+v", again)
	}
	newest, err := b.ModelVersion(b.ctx, "flights", 0)
	if err != nil || newest.Version != 3 {
		t.Fatal(newest, err)
	}
	if models, err := b.Models(b.ctx); err != nil || len(models) != 1 || models[0].Version != 3 {
		t.Fatal(models, err)
	}
	for _, version := range []int{0, 9} {
		if _, err := b.ModelVersion(b.ctx, "absent", version); fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
	}
	if _, err := b.ModelVersions(b.ctx, "absent"); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

func TestAliasesKeepTheirHistory(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	b.register(t, "two")
	for _, version := range []int{1, 2, 2, 1} {
		if err := b.SetAlias(b.ctx, metadata.Alias{Model: "flights", Alias: "champion", Version: version, Actor: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	aliases, err := b.Aliases(b.ctx, "flights")
	if err != nil || len(aliases) != 1 || aliases[0].Version != 1 {
		t.Fatal(aliases, err)
	}
	history, err := b.AliasHistory(b.ctx, "flights", "champion")
	if err != nil || len(history) != 3 || history[1].Version != 2 {
		t.Fatal(history, err)
	}
	if err := b.SetAlias(b.ctx, metadata.Alias{Model: "flights", Alias: "champion", Version: 7, Actor: "ana"}); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

func move(run string, expected int64, version int) metadata.SetRevision {
	return metadata.SetRevision{Endpoint: "flights", Expected: expected, ModelName: "flights", ModelVersion: version, Run: run, Actor: "pipeline", Reason: "gates passed", Evidence: map[string]any{"rmse": 12.5}}
}

func TestAnEndpointMovesByCompareAndSet(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	b.register(t, "two")
	if _, err := b.Endpoint(b.ctx, "flights"); fault.KindOf(err) != fault.EndpointNotFound {
		t.Fatal(err)
	}
	first, err := b.SetRevision(b.ctx, move("run-1", 0, 1))
	if err != nil || first.Revision != 1 || first.Previous != 0 || first.Bundle != ref("one") {
		t.Fatalf("%+v %v", first, err)
	}
	second, err := b.SetRevision(b.ctx, move("run-2", 1, 2))
	if err != nil || second.Revision != 2 || second.Previous != 1 {
		t.Fatalf("%+v %v", second, err)
	}
	// A third run that decided when revision 1 was live.
	_, err = b.SetRevision(b.ctx, move("run-3", 1, 1))
	var conflict *fault.Error
	if !errors.As(err, &conflict) || conflict.Kind != fault.EndpointConflict || conflict.Details != (metadata.EndpointChange{Endpoint: "flights", Revision: 2}) {
		t.Fatal(err)
	}
	endpoint, err := b.Endpoint(b.ctx, "flights")
	if err != nil || endpoint.Revision != 2 || endpoint.Live == nil || endpoint.Live.ModelVersion != 2 || endpoint.Live.Bundle != ref("two") || string(endpoint.Live.Evidence) != `{"rmse": 12.5}` {
		t.Fatalf("%+v %v", endpoint, err)
	}
	history, err := b.Revisions(b.ctx, "flights", 10)
	if err != nil || len(history) != 2 || history[0].Revision != 2 || history[1].Run != "run-1" {
		t.Fatalf("%+v %v", history, err)
	}
}

func TestARetriedMoveGetsItsOwnRevision(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	b.register(t, "two")
	set := func(p metadata.SetRevision, want int64) {
		t.Helper()
		if got, err := b.SetRevision(b.ctx, p); err != nil || got.Revision != want {
			t.Fatalf("%+v %v, want revision %d", got, err, want)
		}
	}
	set(move("run-1", 0, 1), 1)
	set(move("run-1", 0, 1), 1) // with what it saw before
	set(move("run-1", 1, 1), 1) // with what it sees now
	set(move("run-2", 1, 2), 2)
	set(move("run-1", 0, 1), 1) // a zombie learns of its past and changes nothing
	set(move("run-2", 2, 1), 3) // the same run takes it back
	set(move("run-2", 2, 1), 3)
	byHand := move("", 3, 2)
	set(byHand, 4)
	if _, err := b.SetRevision(b.ctx, byHand); fault.KindOf(err) != fault.EndpointConflict {
		t.Fatal(err)
	}
	if e, err := b.Endpoint(b.ctx, "flights"); err != nil || e.Revision != 4 {
		t.Fatal(e, err)
	}
}

func TestOfManyMovesOneWins(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	var mu sync.Mutex
	var wg sync.WaitGroup
	won, lost := 0, 0
	for i := range 12 {
		wg.Go(func() {
			_, err := b.SetRevision(b.ctx, move("run-"+string(rune('a'+i)), 0, 1))
			mu.Lock()
			defer mu.Unlock()
			switch fault.KindOf(err) {
			case fault.EndpointConflict:
				lost++
			default:
				if err != nil {
					t.Error(err)
				}
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 11 {
		t.Fatal(won, lost)
	}
}

func TestHistoryIsNeverChanged(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	if _, err := b.SetRevision(b.ctx, move("run-1", 0, 1)); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`update revisions set actor = 'nobody'`, `delete from revisions`} {
		if _, err := b.Pool().Exec(b.ctx, sql); err == nil {
			t.Error(sql, "was allowed")
		}
	}
	if _, err := b.SetRevision(b.ctx, move("run-2", 1, 9)); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if e, err := b.Endpoint(b.ctx, "flights"); err != nil || e.Revision != 1 {
		t.Fatal("a failed move left a trace", e, err)
	}
}

func TestServersAreToldAndToldAgainAfterACut(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	b.register(t, "two")
	ctx, cancel := context.WithCancel(b.ctx)
	heard := make(chan string, 100)
	ended := make(chan error, 1)
	go func() { ended <- b.Listen(ctx, metadata.EndpointsChannel, func(payload string) { heard <- payload }) }()
	if got := <-heard; got != "" {
		t.Fatalf("%q came before the first look", got)
	}
	if _, err := b.SetRevision(b.ctx, move("run-1", 0, 1)); err != nil {
		t.Fatal(err)
	}
	var change metadata.EndpointChange
	if err := json.Unmarshal([]byte(<-heard), &change); err != nil || change != (metadata.EndpointChange{Endpoint: "flights", Revision: 1}) {
		t.Fatal(change, err)
	}
	if _, err := b.SetRevision(b.ctx, move("run-1", 0, 9)); err == nil {
		t.Fatal("an unknown version went live")
	}
	// The listening session dies; the listener comes back and says: look.
	if _, err := b.Pool().Exec(b.ctx, `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %' and datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "" {
		t.Fatalf("%q", got)
	}
	if _, err := b.SetRevision(b.ctx, move("run-2", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(<-heard), &change); err != nil || change.Revision != 2 {
		t.Fatal(change, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestServersReport(t *testing.T) {
	b := setup(t)
	server := metadata.Server{ID: "s1", Address: "http://127.0.0.1:8090"}
	if err := b.ReportRevision(b.ctx, metadata.RevisionReport{Server: "s1", Endpoint: "flights", Revision: 1, State: metadata.ServerLive}); fault.KindOf(err) != fault.NotFound {
		t.Fatal("a server nobody knows reported", err)
	}
	for range 2 {
		if err := b.Heartbeat(b.ctx, server); err != nil {
			t.Fatal(err)
		}
	}
	if live, err := b.LiveServers(b.ctx, time.Minute); err != nil || len(live) != 1 || live[0].Address != server.Address {
		t.Fatal(live, err)
	}
	if _, err := b.Pool().Exec(b.ctx, `update servers set seen = now() - interval '2 minutes'`); err != nil {
		t.Fatal(err)
	}
	if live, err := b.LiveServers(b.ctx, time.Minute); err != nil || len(live) != 0 {
		t.Fatal(live, err)
	}
	first := time.Now().UTC().Truncate(time.Microsecond)
	later := first.Add(time.Minute)
	for _, report := range []metadata.RevisionReport{
		{State: metadata.ServerLoading}, {State: metadata.ServerLive, AnsweredAt: &first}, {State: metadata.ServerLive, AnsweredAt: &later}, {State: metadata.ServerLive},
	} {
		report.Server, report.Endpoint, report.Revision = "s1", "flights", 1
		if err := b.ReportRevision(b.ctx, report); err != nil {
			t.Fatal(err)
		}
	}
	reports, err := b.RevisionReports(b.ctx, "flights", 1)
	if err != nil || len(reports) != 1 || reports[0].State != metadata.ServerLive || reports[0].AnsweredAt == nil || !reports[0].AnsweredAt.Equal(first) {
		t.Fatalf("%+v %v", reports, err)
	}
	if err := b.RemoveServer(b.ctx, "s1"); err != nil {
		t.Fatal(err)
	}
	if reports, err := b.RevisionReports(b.ctx, "flights", 1); err != nil || len(reports) != 0 {
		t.Fatal(reports, err)
	}
}

// A revision holds its canary and shadow with their bundles, and who approved it;
// the same run with other shares makes a revision of its own.
func TestARevisionHoldsItsVariants(t *testing.T) {
	b := setup(t)
	live, other := b.register(t, "one"), b.register(t, "two")
	move := metadata.SetRevision{Endpoint: "flights", ModelName: "flights", ModelVersion: live.Version, Run: b.run.ID, Actor: "rollout", Rollout: "flights/rollout/1", ApprovedBy: "ana",
		Canary: &metadata.Variant{ModelName: "flights", ModelVersion: other.Version, Share: 0.1},
		Shadow: &metadata.Variant{ModelName: "flights", ModelVersion: other.Version, Share: 1}}
	made, err := b.SetRevision(b.ctx, move)
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Endpoint(b.ctx, "flights")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []metadata.Revision{made, *e.Live} {
		if r.Canary == nil || r.Shadow == nil || r.Canary.Share != 0.1 || r.Canary.Bundle != other.Bundle || r.Shadow.Share != 1 || r.Bundle != live.Bundle ||
			r.Rollout != move.Rollout || r.ApprovedBy != "ana" {
			t.Fatalf("%+v", r)
		}
	}
	if again, err := b.SetRevision(b.ctx, move); err != nil || again.Revision != 1 {
		t.Fatal(again, err)
	}
	move.Expected, move.Canary = 1, &metadata.Variant{ModelName: "flights", ModelVersion: other.Version, Share: 0.5}
	if next, err := b.SetRevision(b.ctx, move); err != nil || next.Revision != 2 || next.Canary.Share != 0.5 {
		t.Fatal(next, err)
	}
	for _, wrong := range []metadata.Variant{{ModelName: "flights", ModelVersion: other.Version}, {ModelName: "flights", ModelVersion: other.Version, Share: 1.5}, {ModelName: "flights", ModelVersion: 99, Share: 0.5}} {
		move.Expected, move.Canary = 2, &wrong
		if _, err := b.SetRevision(b.ctx, move); fault.KindOf(err) != fault.RequestInvalid && fault.KindOf(err) != fault.NotFound {
			t.Fatalf("%+v: %v", wrong, err)
		}
	}
}
