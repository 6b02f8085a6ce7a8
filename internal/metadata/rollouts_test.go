package metadata_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// rolled is a database with three versions, of which 1 is live.
func rolled(t *testing.T) *testBundle {
	t.Helper()
	b := setup(t)
	for _, name := range []string{"one", "two", "three"} {
		b.register(t, name)
	}
	if _, err := b.SetRevision(b.ctx, move("run-0", 0, 1)); err != nil {
		t.Fatal(err)
	}
	return b
}

func beginning(id string, version int, champion string) metadata.BeginRollout {
	p := metadata.BeginRollout{ID: id, Endpoint: "flights", Run: "run of " + id, ModelName: "flights", ModelVersion: version, State: metadata.RolloutCanary, Evidence: map[string]int{"gate": 1}}
	if champion != "" {
		p.Champion = ref(champion).Digest
	}
	return p
}

func (b *testBundle) begin(t *testing.T, p metadata.BeginRollout) (metadata.Rollout, string) {
	t.Helper()
	r, superseded, err := b.BeginRollout(b.ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	return r, superseded
}

func (b *testBundle) move(t *testing.T, p metadata.MoveRollout) metadata.Revision {
	t.Helper()
	r, err := b.MoveRollout(b.ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// serves is what the endpoint serves, as text: "1", "1 canary 2 at 0.05".
func (b *testBundle) serves(t *testing.T) string {
	t.Helper()
	e, err := b.Endpoint(b.ctx, "flights")
	if err != nil {
		t.Fatal(err)
	}
	if e.Live == nil {
		return "nothing"
	}
	s := fmt.Sprint(e.Live.ModelVersion)
	if c := e.Live.Canary; c != nil {
		s += fmt.Sprintf(" canary %d at %v", c.ModelVersion, c.Share)
	}
	if c := e.Live.Shadow; c != nil {
		s += fmt.Sprintf(" shadow %d at %v", c.ModelVersion, c.Share)
	}
	return s
}

func (b *testBundle) alias(t *testing.T, name string) int {
	t.Helper()
	all, err := b.Aliases(b.ctx, "flights")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Alias == name {
			return a.Version
		}
	}
	return 0
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func TestARolloutGoesLiveInSteps(t *testing.T) {
	b := rolled(t)
	r, superseded := b.begin(t, beginning("a", 2, "one"))
	expect(t, "superseded", superseded, "")
	expect(t, "baseline", r.BaselineModel(), "flights@1")
	expect(t, "challenger", b.alias(t, "challenger"), 2)
	expect(t, "serves", b.serves(t), "1")

	if _, err := b.SetRevision(b.ctx, move("by hand", 1, 3)); fault.KindOf(err) != fault.EndpointConflict {
		t.Fatal("somebody else moved the endpoint of an open rollout", err)
	}
	if err := b.NoteRollout(b.ctx, metadata.NoteRollout{ID: "a", State: metadata.RolloutShadow, Step: "shadow", ApprovedBy: "ana", ApprovalReason: "looks right"}); err != nil {
		t.Fatal(err)
	}
	b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutShadow, Shadow: 1})
	expect(t, "serves", b.serves(t), "1 shadow 2 at 1")
	made := b.move(t, metadata.MoveRollout{ID: "a", Seq: 2, State: metadata.RolloutCanary, Step: "canary of 5 %", Canary: 0.05, Evidence: map[string]int{"n": 3}})
	expect(t, "serves", b.serves(t), "1 canary 2 at 0.05")
	if made.ApprovedBy != "ana" || made.Rollout != "a" || made.Actor != "rollout" || string(made.Evidence) != `{"n": 3}` || made.Run != "run of a" {
		t.Fatalf("%+v", made)
	}
	again := b.move(t, metadata.MoveRollout{ID: "a", Seq: 2, State: metadata.RolloutCanary, Canary: 0.05})
	expect(t, "a repeated move", again.Revision, made.Revision)
	if _, err := b.MoveRollout(b.ctx, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutShadow, Shadow: 1}); fault.KindOf(err) != fault.RolloutEnded {
		t.Fatal("an overtaken move", err)
	}
	if _, _, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutLive}); fault.KindOf(err) != fault.Internal {
		t.Fatal("a canary was said to be live", err)
	}
	b.move(t, metadata.MoveRollout{ID: "a", Seq: 3, State: metadata.RolloutPromotion, Live: true})
	done, revision, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutLive, Actor: "rollout", Reason: "canary passed"})
	if err != nil || done.State != metadata.RolloutLive || done.Finished == nil || revision != 4 {
		t.Fatalf("%+v %d %v", done, revision, err)
	}
	expect(t, "serves", b.serves(t), "2")
	expect(t, "champion", b.alias(t, "champion"), 2)
	expect(t, "challenger", b.alias(t, "challenger"), 0)
	// Repeated, or too late, an end changes nothing.
	late, revision, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutRolledBack, Actor: "x"})
	if err != nil || late.State != metadata.RolloutLive || revision != 4 {
		t.Fatalf("%+v %v", late, err)
	}
	if _, _, err := b.BeginRollout(b.ctx, beginning("a", 2, "one")); fault.KindOf(err) != fault.RolloutEnded {
		t.Fatal(err)
	}
}

