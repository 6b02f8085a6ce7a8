package testline_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// shop is an endpoint on a real line, whose models are trained on goods.
type shop struct {
	*testline.Line
	t    *testing.T
	dir  string
	name string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{Line: testline.Start(t), t: t, dir: t.TempDir(), name: testenv.Name(t)}
	s.File(s.dir, "goods.csv", goods(nil))
	return s
}

// file is the pipeline with another split, and so another model, on the way given.
func (s *shop) file(seed int, deploy string) string {
	return s.File(s.dir, fmt.Sprintf("%d.yaml", seed), fmt.Sprintf("name: %s%sevaluate: {gates: []}\nsplit: {seed: %d}\ndeploy: {endpoint: %s%s}\n", s.name, regression, seed, s.name, deploy))
}

// load asks the endpoint from four callers until it is stopped; every answer must
// be 200. It returns how many there were.
func (s *shop) load() (answers *atomic.Int64, stop func()) {
	answers = &atomic.Int64{}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				body := fmt.Sprintf(`{"id":"%d-%d","records":[{"size":%d.5,"weight":3.1,"colour":"red"}]}`, caller, i, 1+i%23)
				if status := s.Post("/v1/endpoints/"+s.name+"/predict", body, nil); status != 200 {
					s.t.Errorf("an answer was %d", status)
					return
				}
				answers.Add(1)
			}
		})
	}
	once := sync.OnceFunc(func() { close(done); wg.Wait() })
	s.t.Cleanup(once)
	return answers, once
}

// more waits for n more answers.
func (s *shop) more(answers *atomic.Int64, n int64) {
	s.t.Helper()
	until := answers.Load() + n
	s.Await(time.Minute, "answers", func() bool { return answers.Load() >= until || s.t.Failed() })
}

// at waits until every server answers from a revision.
func (s *shop) at(revision int64) {
	s.t.Helper()
	s.Await(time.Minute, fmt.Sprint("revision ", revision), func() bool {
		reports, err := s.DB.RevisionReports(s.t.Context(), s.name, revision)
		return err == nil && len(reports) == 1 && reports[0].AnsweredAt != nil
	})
}

func (s *shop) rollout(name string) metadata.Rollout {
	s.t.Helper()
	r, err := s.DB.Rollout(s.t.Context(), name)
	require.NoError(s.t, err)
	return r
}

// Swap, canary, promotion and rollback under load: no request is lost, each row's
// version was live at its instant, and the canary had its share.
func TestARolloutUnderLoad(t *testing.T) {
	s := newShop(t)
	require.Equal(t, workflows.DecisionDeployed, s.Run(testline.ExitDone, s.file(1, "")).Decision)
	s.at(1)
	answers, stop := s.load()
	s.more(answers, 50)

	run := s.Begin(s.file(2, ", canary: {steps: [{share: 0.3, for: 1h}]}")).Run
	s.at(2)
	s.more(answers, 600)
	open := s.rollout(run)
	require.Equal(t, metadata.RolloutCanary, open.State)
	require.Nil(t, open.Finished)
	aliases, err := s.DB.Aliases(t.Context(), s.name)
	require.NoError(t, err)
	require.Len(t, aliases, 2, "champion and challenger")

	var promoted workflows.RolloutStatus
	s.JSON(testline.ExitDone, &promoted, "promote", s.name, "--reason", "it has seen enough", "--actor", "ana")
	require.Equal(t, metadata.RolloutLive, promoted.State)
	o := s.Follow(testline.ExitDone, run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision)
	require.EqualValues(t, 3, o.Result.Revision)
	s.at(3)
	s.more(answers, 50)

	begun := time.Now()
	out, errs, code := s.CLI("rollback", s.name, "--reason", "complaints", "--actor", "bob")
	require.Zero(t, code, out+errs)
	require.Less(t, time.Since(begun), 30*time.Second)
	s.at(4)
	s.more(answers, 50)
	stop()

	pool := s.Pool()
	s.Await(time.Minute, "the spool is drained", func() bool {
		return int64(testline.Count(t, pool, `select count(*) from predictions where status = 200`)) == answers.Load()
	})
	require.Zero(t, testline.Count(t, pool, `select count(*) from predictions where status <> 200`))
	// A version answers in its role, in a revision that has it, from when the revision
	// was made until the server had answered from the next.
	require.Zero(t, testline.Count(t, pool, `select count(*) from predictions p join revisions r using (endpoint, revision)
		where p.model_version <> case p.role when 'canary' then r.canary_version else r.model_version end
			or p.at + p.latency_us * interval '1 microsecond' < r.created
			or p.at > (select min(answered_at) from server_revisions n where n.endpoint = p.endpoint and n.revision = p.revision + 1)`))
	require.Equal(t, 4, testline.Count(t, pool, `select count(distinct revision) from predictions`))
	n := testline.Count(t, pool, `select count(*) from predictions where revision = 2`)
	k := testline.Count(t, pool, `select count(*) from predictions where revision = 2 and role = 'canary'`)
	// Four standard deviations of a binomial share.
	require.InDelta(t, 0.3, float64(k)/float64(n), 4*math.Sqrt(0.3*0.7/float64(n)), "%d of %d", k, n)

	var history []struct{ Revision metadata.Revision }
	s.JSON(testline.ExitDone, &history, "endpoints", "history", s.name)
	require.Len(t, history, 4)
	require.Equal(t, []int{1, 2, 1, 1}, []int{history[0].Revision.ModelVersion, history[1].Revision.ModelVersion, history[2].Revision.ModelVersion, history[3].Revision.ModelVersion})
	require.Equal(t, "bob", history[0].Revision.Actor)
	require.Contains(t, history[1].Revision.Reason, "promoted by ana")
}

