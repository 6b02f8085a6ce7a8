package activities

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/tuning"
)

func TestMain(m *testing.M) {
	foreign.Main() // examinations start this program again
	os.Exit(m.Run())
}

// elsewhere is a fit of y = 2x + 1 that a trainer elsewhere is asked for, on a real
// store and a real database.
type elsewhere struct {
	*Activities
	t      *testing.T
	env    *testsuite.TestActivityEnvironment
	params FitParams
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	acts, err := New(Options{DB: testenv.Database(t), Store: testenv.Store(t), Log: zerolog.Nop(), ScratchDir: t.TempDir()})
	require.NoError(t, err)
	_, _, err = acts.DB.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"})
	require.NoError(t, err)
	e := &elsewhere{Activities: acts, t: t}
	var suite testsuite.WorkflowTestSuite
	e.env = suite.NewTestActivityEnvironment()
	e.env.RegisterActivity(acts)
	plan, err := acts.Store.PutJSON(t.Context(), []pipeline.Feature{{Columns: []string{"x"}}, {Columns: []string{"c"}}})
	require.NoError(t, err)
	watch := e.rows(7)
	e.params = FitParams{
		Run: Run{ID: "r", Pipeline: "p"}, Problem: pipeline.Problem{Task: pipeline.Regression, Target: "y", Metric: "rmse"},
		Train: e.rows(30), Plan: plan, Watch: &watch, Folds: 3, Fold: 1, Seed: 5, Split: pipeline.Split{Method: "random"},
		Trial: tuning.Trial{ID: 4, Kind: "theirs", Params: model.Params{"depth": 3}, External: &pipeline.External{Name: "theirs", Queue: "python", Activity: "train", Timeout: "1m"}},
	}
	return e
}

// rows stores a table of n rows.
func (e *elsewhere) rows(n int) artifact.Ref {
	e.t.Helper()
	engine, err := table.Open(table.Options{TempDir: e.t.TempDir()})
	require.NoError(e.t, err)
	defer engine.Close()
	path := filepath.Join(e.t.TempDir(), "rows.parquet")
	_, err = engine.Write(e.t.Context(), "SELECT i::DOUBLE AS x, CASE WHEN i % 2 = 0 THEN 'even' END AS c, 2.0 * i + 1 AS y, i::DOUBLE AS __esteira_row FROM range("+number(float64(n))+") AS r(i)", path)
	require.NoError(e.t, err)
	ref, err := e.Store.PutFile(e.t.Context(), path, artifact.MediaTypeParquet)
	require.NoError(e.t, err)
	return ref
}

// all is the fit on all training rows.
func (e *elsewhere) all() FitParams {
	p := e.params
	p.Folds, p.Fold = 0, 0
	return p
}

func (e *elsewhere) prepare(p FitParams) ExternalFit {
	e.t.Helper()
	value, err := e.env.ExecuteActivity(e.PrepareExternal, p)
	require.NoError(e.t, err)
	var fit ExternalFit
	require.NoError(e.t, value.Get(&fit))
	return fit
}

// put does what a trainer does with an address.
func (e *elsewhere) put(address string, body []byte) {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPut, address, bytes.NewReader(body))
	require.NoError(e.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(e.t, err)
	require.NoError(e.t, answer.Body.Close())
	require.Equal(e.t, 200, answer.StatusCode)
}

// answer delivers a model and says so.
func (e *elsewhere) answer(fit ExternalFit, onnx []byte) *external.Response {
	e.t.Helper()
	e.put(fit.Request.Model.PutURL, onnx)
	return &external.Response{
		Version: 1, Framework: "theirs 1.0", Seconds: 2, Metrics: map[string]float64{"rmse": 0},
		Model: external.Delivered{SHA256: artifact.DigestOf(onnx), Bytes: int64(len(onnx))},
	}
}

func (e *elsewhere) acceptFold(p FitParams, fit ExternalFit, r *external.Response, failed string) FoldResult {
	e.t.Helper()
	fit.Request = nil
	value, err := e.env.ExecuteActivity(e.AcceptFold, AcceptParams{FitParams: p, Fit: fit, Response: r, Failed: failed})
	require.NoError(e.t, err)
	var res FoldResult
	require.NoError(e.t, value.Get(&res))
	return res
}