// At every state, an end that is not live leaves what was live before.
func TestARolloutIsTakenBackFromEveryState(t *testing.T) {
	for _, moves := range [][]metadata.MoveRollout{
		nil,
		{{Seq: 1, State: metadata.RolloutShadow, Shadow: 0.5}},
		{{Seq: 1, State: metadata.RolloutCanary, Canary: 0.5}},
		{{Seq: 1, State: metadata.RolloutCanary, Canary: 0.5}, {Seq: 2, State: metadata.RolloutPromotion, Live: true}},
	} {
		for _, byHand := range []bool{false, true} {
			b := rolled(t)
			b.begin(t, beginning("a", 2, "one"))
			for _, m := range moves {
				m.ID = "a"
				b.move(t, m)
			}
			number := int64(1 + len(moves))
			if byHand {
				if _, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: number, Actor: "ana", Reason: "wrong"}); fault.KindOf(err) != fault.EndpointConflict {
					t.Fatal("a rollout that was not seen was ended", err)
				}
				r, ended, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: number, Rollout: "a", Actor: "ana", Reason: "wrong"})
				if err != nil || ended == nil || ended.ID != "a" || r.ModelVersion != 1 {
					t.Fatalf("%+v %+v %v", r, ended, err)
				}
			} else if _, _, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutRolledBack, Actor: "ana", Reason: "wrong"}); err != nil {
				t.Fatal(err)
			}
			expect(t, "serves", b.serves(t), "1")
			expect(t, "challenger", b.alias(t, "challenger"), 0)
			r, err := b.Rollout(b.ctx, "run of a")
			if err != nil || r.State != metadata.RolloutRolledBack || r.Actor != "ana" || r.Reason != "wrong" || r.Finished == nil {
				t.Fatalf("%+v %v", r, err)
			}
			if _, err := b.MoveRollout(b.ctx, metadata.MoveRollout{ID: "a", Seq: 9, State: metadata.RolloutPromotion, Live: true}); fault.KindOf(err) != fault.RolloutEnded {
				t.Fatal("a zombie moved the endpoint", err)
			}
			if err := b.NoteRollout(b.ctx, metadata.NoteRollout{ID: "a", State: metadata.RolloutCanary}); fault.KindOf(err) != fault.RolloutEnded {
				t.Fatal(err)
			}
			expect(t, "serves", b.serves(t), "1")
		}
	}
}

// A worker that was cut off in the first rollout comes back after the second began.
func TestANewerRolloutSupersedesAndTheOlderChangesNothing(t *testing.T) {
	b := rolled(t)
	b.begin(t, beginning("a", 2, "one"))
	b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutCanary, Canary: 0.1})
	_, superseded := b.begin(t, beginning("b", 3, "one"))
	expect(t, "superseded", superseded, "a")
	_, superseded = b.begin(t, beginning("b", 3, "one"))
	expect(t, "superseded, asked again", superseded, "a")
	expect(t, "serves", b.serves(t), "1")
	expect(t, "challenger", b.alias(t, "challenger"), 3)
	zombie := metadata.MoveRollout{ID: "a", Seq: 2, State: metadata.RolloutPromotion, Live: true}
	if _, err := b.MoveRollout(b.ctx, zombie); fault.KindOf(err) != fault.RolloutEnded {
		t.Fatal(err)
	}
	ended, _, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutRolledBack})
	if err != nil || ended.State != metadata.RolloutSuperseded || ended.SupersededBy != "b" {
		t.Fatalf("%+v %v", ended, err)
	}
	expect(t, "serves", b.serves(t), "1")
	b.move(t, metadata.MoveRollout{ID: "b", Seq: 1, State: metadata.RolloutCanary, Canary: 0.2})
	if _, err := b.MoveRollout(b.ctx, zombie); fault.KindOf(err) != fault.RolloutEnded {
		t.Fatal(err)
	}
	expect(t, "serves", b.serves(t), "1 canary 3 at 0.2")
}

// What is being promoted may be either: what the newer was judged against decides.
func TestARolloutBeingPromotedIsSuperseded(t *testing.T) {
	for champion, want := range map[string]struct {
		state  metadata.RolloutState
		serves string
	}{"one": {metadata.RolloutSuperseded, "1"}, "two": {metadata.RolloutLive, "2"}} {
		b := rolled(t)
		b.begin(t, beginning("a", 2, "one"))
		b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutPromotion, Live: true})
		b.begin(t, beginning("b", 3, champion))
		expect(t, "serves", b.serves(t), want.serves)
		a, err := b.Rollout(b.ctx, "a")
		if err != nil || a.State != want.state {
			t.Fatalf("%+v %v", a, err)
		}
	}
	b := rolled(t)
	b.begin(t, beginning("a", 2, "one"))
	if _, _, err := b.BeginRollout(b.ctx, beginning("b", 3, "three")); fault.KindOf(err) != fault.EndpointConflict {
		t.Fatal("judged against what never was live", err)
	}
	a, err := b.Rollout(b.ctx, "a")
	if err != nil || a.Finished != nil {
		t.Fatalf("a refused rollout ended another: %+v %v", a, err)
	}
}

