package serving_test

import (
	"context"
	"testing"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
)

// A server that starts without Postgres withholds what it withheld before.
func TestPoliciesAreInForceAfterARestartFromDisk(t *testing.T) {
	dir := t.TempDir()
	state, err := serving.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := metadata.AuditPolicy{Endpoint: "flights", Version: 4, Mode: metadata.AuditStrict, Key: "env:NONE", Columns: map[string]string{"origin": metadata.ColumnOmit}}
	if err := state.KeepPolicies([]metadata.AuditPolicy{p}); err != nil {
		t.Fatal(err)
	}
	store := shelf{}
	ref := store.put(regressionBundle(t, 1))
	if err := state.Keep(metadata.Revision{Endpoint: "flights", Revision: 7, ModelName: "m", ModelVersion: 3, Bundle: ref}); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, serving.Limits{})
	again, err := serving.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := serving.NewWatcher(serving.WatcherOptions{Table: s.table, State: again,
		Loader: &serving.BundleLoader{State: again, Open: func(context.Context) (serving.Store, error) { return store, nil }}})
	if w.Restore(t.Context()) != 1 {
		t.Fatalf("%+v", s.table.Status())
	}
	s.ask(t, predictPath, oneRow)
	if got := s.audited(t); string(got[0].Features) != `{"distance":7,"departs":1}` {
		t.Fatalf("%s", got[0].Features)
	}
}
