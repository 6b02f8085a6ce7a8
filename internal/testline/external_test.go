package testline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	pb "github.com/esteira-ml/esteira/internal/onnx/onnxpb"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// pythonPenguins is the example with a queue of the test's own.
func pythonPenguins(l *testline.Line, name string, edits ...string) string {
	return l.Example("python-trainer/penguins.yaml", name, append([]string{"queue: python-trainer", "queue: " + name}, edits...)...)
}

// A trainer that dies with a fit in its hands costs the silence after which it is
// given up, and nothing else.
func TestATrainerIsKilledWithAFitInItsHands(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	name := testenv.Name(t)
	trainer := l.StartTrainer(name)
	c := testenv.Temporal(t)
	l.Await(time.Minute, "the trainer asks for work", func() bool {
		queue, err := c.DescribeTaskQueue(t.Context(), name, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		return err == nil && len(queue.Pollers) > 0
	})
	trainer.Freeze() // it has asked for work, and will be given some that it never ends
	run := l.Begin(pythonPenguins(l, name)).Run
	l.Await(time.Minute, "the frozen trainer is given a fit", func() bool {
		search, err := c.DescribeWorkflowExecution(context.WithoutCancel(t.Context()), run+"/tuning", "")
		if err != nil {
			return false
		}
		for _, p := range search.PendingActivities {
			if p.ActivityType.Name == "train" && p.State == enumspb.PENDING_ACTIVITY_STATE_STARTED {
				return true
			}
		}
		return false
	})
	trainer.Kill()
	again := l.StartTrainer(name)
	o := l.Follow(testline.ExitDone, run)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, "%s\n%s", o.Reason, again.Log())
	require.Contains(t, o.Step("evaluate").Figure, "lightgbm")
	require.Zero(t, testline.Count(t, l.Pool(), `select count(*) from trials where error <> ''`))
	require.Equal(t, 7, testline.Count(t, l.Pool(), `select count(*) from trials where kind = 'lightgbm'`), "two trials on three folds, and the best on all rows")
	require.Zero(t, staged(t, l), "what a trainer sent is removed")
	rows, err := l.DB.Trials(t.Context(), run)
	require.NoError(t, err)
	for _, row := range rows {
		if row.Kind == "lightgbm" {
			require.Contains(t, string(row.Report), `"claimed": {"accuracy"`, "its figures are on record")
		}
	}
	said, err := l.DB.Run(t.Context(), run)
	require.NoError(t, err)
	page, err := l.Store().Bytes(t.Context(), said.Reports["lightgbm by its trainer"], external.MaxReport)
	require.NoError(t, err)
	require.Contains(t, string(page), "What it learnt from, by gain")
}

// staged is how many objects of trainers are in the store.
func staged(t *testing.T, l *testline.Line) int {
	t.Helper()
	n := 0
	for o := range testenv.S3(t).ListObjects(t.Context(), l.Bucket, minio.ListObjectsOptions{Prefix: "staging/", Recursive: true}) {
		require.NoError(t, o.Err)
		n++
	}
	return n
}