func (e *elsewhere) acceptFit(p FitParams, fit ExternalFit, r *external.Response, failed string) FittedResult {
	e.t.Helper()
	fit.Request = nil
	value, err := e.env.ExecuteActivity(e.AcceptFit, AcceptParams{FitParams: p, Fit: fit, Response: r, Failed: failed})
	require.NoError(e.t, err)
	var res FittedResult
	require.NoError(e.t, value.Get(&res))
	return res
}

// trial is the row of a fit.
func (e *elsewhere) trial(fold int) metadata.Trial {
	e.t.Helper()
	rows, err := e.DB.Trials(e.t.Context(), "r")
	require.NoError(e.t, err)
	for _, row := range rows {
		if row.Fold == fold {
			return row
		}
	}
	e.t.Fatalf("no row of fold %d among %d", fold, len(rows))
	return metadata.Trial{}
}

func honest() []byte { return foreigntest.Bytes(foreigntest.Regression(2)) }

func TestATrainerIsGivenTheRowsOfAFold(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	fit := e.prepare(e.params)
	require.False(t, fit.Hit)
	r := fit.Request
	require.Equal(t, external.Version, r.Version)
	require.Equal(t, []external.Column{{Name: "x", Type: "number"}, {Name: "c", Type: "text"}}, r.Signature)
	require.Equal(t, map[string]float64{"depth": 3}, r.Parameters)
	require.Equal(t, []any{1, int64(21), int64(9), int64(5)}, []any{r.Fold, r.Train.Rows, r.Validation.Rows, r.Seed})
	require.NotEqual(t, fit.Staged, fit.Report)
	for _, of := range []external.Table{r.Train, r.Validation} {
		answer, err := http.Get(of.URL)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, of.SHA256, artifact.DigestOf(body))
		require.Len(t, body, int(of.Bytes))
	}

	bare := e.all()
	bare.Trial.Params = nil
	all := e.prepare(bare).Request
	require.Equal(t, []any{-1, int64(30), int64(7)}, []any{all.Fold, all.Train.Rows, all.Validation.Rows}, "all training rows, and the validation rows held out")
	require.NotNil(t, all.Parameters, "no parameters are an empty object")
	require.Equal(t, r.Train.SHA256, e.prepare(e.params).Request.Train.SHA256, "the rows are written once")
}

func TestTheModelOfAFoldIsScoredByUsAndFoundAgain(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	fit := e.prepare(e.params)
	res := e.acceptFold(e.params, fit, e.answer(fit, honest()), "")
	require.Empty(t, res.Failed)
	require.InDelta(t, 0, *res.Score, 1e-5)
	require.Equal(t, []int{4, 1, 9, 21}, []int{res.Trial, res.Fold, res.Rows, res.Learnt})
	row := e.trial(1)
	require.Equal(t, "queue python", row.Worker)
	require.Greater(t, row.Seconds, 2.0, "what the trainer spent is counted")
	require.Contains(t, string(row.Report), "theirs 1.0")
	require.Contains(t, string(row.Report), `"claimed": {"rmse": 0}`)

	again := e.prepare(e.params)
	require.True(t, again.Hit, "nobody is asked twice")
	require.Nil(t, again.Request)
	hit := e.acceptFold(e.params, again, nil, "")
	require.Equal(t, metadata.CacheHit, hit.Cache)
	require.Equal(t, res.Score, hit.Score)

	another := e.params
	another.Trial.External = &pipeline.External{Name: "theirs", Queue: "python", Activity: "train", Version: "2"}
	require.False(t, e.prepare(another).Hit, "another version of the trainer is asked")
}

func TestTheModelOfAllRowsIsKept(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	p := e.all()
	fit := e.prepare(p)
	res := e.acceptFit(p, fit, e.answer(fit, honest()), "")
	require.Empty(t, res.Failed)
	require.Equal(t, 30, res.Rows)
	require.Equal(t, artifact.DigestOf(honest()), res.ONNX.Digest)
	parts, err := e.fit(t.Context(), res)
	require.NoError(t, err)
	require.Equal(t, honest(), parts.model.(*model.Foreign).ONNX)
	require.Equal(t, res.Model.Digest, e.trial(-1).ModelDigest)
	require.True(t, e.prepare(p).Hit)

	_, err = e.env.ExecuteActivity(e.DiscardExternal, DiscardParams{Run: p.Run, Staged: []artifact.Staged{fit.Staged, fit.Report}})
	require.NoError(t, err)
	body, err := e.Store.Staged(t.Context(), fit.Staged, 1<<20)
	require.NoError(t, err)
	require.Nil(t, body)
}