// A model whose answers are all others is taken back by itself; one that is the same
// goes live by itself.
func TestACanaryIsJudgedByItself(t *testing.T) {
	s := newShop(t)
	s.Run(testline.ExitDone, s.file(1, ""))
	s.at(1)
	answers, stop := s.load()
	defer stop()
	s.more(answers, 20)
	way := ", shadow: {for: 2s}, canary: {steps: [{share: 0.4, for: 20s}]}, rollback: {min_requests: 30, max_prediction_shift: 0.5, on_insufficient: wait, max_latency_ratio: 100}"

	s.File(s.dir, "goods.csv", goods(func(i int, row map[string]string) { row["price"] = fmt.Sprint(9000 + i) }))
	bad := s.Run(testline.ExitRejected, s.file(2, way))
	require.Equal(t, workflows.DecisionRolledBack, bad.Decision, bad.Reason)
	require.Contains(t, bad.Reason, "prediction shift")
	r := s.rollout(bad.Run)
	require.Equal(t, metadata.RolloutRolledBack, r.State)
	require.Equal(t, "rollout", r.Actor)
	require.Contains(t, string(r.Evidence), `"prediction shift"`)
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 1, e.Live.ModelVersion)
	require.Nil(t, e.Live.Canary)
	require.Nil(t, e.Live.Shadow)

	s.File(s.dir, "goods.csv", goods(nil))
	good := s.Run(testline.ExitDone, s.file(3, strings.Replace(way, "for: 20s", "for: 4s", 1)))
	require.Equal(t, workflows.DecisionDeployed, good.Decision, good.Reason)
	require.Positive(t, testline.Count(t, s.Pool(), `select count(*) from predictions p join predictions q on q.id = p.shadow_of where p.role = 'shadow' and q.role = 'live' and p.features = q.features`))
}

// A run that asks for approval ends; the rollout waits, and does what it is told.
func TestAPersonDecides(t *testing.T) {
	s := newShop(t)
	first := s.Run(testline.ExitDone, s.file(1, ", approval: {deadline: 1h}"))
	require.Equal(t, workflows.DecisionAwaiting, first.Decision)
	var shown struct{ Status workflows.RolloutStatus }
	s.JSON(testline.ExitDone, &shown, "rollouts", "show", first.Run)
	require.Equal(t, metadata.RolloutApproval, shown.Status.State)
	_, errs, code := s.CLI("approve", first.Run, "--actor", "ana", "--reason", " ")
	require.Equal(t, testline.ExitUsage, code, errs)
	var status workflows.RolloutStatus
	s.JSON(testline.ExitDone, &status, "approve", first.Run, "--reason", "read the report", "--actor", "ana")
	s.at(1)
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, "ana", e.Live.ApprovedBy)

	s.Await(time.Minute, "the first rollout has ended", func() bool { return s.rollout(first.Run).Finished != nil })
	second := s.Run(testline.ExitDone, s.file(2, ", approval: {deadline: 1h}"))
	require.Equal(t, workflows.DecisionAwaiting, second.Decision)
	s.JSON(testline.ExitDone, &status, "reject", second.Result.Rollout, "--reason", "not before the audit", "--actor", "bob")
	require.Equal(t, metadata.RolloutRejected, status.State)
	require.Equal(t, "rejected by bob: not before the audit", status.Reason)
	again, _, code := s.CLI("approve", second.Run, "--reason", "but I say yes")
	require.Equal(t, testline.ExitFailed, code, again)
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.EqualValues(t, 1, e.Revision)
}

