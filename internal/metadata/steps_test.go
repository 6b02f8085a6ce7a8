package metadata_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func record(run, step string) metadata.StepRecord {
	return metadata.StepRecord{
		Run: run, Step: step, Attempt: 1, Key: "key-" + step, Cache: metadata.CacheMiss, CacheReason: "first time", Figure: "200,000 rows",
		Result: map[string]any{"rows": 200000, "note": "a \x00 byte"}, Inputs: []artifact.Ref{ref(step + "-in"), ref(step + "-in")},
		Outputs: metadata.Outputs{"dataset": ref(step + "-out"), "report": ref(step + "-report")}, Started: time.Now().Add(-time.Second),
	}
}

func TestSaveStepLeavesEverythingOnce(t *testing.T) {
	b := setup(t)
	for range 2 { // a retried activity saves again
		if err := b.SaveStep(b.ctx, record(b.run.ID, "collect")); err != nil {
			t.Fatal(err)
		}
	}
	cached, ok, err := b.CachedStep(b.ctx, "key-collect")
	if err != nil || !ok || cached.Outputs["dataset"] != ref("collect-out") || cached.Run != b.run.ID || cached.Figure != "200,000 rows" {
		t.Fatalf("%+v %v %v", cached, ok, err)
	}
	var result struct{ Rows int }
	if err := json.Unmarshal(cached.Result, &result); err != nil || result.Rows != 200000 {
		t.Fatal(result, err)
	}
	steps, err := b.Steps(b.ctx, b.run.ID)
	if err != nil || len(steps) != 1 || steps[0].State != metadata.StepCompleted || steps[0].Cache != metadata.CacheMiss || steps[0].Finished == nil {
		t.Fatalf("%+v %v", steps, err)
	}
	var artifacts, edges int
	if err := b.Pool().QueryRow(b.ctx, `select (select count(*) from artifacts), (select count(*) from lineage)`).Scan(&artifacts, &edges); err != nil {
		t.Fatal(err)
	}
	if artifacts != 3 || edges != 2 {
		t.Fatalf("%d artifacts, %d edges", artifacts, edges)
	}
	if _, ok, err := b.CachedStep(b.ctx, "other"); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestSaveStepIsAllOrNothing(t *testing.T) {
	b := setup(t)
	bad := record("a run that never started", "collect") // the last statement fails
	if err := b.SaveStep(b.ctx, bad); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	if _, ok, err := b.CachedStep(b.ctx, bad.Key); ok || err != nil {
		t.Fatal("half a step was saved", err)
	}
}

func TestAHitLeavesTheCacheAlone(t *testing.T) {
	b := setup(t)
	if err := b.SaveStep(b.ctx, record(b.run.ID, "collect")); err != nil {
		t.Fatal(err)
	}
	second := b.start(t, "flights/run/2", nil)
	hit := record(second.ID, "collect")
	hit.Cache = metadata.CacheHit
	if err := b.SaveStep(b.ctx, hit); err != nil {
		t.Fatal(err)
	}
	if cached, _, err := b.CachedStep(b.ctx, hit.Key); err != nil || cached.Run != b.run.ID {
		t.Fatal(cached.Run, err)
	}
}

func TestStepsGiveTheLastAttemptInOrder(t *testing.T) {
	b := setup(t)
	at := time.Now()
	for _, s := range []metadata.Step{
		{Step: "profile", Attempt: 1, State: metadata.StepRunning, Started: at.Add(2 * time.Second)},
		{Step: "collect", Attempt: 1, State: metadata.StepFailed, ErrorKind: "SourceNotFound", ErrorMessage: "no file\x00", Started: at},
		{Step: "collect", Attempt: 2, State: metadata.StepRunning, Started: at.Add(time.Second)},
		{Step: "collect", Attempt: 2, State: metadata.StepCompleted, Started: at.Add(time.Second)},
	} {
		s.Run = b.run.ID
		if err := b.RecordStep(b.ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := b.Steps(b.ctx, b.run.ID)
	if err != nil || len(steps) != 2 || steps[0].Step != "collect" || steps[0].Attempt != 2 || steps[0].State != metadata.StepCompleted || steps[1].Step != "profile" {
		t.Fatalf("%+v %v", steps, err)
	}
}

// What a step costs beyond its own work: one artifact put and one step saved.
func BenchmarkPutBytesAndSaveStep(b *testing.B) {
	db, store := testenv.Database(b), testenv.Store(b)
	run, _, err := db.StartRun(b.Context(), startRun("bench", nil))
	if err != nil {
		b.Fatal(err)
	}
	content := make([]byte, 4096)
	for i := 0; b.Loop(); i++ {
		content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
		out, err := store.PutBytes(b.Context(), content, artifact.MediaTypeJSON)
		if err != nil {
			b.Fatal(err)
		}
		r := record(run.ID, "collect")
		r.Outputs = metadata.Outputs{"dataset": out}
		if err := db.SaveStep(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