func TestOfManyRolloutsOneIsOpen(t *testing.T) {
	b := rolled(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if _, _, err := b.BeginRollout(b.ctx, beginning(fmt.Sprint("r", i), 2+i%2, "one")); err != nil {
				t.Error(err)
			}
			_, err := b.MoveRollout(b.ctx, metadata.MoveRollout{ID: fmt.Sprint("r", i), Seq: 1, State: metadata.RolloutCanary, Canary: 0.1 + float64(i)/100})
			if kind := fault.KindOf(err); err != nil && kind != fault.RolloutEnded {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	open, err := b.OpenRollout(b.ctx, "flights")
	if err != nil || open == nil {
		t.Fatal(open, err)
	}
	e, err := b.Endpoint(b.ctx, "flights")
	if err != nil || e.Live.ModelVersion != 1 || e.Live.Canary == nil || e.Live.Rollout != open.ID {
		t.Fatalf("%+v %v, open is %s", e.Live, err, open.ID)
	}
	all, err := b.Rollouts(b.ctx, "flights", 100)
	if err != nil || len(all) != 8 {
		t.Fatal(len(all), err)
	}
}

func TestTheFirstRolloutOfAnEndpointIsTakenBackToNothing(t *testing.T) {
	b := setup(t)
	b.register(t, "one")
	b.begin(t, beginning("a", 1, ""))
	b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutPromotion, Live: true})
	expect(t, "serves", b.serves(t), "1")
	if _, _, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutFailed}); err != nil {
		t.Fatal(err)
	}
	expect(t, "serves", b.serves(t), "nothing")

	b = setup(t)
	b.register(t, "one")
	b.begin(t, beginning("a", 1, ""))
	r, ended, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Rollout: "a", Actor: "ana", Reason: "not yet"})
	if err != nil || ended == nil || r.Revision != 0 {
		t.Fatal(r, ended, err)
	}
	expect(t, "serves", b.serves(t), "nothing")
}

// Without a rollout under way, what is live is taken back to the version before it
// that was good, as often as there is one.
func TestRollingBackSkipsWhatWasTakenBack(t *testing.T) {
	b := rolled(t)
	number := int64(1)
	set := func(version int) {
		t.Helper()
		r, err := b.SetRevision(b.ctx, move("", number, version))
		if err != nil {
			t.Fatal(err)
		}
		number = r.Revision
	}
	back := func(want int) {
		t.Helper()
		r, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: number, Actor: "ana", Reason: "worse"})
		if err != nil || r.ModelVersion != want || r.TakesBack != number || r.Actor != "ana" {
			t.Fatalf("%+v %v, want version %d", r, err, want)
		}
		number = r.Revision
		expect(t, "champion", b.alias(t, "champion"), want)
	}
	set(2)
	set(3)
	back(2)
	set(3)
	back(2)
	back(1)
	if _, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: number, Actor: "ana"}); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if _, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: number - 1, Actor: "ana"}); fault.KindOf(err) != fault.EndpointConflict {
		t.Fatal(err)
	}
	if _, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "nowhere", Actor: "ana"}); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	history, err := b.Revisions(b.ctx, "flights", 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range history {
		at, err := b.RevisionAt(b.ctx, "flights", r.Created)
		if err != nil || at.Revision != r.Revision {
			t.Fatal(i, at.Revision, r.Revision, err)
		}
	}
	if _, err := b.RevisionAt(b.ctx, "flights", history[len(history)-1].Created.Add(-time.Microsecond)); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}

func TestARemovedAliasKeepsItsHistory(t *testing.T) {
	b := rolled(t)
	a := metadata.Alias{Model: "flights", Alias: "shelf", Version: 2, Actor: "ana", Reason: "for the demo", Evidence: []byte(`{"by": "eye"}`)}
	if err := b.SetAlias(b.ctx, a); err != nil {
		t.Fatal(err)
	}
	a.Version = 0
	if err := b.RemoveAlias(b.ctx, a); err != nil {
		t.Fatal(err)
	}
	expect(t, "alias", b.alias(t, "shelf"), 0)
	if err := b.RemoveAlias(b.ctx, a); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	history, err := b.AliasHistory(b.ctx, "flights", "")
	if err != nil || len(history) != 2 || history[0].Version != 0 || history[1].Version != 2 || string(history[1].Evidence) != `{"by": "eye"}` {
		t.Fatalf("%+v %v", history, err)
	}
}