// Two rollouts of one endpoint: the newer takes the older's place, whichever worker
// comes back late.
func TestANewerRolloutTakesTheOldersPlace(t *testing.T) {
	s := newShop(t)
	s.Run(testline.ExitDone, s.file(1, ""))
	older := s.Begin(s.file(2, ", canary: {steps: [{share: 0.3, for: 1h}]}")).Run
	s.at(2)
	newer := s.Begin(s.file(3, ", canary: {steps: [{share: 0.6, for: 1h}]}")).Run
	o := s.Follow(testline.ExitRejected, older)
	require.Equal(t, workflows.DecisionSuperseded, o.Decision)
	require.Contains(t, o.Reason, "superseded by "+workflows.RolloutID(s.name, newer))
	s.at(4)
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 1, e.Live.ModelVersion)
	require.Equal(t, 3, e.Live.Canary.ModelVersion)
	require.Equal(t, 0.6, e.Live.Canary.Share)

	// No worker is there: a rollback needs none, and who comes back changes nothing.
	s.KillWorker()
	out, errs, code := s.CLI("rollback", s.name, "--reason", "enough")
	require.Zero(t, code, out+errs)
	s.at(5)
	s.StartWorker()
	o = s.Follow(testline.ExitRejected, newer)
	require.Equal(t, workflows.DecisionRolledBack, o.Decision, o.Reason)
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.EqualValues(t, 5, e.Revision)
	require.Equal(t, 1, e.Live.ModelVersion)
}

// A worker is cut off in the middle of the transaction that makes its model live, and
// comes back after somebody took the rollout back. The endpoint it held meanwhile is
// not its any more, and it changes nothing.
func TestAWorkerThatWasCutOffChangesNothing(t *testing.T) {
	s := newShop(t)
	s.Run(testline.ExitDone, s.file(1, ""))
	s.at(1)
	pool := s.Pool()
	_, err := pool.Exec(t.Context(), `create function testline_stop() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(42); return new; end $$;
		create trigger testline_stop before insert on revisions for each row execute function testline_stop()`)
	require.NoError(t, err)
	held, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer held.Release()
	_, err = held.Exec(t.Context(), `select pg_advisory_lock(42)`)
	require.NoError(t, err)

	run := s.Begin(s.file(2, "")).Run
	s.Await(time.Minute, "the move is under way", func() bool {
		return testline.Count(t, pool, `select count(*) from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database() where locktype = 'advisory' and not granted`) == 1
	})
	s.FreezeWorker()
	_, err = held.Exec(t.Context(), `select pg_advisory_unlock(42)`)
	require.NoError(t, err)
	out, errs, code := s.CLI("rollback", s.name, "--reason", "the worker is gone", "--actor", "ana")
	require.Zero(t, code, out+errs)
	require.Equal(t, metadata.RolloutRolledBack, s.rollout(run).State)

	s.ThawWorker()
	o := s.Follow(testline.ExitRejected, run)
	require.Equal(t, workflows.DecisionRolledBack, o.Decision, o.Reason)
	e, err := s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 1, e.Live.ModelVersion)
	require.Equal(t, "ana", s.rollout(run).Actor)
	require.Zero(t, testline.Count(t, pool, `select count(*) from revisions where model_version = 2`))
}

