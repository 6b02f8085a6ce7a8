package metadata_test

import (
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// A rollout is promoted past its workflow from every state, once; what the workflow does
// afterwards changes nothing.
func TestARolloutIsPromotedPastItsWorkflow(t *testing.T) {
	for _, state := range []metadata.RolloutState{metadata.RolloutApproval, metadata.RolloutReplay, metadata.RolloutShadow, metadata.RolloutCanary, metadata.RolloutPromotion} {
		b := rolled(t)
		p := beginning("a", 2, "one")
		p.State, p.Step = state, "a step"
		b.begin(t, p)
		revision := int64(2)
		switch state {
		case metadata.RolloutShadow, metadata.RolloutCanary:
			b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: state, Step: "a step", Canary: 0.5})
			revision = 3
		case metadata.RolloutPromotion: // its servers are waited for
			b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: state, Step: "a step", Live: true})
		}
		r, made, err := b.PromoteRollout(b.ctx, metadata.PromoteRollout{ID: "a", Actor: "ana", Reason: "it is urgent"})
		if err != nil {
			t.Fatal(state, err)
		}
		expect(t, "state", r.State, metadata.RolloutLive)
		expect(t, "who", r.Actor+": "+r.Reason, "ana: it is urgent")
		expect(t, "serves", b.serves(t), "2")
		expect(t, "revision", made.Revision, revision)
		expect(t, "champion", b.alias(t, "champion"), 2)
		expect(t, "challenger", b.alias(t, "challenger"), 0)
		if want := `"directly": {"step": "a step", "state": "` + string(state) + `"}`; !strings.Contains(string(r.Evidence), want) {
			t.Fatalf("%s: evidence %s lacks %s", state, r.Evidence, want)
		}
		if state != metadata.RolloutPromotion {
			expect(t, "who moved it", made.Actor, "ana")
		}
		approved := map[bool]string{true: "ana"}[state == metadata.RolloutApproval]
		expect(t, "approved by", r.ApprovedBy+made.ApprovedBy, approved+approved)

		again, same, err := b.PromoteRollout(b.ctx, metadata.PromoteRollout{ID: "a", Actor: "bob", Reason: "me too"})
		if err != nil || again.Actor != "ana" || same.Revision != revision {
			t.Fatal(again, same, err)
		}
		// The workflow comes back and goes on with what it was about to do.
		if _, err := b.MoveRollout(b.ctx, metadata.MoveRollout{ID: "a", Seq: 2, State: metadata.RolloutCanary, Canary: 0.1}); fault.KindOf(err) != fault.RolloutEnded {
			t.Fatal(err)
		}
		if err := b.NoteRollout(b.ctx, metadata.NoteRollout{ID: "a", State: metadata.RolloutCanary}); fault.KindOf(err) != fault.RolloutEnded {
			t.Fatal(err)
		}
		ended, at, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutRolledBack, Actor: "rollout", Reason: "worse"})
		if err != nil || ended.State != metadata.RolloutLive || ended.Actor != "ana" || at != revision {
			t.Fatal(ended, at, err)
		}
		expect(t, "serves", b.serves(t), "2")
	}
}

// One that ended otherwise is not promoted any more, and one of an older worker only where
// nothing has to be known of it.
func TestWhatIsNotPromotedPastItsWorkflow(t *testing.T) {
	b := rolled(t)
	b.begin(t, beginning("a", 2, "one"))
	promote := func(id string) error {
		_, _, err := b.PromoteRollout(b.ctx, metadata.PromoteRollout{ID: id, Actor: "ana", Reason: "it is urgent"})
		return err
	}
	if _, _, err := b.EndRollout(b.ctx, metadata.EndRollout{ID: "a", State: metadata.RolloutRolledBack, Actor: "bob", Reason: "worse"}); err != nil {
		t.Fatal(err)
	}
	expect(t, "an ended one", fault.KindOf(promote("a")), fault.RolloutEnded)
	expect(t, "none", fault.KindOf(promote("z")), fault.NotFound)
	expect(t, "serves", b.serves(t), "1")

	p := beginning("b", 3, "one")
	p.State = metadata.RolloutApproval
	b.begin(t, p)
	if _, err := b.Pool().Exec(b.ctx, `update rollouts set evidence = evidence - 'audit' where id = 'b'`); err != nil {
		t.Fatal(err)
	}
	expect(t, "of an older worker", fault.KindOf(promote("b")), fault.RolloutEnded)
	expect(t, "serves", b.serves(t), "1")
	b.move(t, metadata.MoveRollout{ID: "b", Seq: 1, State: metadata.RolloutCanary, Canary: 0.5})
	if err := promote("b"); err != nil {
		t.Fatal(err)
	}
	expect(t, "serves", b.serves(t), "3")
}

// What a rollout asks of the audit log is in force before its version answers.
func TestAPromotionBringsTheAuditPolicy(t *testing.T) {
	b := rolled(t)
	p := beginning("a", 2, "one")
	p.State = metadata.RolloutApproval
	p.Audit = &metadata.AuditPolicy{Endpoint: "flights", Mode: metadata.AuditBounded, MaxRecords: 7, MaxDelay: 1500 * time.Millisecond, Columns: map[string]string{"ssn": metadata.ColumnMask}, Actor: "run", Reason: "run of a"}
	b.begin(t, p)
	if _, _, err := b.PromoteRollout(b.ctx, metadata.PromoteRollout{ID: "a", Actor: "ana", Reason: "it is urgent"}); err != nil {
		t.Fatal(err)
	}
	history, err := b.AuditPolicyHistory(b.ctx, "flights")
	if err != nil || len(history) != 1 {
		t.Fatal(history, err)
	}
	got := history[0]
	if got.Mode != metadata.AuditBounded || got.MaxRecords != 7 || got.MaxDelay != 1500*time.Millisecond || got.Columns["ssn"] != metadata.ColumnMask || got.Reason != "run of a" {
		t.Fatalf("%+v", got)
	}
	expect(t, "serves", b.serves(t), "2")
}

// A rollback past the workflow says so, too, and does not mind that the rollout has moved
// since it was looked at.
func TestARollbackPastTheWorkflowSaysSo(t *testing.T) {
	b := rolled(t)
	b.begin(t, beginning("a", 2, "one"))
	b.move(t, metadata.MoveRollout{ID: "a", Seq: 1, State: metadata.RolloutCanary, Step: "canary of 50 %", Canary: 0.5})
	made, _, err := b.RollBack(b.ctx, metadata.RollBack{Endpoint: "flights", Expected: 1, Rollout: "a", Actor: "ana", Reason: "complaints"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "evidence", string(made.Evidence), `{"directly": {"step": "canary of 50 %", "state": "canary"}}`)
}
