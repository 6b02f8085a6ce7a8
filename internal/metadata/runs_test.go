package metadata_test

import (
	"sync"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func TestDefinitionsCountTheProblem(t *testing.T) {
	b := setup(t)
	record := func(pipeline, problem string) int {
		t.Helper()
		version, err := b.RecordDefinition(b.ctx, metadata.Definition{
			Pipeline: "flights", Digest: ref(pipeline).Digest, Ref: ref(pipeline), ProblemDigest: ref(problem).Digest, Problem: []byte(`{"task":"binary"}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	if got := []int{record("a", "late"), record("b", "late"), record("b", "delay"), record("a", "late")}; got[0] != 1 || got[1] != 1 || got[2] != 2 || got[3] != 1 {
		t.Fatal(got)
	}
	if version, err := b.ProblemVersion(b.ctx, "flights", ref("delay").Digest); err != nil || version != 2 {
		t.Fatal(version, err)
	}
	if _, err := b.ProblemVersion(b.ctx, "flights", ref("nobody's").Digest); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if err := b.FinishRun(b.ctx, metadata.FinishRun{ID: b.run.ID, State: metadata.RunCompleted, ProblemVersion: 2}); err != nil {
		t.Fatal(err)
	}
	if f, err := b.RunFacts(b.ctx, b.run.ID); err != nil || f.ProblemDigest != ref("delay").Digest {
		t.Fatalf("%+v %v", f, err)
	}
}

func TestTheSameRunStartsOnce(t *testing.T) {
	b := setup(t)
	again, claimed, err := b.StartRun(b.ctx, startRun(b.run.ID, nil))
	if err != nil || !claimed || !again.Started.Equal(b.run.Started) {
		t.Fatal(again, claimed, err)
	}
	finish(t, b, b.run.ID, metadata.RunCompleted)
	again, claimed, err = b.StartRun(b.ctx, startRun(b.run.ID, nil))
	if err != nil || !claimed || again.State != metadata.RunCompleted {
		t.Fatal(again, claimed, err)
	}
}

func finish(t *testing.T, b *testBundle, id string, state metadata.RunState) {
	t.Helper()
	if err := b.FinishRun(b.ctx, metadata.FinishRun{ID: id, State: state}); err != nil {
		t.Fatal(err)
	}
}

func TestAMomentHasOneRun(t *testing.T) {
	b := setup(t)
	moment := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ends     metadata.RunState
		releases bool
	}{{metadata.RunRunning, false}, {metadata.RunCompleted, false}, {metadata.RunRejected, false}, {metadata.RunFailed, true}, {metadata.RunCancelled, true}} {
		moment = moment.Add(time.Hour)
		first := "first-" + string(c.ends)
		b.start(t, first, &moment)
		if c.ends != metadata.RunRunning {
			finish(t, b, first, c.ends)
		}
		elsewhere := moment.In(time.FixedZone("", -3*3600)) // the same instant
		second, claimed, err := b.StartRun(b.ctx, startRun("second-"+string(c.ends), &elsewhere))
		if err != nil || claimed != c.releases {
			t.Fatalf("after %s: claimed %v, %v", c.ends, claimed, err)
		}
		if !c.releases && second.ID != first {
			t.Fatalf("after %s got %s", c.ends, second.ID)
		}
	}
	other := startRun("other-pipeline", &moment)
	other.Pipeline = "cars"
	if _, claimed, err := b.StartRun(b.ctx, other); !claimed || err != nil {
		t.Fatal("pipelines share a moment", err)
	}
}

func TestOfManyStartsForAMomentOneWins(t *testing.T) {
	b := setup(t)
	moment := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	var wg sync.WaitGroup
	winners, holders := 0, map[string]bool{}
	for i := range 16 {
		wg.Go(func() {
			run, claimed, err := b.StartRun(b.ctx, startRun("race-"+string(rune('a'+i)), &moment))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			holders[run.ID] = true
			if claimed {
				winners++
			}
		})
	}
	wg.Wait()
	if winners != 1 || len(holders) != 1 {
		t.Fatal(winners, holders)
	}
}

func TestAFailedRunThatTemporalStartsAnewRunsAgain(t *testing.T) {
	b := setup(t)
	finish(t, b, b.run.ID, metadata.RunFailed)
	anew := startRun(b.run.ID, nil)
	anew.TemporalRunID = "another"
	run, claimed, err := b.StartRun(b.ctx, anew)
	if err != nil || !claimed || run.State != metadata.RunRunning || run.TemporalRunID != "another" || run.Finished != nil {
		t.Fatal(run, claimed, err)
	}
}

func TestFinishedRunsKeepTheirEnd(t *testing.T) {
	b := setup(t)
	score := 12.5
	end := metadata.FinishRun{
		ID: b.run.ID, State: metadata.RunCompleted, Decision: "deployed", Reason: "all gates \x00 passed \xff", ModelName: "flights", ModelVersion: 3,
		Metric: "rmse", Score: &score, Reports: metadata.Outputs{"evaluation": ref("report")},
	}
	if err := b.FinishRun(b.ctx, end); err != nil {
		t.Fatal(err)
	}
	finish(t, b, b.run.ID, metadata.RunFailed) // a zombie's late word
	got, err := b.Run(b.ctx, b.run.ID)
	if err != nil || got.State != metadata.RunCompleted || *got.Score != score || got.Reports["evaluation"] != ref("report") || got.Finished == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Reason != "all gates \uFFFD passed \uFFFD" {
		t.Fatalf("%q", got.Reason)
	}
	if err := b.FinishRun(b.ctx, metadata.FinishRun{ID: "absent", State: metadata.RunFailed}); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if err := b.FinishRun(b.ctx, metadata.FinishRun{ID: b.run.ID, State: metadata.RunRunning}); fault.KindOf(err) != fault.Internal {
		t.Fatal(err)
	}
}

func TestRunsAreFilteredNewestFirst(t *testing.T) {
	b := setup(t)
	for i, id := range []string{"a", "b", "c"} {
		p := startRun(id, nil)
		p.Started = time.Now().Add(time.Duration(i+1) * time.Hour)
		if id == "b" {
			p.Pipeline, p.Trigger = "cars", "schedule"
		}
		if _, _, err := b.StartRun(b.ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, b, "c", metadata.RunRejected)
	for name, c := range map[string]struct {
		filter metadata.RunFilter
		limit  int
		want   string
	}{
		"all":      {metadata.RunFilter{}, 10, "c b a flights/run/1 "},
		"limit":    {metadata.RunFilter{}, 2, "c b "},
		"pipeline": {metadata.RunFilter{Pipeline: "cars"}, 10, "b "},
		"state":    {metadata.RunFilter{State: metadata.RunRejected}, 10, "c "},
		"trigger":  {metadata.RunFilter{Trigger: "schedule", Pipeline: "flights"}, 10, ""},
		"before":   {metadata.RunFilter{Before: time.Now().Add(90 * time.Minute)}, 10, "a flights/run/1 "},
	} {
		runs, err := b.Runs(b.ctx, c.filter, c.limit)
		got := ""
		for _, run := range runs {
			got += run.ID + " "
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := b.Run(b.ctx, "absent"); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
}