// rogue is a trainer in Go that does, by the trial's parameter, one wrong thing.
func rogue(ctx context.Context, r external.Request) (any, error) {
	say := func(sum string, size int) external.Response {
		return external.Response{Version: 1, Framework: "rogue 1", Model: external.Delivered{SHA256: sum, Bytes: int64(size)}}
	}
	deliver := func(body []byte) (any, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, r.Model.PutURL, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		sum := sha256.Sum256(body)
		return say(hex.EncodeToString(sum[:]), len(body)), nil
	}
	var inputs []*pb.ValueInfoProto
	for _, c := range r.Signature {
		inputs = append(inputs, foreigntest.Value(c.Name, map[string]int32{"number": foreigntest.Float, "text": foreigntest.Text, "time": foreigntest.Int64}[c.Type], -1, 1))
	}
	classes := int64(len(r.Classes))
	honest := foreigntest.Model(inputs, []*pb.ValueInfoProto{foreigntest.Value("probabilities", foreigntest.Float, -1, classes)},
		[]*pb.TensorProto{foreigntest.Floats("w", []int64{1, classes}, make([]float32, classes)...), foreigntest.Floats("zero", []int64{1, 1}, 0)},
		foreigntest.Node("IsNaN", "missing", r.Signature[0].Name), foreigntest.Node("Where", "x", "missing", "zero", r.Signature[0].Name), foreigntest.Node("MatMul", "z", "x", "w"), foreigntest.Node("Softmax", "probabilities", "z"))
	switch r.Parameters["how"] {
	case 1: // it never ends, beating all the while
		for ctx.Err() == nil {
			activity.RecordHeartbeat(ctx, external.Progress{Message: "soon"})
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		return nil, ctx.Err()
	case 2:
		return nil, errors.New("no such solver")
	case 3:
		return say(strings.Repeat("0", 64), 10), nil
	case 4:
		return deliver([]byte("no model at all"))
	case 5:
		honest.Graph.Node[0].OpType = new("Loop")
		return deliver(foreigntest.Bytes(honest))
	case 6: // of other columns
		honest.Graph.Input = append(honest.Graph.Input[1:], foreigntest.Value("other", foreigntest.Float, -1, 1))
		return deliver(foreigntest.Bytes(honest))
	case 7:
		return map[string]any{"version": 1, "model": "mine"}, nil
	case 8: // it promises the moon
		answer, err := deliver(foreigntest.Bytes(honest))
		response, ok := answer.(external.Response)
		if ok {
			response.Metrics = map[string]float64{r.Metric: 0.000001}
		}
		return response, err
	}
	return nil, fmt.Errorf("what is %v?", r.Parameters)
}

// startRogue polls a queue until the test ends.
func startRogue(t *testing.T, queue string) {
	t.Helper()
	w := worker.New(testenv.Temporal(t), queue, worker.Options{})
	w.RegisterActivityWithOptions(rogue, activity.RegisterOptions{Name: "train"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

// Whatever a trainer does, its trial fails with the reason, and the run goes on with
// the others.
func TestARogueTrainerFailsItsTrialsAlone(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	name := testenv.Name(t)
	startRogue(t, name)
	o := l.Run(testline.ExitDone, pythonPenguins(l, name, "timeout: 10m", "timeout: 8s", "folds: 3", "folds: 2", "C: [0.001]", "C: [1]",
		"{num_leaves: [7, 15], n_estimators: [60], min_child_samples: [5]}", "{how: [1, 2, 3, 4, 5, 6, 7, 8]}"))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	require.Contains(t, o.Step("evaluate").Figure, "logistic")
	rows, err := l.DB.Trials(t.Context(), o.Run)
	require.NoError(t, err)
	failed := map[float64]string{}
	for _, row := range rows {
		if row.Kind != "lightgbm" {
			require.Empty(t, row.Error)
			continue
		}
		how := row.Params["how"]
		if row.Error != "" {
			failed[how] = row.Error
			continue
		}
		if how == 8 {
			require.Contains(t, string(row.Report), "the trainer claims log_loss 1e-06 where it is", "its figures are on record, and ours")
			require.Contains(t, string(row.Report), "rogue 1")
		}
	}
	for how, want := range map[float64]string{
		1: "has not answered within 8s", 2: "no such solver", 3: "there is none", 4: "not a protocol buffer", 5: `operator "Loop"`, 6: `input "other"`, 7: "the trainer failed",
	} {
		require.Contains(t, failed[how], want)
	}
	require.NotContains(t, failed, float64(8))
	require.Zero(t, staged(t, l))

	// Nothing of that is found in the cache: the trainer is asked again, and only it.
	before := testline.Count(t, l.Pool(), `select count(*) from steps where cache = 'hit'`)
	all := l.Run(testline.ExitFailed, pythonPenguins(l, name, "timeout: 10m", "timeout: 8s", "folds: 3", "folds: 2",
		"- kind: logistic\n      grid: {C: [0.001]}\n    - kind: external", "- kind: external", "{num_leaves: [7, 15], n_estimators: [60], min_child_samples: [5]}", "{how: [2, 4]}"))
	require.Equal(t, "train", all.Failed())
	require.Contains(t, all.Reason, "the first that failed: ", "a run fails when every trial does, and says why")
	require.Greater(t, testline.Count(t, l.Pool(), `select count(*) from steps where cache = 'hit'`), before, "the rows were written once")
}

// The trainer in Python learns from a hundred thousand rows of numbers, texts and
// times, weighed, on shares of them first.
func TestATrainerInPythonLearnsARegression(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	name := testenv.Name(t)
	l.StartTrainer(name)
	o := l.Run(testline.ExitDone, l.Example("flights/flights.yaml", name, "    - kind: ols", "    - kind: ols\n    - kind: external\n      external: {name: lightgbm, queue: "+name+", activity: train}\n"+
		"      space: {learning_rate: {low: 0.05, high: 0.3, log: true}, n_estimators: {low: 20, high: 60, whole: true}}\n"+
		"  search: {method: halving, trials: 3}\n  folds: 2", "task: regression", "task: regression\n  weight: importance", "f.delay\n", "f.delay, 1 + f.distance / 1000 AS importance\n"))
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	rows, err := l.DB.Trials(t.Context(), o.Run)
	require.NoError(t, err)
	shares := map[bool]int{}
	for _, row := range rows {
		require.Empty(t, row.Error)
		if row.Kind == "lightgbm" {
			shares[row.Share < 1]++
			require.Equal(t, "queue "+name, row.Worker)
			require.Contains(t, string(row.Report), "trained elsewhere, by activity train on task queue "+name)
		}
	}
	require.Positive(t, shares[true], "halving tries on few rows")
	require.Positive(t, shares[false])
	t.Log(o.Step("train").Figure, o.Step("evaluate").Figure)
}
