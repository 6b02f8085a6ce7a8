package metadata_test

import (
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func TestASourceLeadsToWhatItTouched(t *testing.T) {
	b := setup(t)
	line(t, b, b.run.ID, "march")
	b.register(t, "bundle")
	if _, err := b.SetRevision(b.ctx, move(b.run.ID, 0, 1)); err != nil {
		t.Fatal(err)
	}
	predict(t, b, 1, 1)
	predict(t, b, 1, 1)
	predict(t, b, 0, 0) // refused
	for _, digest := range []string{ref("march").Digest, "sha256:" + ref("march").Digest, "sum of march", "ab", ref("dataset").Digest} {
		got, err := b.TraceSource(b.ctx, digest)
		if err != nil {
			t.Fatal(digest, err)
		}
		if len(got.Runs) != 1 || got.Runs[0] != b.run.ID || len(got.Datasets) != 1 || len(got.Models) != 1 || len(got.Revisions) != 1 || got.Total != 2 || len(got.Counts) != 1 {
			t.Fatalf("%s: %+v", digest, got)
		}
		if c := got.Counts[0]; c.Endpoint != "flights" || c.ModelVersion != 1 || c.Rows != 2 || c.Role != metadata.RoleLive || c.From.IsZero() {
			t.Fatalf("%+v", c)
		}
	}
	if got, err := b.TraceSource(b.ctx, "ab"); err != nil || len(got.Snapshots) != 1 || len(got.Snapshots[0].Files) != 1 || got.Snapshots[0].Files[0] != "f.csv" {
		t.Fatalf("%+v, %v", got.Snapshots, err)
	}
	// A run that read other bytes is not touched by these.
	other := b.start(t, "flights/run/2", nil)
	steps := metadata.StepRecord{Run: other.ID, Step: "collect", Attempt: 1, Cache: metadata.CacheOff, Outputs: metadata.Outputs{"out": ref("dataset")}}
	steps.Inputs = append(steps.Inputs, ref("april"))
	if err := b.SaveStep(b.ctx, steps); err != nil {
		t.Fatal(err)
	}
	if got, err := b.TraceSource(b.ctx, ref("march").Digest); err != nil || strings.Join(got.Runs, " ") != b.run.ID {
		t.Fatalf("%+v, %v", got.Runs, err)
	}
	for digest, kind := range map[string]fault.Kind{"": fault.RequestInvalid, "nothing": fault.NotFound} {
		if _, err := b.TraceSource(b.ctx, digest); fault.KindOf(err) != kind {
			t.Errorf("%q: %v", digest, err)
		}
	}
}