func TestAFitThatATrainerCannotMakeIsNeverFoundAgain(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	fit := e.prepare(e.params)
	require.Contains(t, e.acceptFold(e.params, fit, nil, "no licence").Failed, "the trainer failed: no licence")
	require.Contains(t, e.trial(1).Error, "no licence")
	fit = e.prepare(e.params)
	require.False(t, fit.Hit)
	require.Contains(t, e.acceptFold(e.params, fit, e.answer(fit, []byte("no model")), "").Failed, "not a protocol buffer")
	fit = e.prepare(e.params)
	lie := e.answer(fit, honest())
	lie.Model.Bytes++
	require.Contains(t, e.acceptFold(e.params, fit, lie, "").Failed, "that are not the")
	fit = e.prepare(e.params)
	require.Contains(t, e.acceptFold(e.params, fit, &external.Response{Version: 1, Framework: "x", Model: lie.Model}, "").Failed, "there is none")

	p := e.all()
	failed := e.acceptFit(p, e.prepare(p), nil, "no memory")
	require.Contains(t, failed.Failed, "no memory")
	require.Empty(t, failed.outputs())
	require.False(t, e.prepare(p).Hit)

	fit = e.prepare(e.params)
	e.acceptFold(e.params, fit, e.answer(fit, honest()), "")
	require.Equal(t, artifact.DigestOf(honest()), e.trial(e.params.Fold).ModelDigest)
	hit := e.prepare(e.params)
	require.True(t, hit.Hit)
	e.params.Run.NoCache = true // as if what the cache had was gone meanwhile
	_, err := e.env.ExecuteActivity(e.AcceptFold, AcceptParams{FitParams: e.params, Fit: hit})
	require.ErrorContains(t, err, "is gone")
}

// A report is for people: one that cannot be kept costs a warning, not the model.
func TestATrainersReportIsKeptOrLeftOutWithAReason(t *testing.T) {
	t.Parallel()
	hostile := []byte(`<!doctype html><script>fetch("/v1/endpoints")</script><h1 onclick="alert(1)">Fit</h1>`)
	for what, c := range map[string]struct {
		body    []byte
		spoil   func(*external.DeliveredReport)
		warning string
	}{
		"arrives":        {body: hostile},
		"too large":      {body: bytes.Repeat([]byte("x"), external.MaxReport+1), warning: "more than the 4194304 that are taken"},
		"absent":         {warning: "there is none"},
		"other bytes":    {body: hostile, spoil: func(r *external.DeliveredReport) { r.SHA256 = strings.Repeat("0", 64) }, warning: "that are not the"},
		"no text at all": {body: []byte("GIF89a\x00\xff"), warning: "no text in UTF-8"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newElsewhere(t)
			p := e.all()
			fit := e.prepare(p)
			response := e.answer(fit, honest())
			response.Report = &external.DeliveredReport{SHA256: artifact.DigestOf(c.body), Bytes: int64(max(1, len(c.body))), MediaType: "text/html"}
			if c.spoil != nil {
				c.spoil(response.Report)
			}
			if c.body != nil {
				e.put(fit.Request.Report.PutURL, c.body)
			}
			res := e.acceptFit(p, fit, response, "")
			require.Empty(t, res.Failed, "the model stays")
			if c.warning != "" {
				require.True(t, res.TrainerReport.IsZero())
				require.Contains(t, strings.Join(res.Report.Warnings, "; "), c.warning)
				return
			}
			require.Equal(t, artifact.MediaTypeHTML, res.TrainerReport.MediaType)
			kept, err := e.Store.Bytes(t.Context(), res.TrainerReport, external.MaxReport)
			require.NoError(t, err)
			require.Equal(t, c.body, kept)
			steps, err := e.DB.Steps(t.Context(), "r")
			require.NoError(t, err)
			require.Equal(t, res.TrainerReport, steps[len(steps)-1].Outputs[trainerReport], "it is an output of the run's step")

			fit = e.prepare(e.params)
			response.Model = e.answer(fit, honest()).Model
			e.put(fit.Request.Report.PutURL, c.body)
			require.Equal(t, res.TrainerReport, e.acceptFold(e.params, fit, response, "").TrainerReport, "a fold has one, too")
		})
	}
}