// A version goes to an endpoint without a run: another's at once, or the way that a
// plan says, as one that a run began would.
func TestSomebodyStartsARollout(t *testing.T) {
	s := newShop(t)
	s.Run(testline.ExitDone, s.file(1, ""))
	s.Run(testline.ExitDone, s.file(2, ""))
	s.at(2)
	type begun struct {
		Rollout  string
		Existing bool
		Result   workflows.RolloutResult
	}
	start := func(code int, args ...string) (b begun) {
		t.Helper()
		s.JSON(code, &b, append([]string{"rollouts", "start"}, append(args, "--reason", "as before", "--actor", "ana")...)...)
		return b
	}

	other := s.name + "-b"
	b := start(testline.ExitDone, s.name+"@1", other, "--wait")
	require.Equal(t, metadata.RolloutLive, b.Result.State, b.Result.Reason)
	require.Equal(t, 200, s.Post("/v1/endpoints/"+other+"/predict", `{"records":[{"size":1.5,"weight":3.1,"colour":"red"}]}`, nil))
	e, err := s.DB.Endpoint(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, 1, e.Live.ModelVersion)
	require.Equal(t, "started by ana: as before", e.Live.Reason)

	plan := s.File(s.dir, "plan.yaml", "deploy: {approval: {deadline: 1h}, canary: {steps: [{share: 0.4, for: 1h}]}, audit: {mode: bounded, max_records: 10, max_delay: 1s}}\n")
	b = start(testline.ExitDone, s.name+"@1", s.name, "--plan", plan, "--key", "june")
	require.True(t, start(testline.ExitDone, s.name+"@1", s.name, "--plan", plan, "--key", "june").Existing)
	var status workflows.RolloutStatus
	s.Await(time.Minute, "the rollout waits for approval", func() bool {
		r, err := s.DB.OpenRollout(t.Context(), s.name)
		return err == nil && r != nil && r.State == metadata.RolloutApproval
	})
	s.JSON(testline.ExitDone, &status, "approve", b.Rollout, "--reason", "read it", "--actor", "bob")
	s.at(3)
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 2, e.Live.ModelVersion)
	require.Equal(t, 1, e.Live.Canary.ModelVersion)
	require.Equal(t, 0.4, e.Live.Canary.Share)
	policy, err := s.DB.AuditPolicies(t.Context())
	require.NoError(t, err)
	require.Len(t, policy, 1)
	require.Equal(t, b.Rollout, policy[0].Reason)
	s.JSON(testline.ExitDone, &status, "promote", s.name, "--reason", "enough", "--actor", "ana")
	e, err = s.DB.Endpoint(t.Context(), s.name)
	require.NoError(t, err)
	require.Equal(t, 1, e.Live.ModelVersion)
	require.Equal(t, "bob", e.Live.ApprovedBy)
	require.Equal(t, b.Rollout, e.Live.Rollout)

	asks := s.File(s.dir, "asks.yaml", "deploy: {approval: {deadline: 1s}}\n")
	b = start(testline.ExitRejected, s.name+"@2", other, "--wait", "--plan", asks)
	require.Equal(t, metadata.RolloutRejected, b.Result.State)
	_, errs, code := s.CLI("rollouts", "start", s.name+"@1", other, "--reason", "again")
	require.Equal(t, testline.ExitFailed, code)
	require.Contains(t, errs, "is live on endpoint "+other+" already")
	for _, args := range [][]string{{s.name + "@9", other, "--reason", "x"}, {"nobody", other, "--reason", "x"}, {s.name, other}, {s.name, "No Name", "--reason", "x"}, {s.name, other, "--reason", "x", "--plan", "/nowhere"}} {
		out, errs, code := s.CLI(append([]string{"rollouts", "start"}, args...)...)
		require.NotZero(t, code, args)
		require.NotEmpty(t, errs, out)
	}
}

// A graph that somebody else made is imported, rolled out beside what is live, and
// scores a table as it answers requests.
func TestAnImportedModelIsRolledOut(t *testing.T) {
	l := testline.Start(t)
	name, dir := testenv.Name(t), t.TempDir()
	imports := func(slope float32) {
		t.Helper()
		graph := l.File(dir, "m.onnx", string(foreigntest.Bytes(foreigntest.Regression(slope))))
		l.JSON(testline.ExitDone, &struct{}{}, "models", "import", graph, "--name", name, "--rows", l.File(dir, "rows.csv", "c,x\na,1.5\nb,2\n"), "--signature",
			l.File(dir, "m.yaml", "version: 1\ntask: regression\ntarget: y\nframework: by hand\ninputs:\n  - {name: x, type: number}\n  - {name: c, type: text}\n"))
	}
	imports(2)
	imports(5)
	var begun struct{ Result workflows.RolloutResult }
	l.JSON(testline.ExitDone, &begun, "rollouts", "start", name+"@1", name, "--wait", "--reason", "the first")
	require.Equal(t, metadata.RolloutLive, begun.Result.State, begun.Result.Reason)
	ask := func() float64 {
		var answer struct {
			Predictions []struct{ Prediction float64 }
		}
		require.Equal(t, 200, l.Post("/v1/endpoints/"+name+"/predict", `{"records":[{"x":4,"c":"a"}]}`, &answer))
		return answer.Predictions[0].Prediction
	}
	require.Equal(t, 9.0, ask())

	// Nobody asks while the canary is on, so that it goes on to be live.
	plan := l.File(dir, "plan.yaml", "deploy: {canary: {steps: [{share: 0.5, for: 1s}]}}\n")
	l.JSON(testline.ExitDone, &begun, "rollouts", "start", name+"@2", name, "--wait", "--reason", "steeper", "--plan", plan)
	require.Equal(t, metadata.RolloutLive, begun.Result.State, begun.Result.Reason)
	require.Equal(t, []string{"canary of 50 % for 1s", "live"}, []string{begun.Result.Steps[0].Name, begun.Result.Steps[1].Name})
	require.Equal(t, 21.0, ask())

	out := filepath.Join(dir, "out.csv")
	score(l, testline.ExitDone, name, l.File(dir, "asked.csv", "x,c\n4,a\n0.5,\n"), out)
	require.Equal(t, [][]any{{21.0}, {3.5}}, query(t, "SELECT prediction::DOUBLE FROM read_csv('"+out+"')"))
}
