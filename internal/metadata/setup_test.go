package metadata_test

import (
	"context"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// testBundle is a database with one run under way.
type testBundle struct {
	*metadata.DB
	ctx context.Context
	run metadata.Run
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{DB: testenv.Database(t), ctx: t.Context()}
	b.run = b.start(t, "flights/run/1", nil)
	return b
}

func (b *testBundle) start(t *testing.T, id string, moment *time.Time) metadata.Run {
	t.Helper()
	run, claimed, err := b.StartRun(b.ctx, startRun(id, moment))
	if err != nil || !claimed {
		t.Fatal(claimed, err)
	}
	return run
}

func startRun(id string, moment *time.Time) metadata.StartRun {
	return metadata.StartRun{ID: id, TemporalRunID: "t-" + id, Pipeline: "flights", PipelineDigest: ref("pipeline").Digest, Trigger: "manual", Moment: moment}
}

// register makes the next version of model flights.
func (b *testBundle) register(t *testing.T, bundle string) metadata.ModelVersion {
	t.Helper()
	m, err := b.RegisterModel(b.ctx, metadata.RegisterModel{Name: "flights", Bundle: ref(bundle), Run: b.run.ID, Metrics: metadata.Values{"rmse": 12.5}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// ref is the reference of an artifact with that content.
func ref(content string) artifact.Ref {
	return artifact.Ref{Digest: artifact.DigestOf([]byte(content)), Size: int64(len(content)), MediaType: artifact.MediaTypeParquet}
}
