package tuning_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

var binary = pipeline.Problem{Task: pipeline.Binary, Metric: "log_loss"}

// train completes a train section as the file's reader does.
func train(t *testing.T, text string) pipeline.Train {
	t.Helper()
	p, err := pipeline.Parse("f.yaml", []byte("name: p\nproblem: {task: binary, target: y}\nsources: {d: {path: d.csv}}\ntrain: "+text+"\n"))
	require.NoError(t, err)
	return p.Train
}

func search(t *testing.T, settings pipeline.Train) *tuning.Search {
	t.Helper()
	s, err := tuning.NewSearch(settings, binary)
	require.NoError(t, err)
	return s
}

// valley is a score that is best (0) at C=1, max_iter=100; folds differ a little.
func valley(a tuning.Ask) float64 {
	if a.Trial.Kind == "baseline" {
		return 10
	}
	c, n := a.Trial.Params["C"], a.Trial.Params["max_iter"]
	if c == 0 {
		c = 1
	}
	if n == 0 {
		n = 100
	}
	return math.Pow(math.Log10(c), 2) + math.Pow((n-100)/100, 2) + 0.001*float64(a.Fold) + 0.01*(1-a.Share)
}

// run makes a whole search and returns the asks of every round.
func run(s *tuning.Search, score func(tuning.Ask) float64) [][]tuning.Ask {
	var rounds [][]tuning.Ask
	for asks := s.Next(); len(asks) > 0; asks = s.Next() {
		rounds = append(rounds, slices.Clone(asks))
		for _, a := range asks {
			s.Tell(score(a))
		}
	}
	return rounds
}

func names(scored []tuning.Scored) string {
	var out []string
	for _, s := range scored {
		out = append(out, s.Trial.String())
	}
	return strings.Join(out, ", ")
}

func states(scored []tuning.Scored) map[tuning.State]int {
	n := map[tuning.State]int{}
	for _, s := range scored {
		n[s.State]++
	}
	return n
}

func TestAGridIsTheBaselineAndEveryPointInOrder(t *testing.T) {
	settings := train(t, "{candidates: [{kind: logistic, grid: {max_iter: [50, 200], C: [1, 0.1]}}, {kind: logistic}]}")
	for range 20 { // maps must not show
		s := search(t, settings)
		rounds := run(s, valley)
		require.Len(t, rounds, 1)
		require.Len(t, rounds[0], 6*3)
		require.Equal(t, "baseline, logistic C=1 max_iter=50, logistic C=1 max_iter=200, logistic C=0.1 max_iter=50, logistic C=0.1 max_iter=200, logistic", names(s.Scored()))
		require.Equal(t, map[tuning.State]int{tuning.Finished: 6}, states(s.Scored()))
		for i, scored := range s.Scored() {
			require.Equal(t, i, scored.Trial.ID)
			require.Len(t, scored.Scores, 3)
		}
	}
}

func TestImpossibleSearchesAreRefused(t *testing.T) {
	many := make([]float64, 40)
	for i := range many {
		many[i] = float64(i + 1)
	}
	for says, c := range map[string]struct {
		candidate pipeline.Candidate
		task      pipeline.Task
	}{
		"1000":            {pipeline.Candidate{Kind: "logistic", Grid: map[string][]float64{"C": many, "max_iter": many}}, pipeline.Binary},
		"forest":          {pipeline.Candidate{Kind: "forest"}, pipeline.Binary},
		"no parameter":    {pipeline.Candidate{Kind: "logistic", Grid: map[string][]float64{"depth": {1}}}, pipeline.Binary},
		"from 1e-10":      {pipeline.Candidate{Kind: "logistic", Space: map[string]pipeline.Interval{"C": {Low: -1, High: 2}}}, pipeline.Binary},
		"not classes":     {pipeline.Candidate{Kind: "ols"}, pipeline.Multiclass},
		"use ols":         {pipeline.Candidate{Kind: "logistic"}, pipeline.Regression},
		"a whole number ": {pipeline.Candidate{Kind: "logistic", Grid: map[string][]float64{"max_iter": {0.5}}}, pipeline.Binary},
		"no option":       {pipeline.Candidate{Kind: "logistic", Options: model.Options{Growth: "leaf"}}, pipeline.Binary},
	} {
		_, err := tuning.NewSearch(pipeline.Train{Folds: 2, Candidates: []pipeline.Candidate{c.candidate}, Search: pipeline.Search{Method: pipeline.GridSearch}}, pipeline.Problem{Task: c.task})
		refused(t, err, fault.PipelineInvalid, says)
	}
}

const spaces = "candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}, max_iter: {low: 10, high: 500}}}, {kind: logistic}]"

// Every method asks for as many trials as it was told, within their intervals,
// and comes to the same winner whatever was known when: the asks after any prefix
// of the scores are those of the whole search.
func TestEverySearchIsAFunctionOfItsSettingsAndScores(t *testing.T) {
	for _, method := range []string{"random", "sobol", "tpe", "halving", "hyperband"} {
		for _, prune := range []bool{false, true} {
			settings := train(t, fmt.Sprintf("{folds: 2, seed: 5, search: {method: %s, trials: 30, prune: %v}, %s}", method, prune, spaces))
			whole := search(t, settings)
			rounds := run(whole, valley)
			var asks []tuning.Ask
			var scores []float64
			for _, round := range rounds {
				for _, a := range round {
					asks, scores = append(asks, a), append(scores, valley(a))
					for name, p := range a.Trial.Params {
						require.True(t, name == "C" && p >= 0.001 && p <= 1000 || name == "max_iter" && p >= 10 && p <= 500 && p == math.Trunc(p), "%s=%v", name, p)
					}
				}
			}
			require.Len(t, whole.Scored(), 1+1+30, method)
			require.LessOrEqual(t, len(asks), 6*whole.Expected())
			best, err := tuning.Choose(whole.Scored(), "log_loss")
			require.NoError(t, err)
			require.Less(t, tuning.Best(best, "log_loss").Mean(), 1.0)
			for cut := range len(scores) + 1 {
				again := search(t, settings)
				require.NoError(t, again.Replay(scores[:cut], -1))
				rest := []tuning.Ask{}
				for next := again.Next(); len(next) > 0; next = again.Next() {
					rest = append(rest, next...)
					for _, a := range slices.Clone(next) {
						again.Tell(valley(a))
					}
				}
				require.Equal(t, asks[cut:], rest, "%s after %d", method, cut)
				require.Equal(t, whole.Scored(), again.Scored())
			}
			require.Error(t, search(t, settings).Replay(append(slices.Clone(scores), 1), -1))
		}
	}
}

func TestAnotherSeedTriesOtherPoints(t *testing.T) {
	for _, method := range []string{"random", "sobol"} {
		var seen []string
		for seed := range 3 {
			s := search(t, train(t, fmt.Sprintf("{seed: %d, search: {method: %s, trials: 4}, %s}", seed, method, spaces)))
			run(s, valley)
			require.NotContains(t, seen, names(s.Scored()))
			seen = append(seen, names(s.Scored()))
		}
	}
}

func TestSobolPointsAreScipys(t *testing.T) {
	data, err := os.ReadFile("testdata/sobol.json")
	require.NoError(t, err)
	var want [][]float64
	require.NoError(t, json.Unmarshal(data, &want))
	for n, point := range want {
		require.Equal(t, point, tuning.SobolPoint(uint32(n), len(point)), "point %d", n)
	}
}

// Where it did well before is where it tries next: over many seeds TPE comes
// nearer to the bottom of the valley than random points do.
func TestTPELearnsFromEarlierTrials(t *testing.T) {
	nearest := func(method string) float64 {
		sum := 0.0
		for seed := range 20 {
			s := search(t, train(t, fmt.Sprintf("{folds: 2, seed: %d, search: {method: %s, trials: 50, prune: false}, candidates: [{kind: logistic, space: {C: {low: 0.00001, high: 100000, log: true}, max_iter: {low: 1, high: 1000}}}]}", seed, method)))
			run(s, valley)
			best, err := tuning.Choose(s.Scored(), "log_loss")
			require.NoError(t, err)
			sum += tuning.Best(best, "log_loss").Mean()
		}
		return sum / 20
	}
	tpe, random := nearest("tpe"), nearest("random")
	t.Logf("mean distance: tpe %.4f, random %.4f", tpe, random)
	require.Less(t, tpe, random/2)
}

func TestHalvingKeepsTheBestOfEachKindOnMoreAndMoreRows(t *testing.T) {
	s := search(t, train(t, "{folds: 2, search: {method: halving, trials: 27}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}"))
	rounds := run(s, valley)
	require.Len(t, rounds, 4)
	for i, want := range []struct {
		trials int
		share  float64
	}{{28, 1.0 / 27}, {10, 1.0 / 9}, {4, 1.0 / 3}, {2, 1}} {
		require.Len(t, rounds[i], 2*want.trials)
		for _, a := range rounds[i] {
			require.InDelta(t, want.share, a.Share, 1e-12)
		}
	}
	require.Equal(t, map[tuning.State]int{tuning.Finished: 2, tuning.Halved: 26}, states(s.Scored()))
	best, err := tuning.Choose(s.Scored(), "log_loss")
	require.NoError(t, err)
	for _, o := range s.Scored()[1:] { // the valley is the same at every share
		require.LessOrEqual(t, math.Abs(math.Log10(best[1].Trial.Params["C"])), math.Abs(math.Log10(o.Trial.Params["C"])))
	}
}

func TestHyperbandBeginsEachBracketWithFewerTrialsAndMoreRows(t *testing.T) {
	s := search(t, train(t, "{folds: 2, search: {method: hyperband, trials: 40}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}"))
	rounds := run(s, valley)
	begun, shares := []int{}, []float64{}
	seen := 0
	for _, round := range rounds {
		if newest := round[len(round)-1].Trial.ID + 1; newest > seen {
			begun, shares = append(begun, newest-seen), append(shares, round[0].Share)
			seen = newest
		}
	}
	require.Len(t, begun, 4)
	require.Equal(t, 41, seen)
	require.True(t, slices.IsSortedFunc(begun, func(a, b int) int { return b - a }), begun)
	require.True(t, slices.IsSorted(shares), shares)
	require.Equal(t, 1.0, shares[3])
}

func TestPruningLeavesOutTheWorseHalf(t *testing.T) {
	settings := train(t, "{folds: 5, search: {method: sobol, trials: 20, prune: true}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}")
	s := search(t, settings)
	rounds := run(s, valley)
	require.Len(t, rounds, 2)
	require.Len(t, rounds[0], 21)
	got := states(s.Scored())
	require.Equal(t, map[tuning.State]int{tuning.Finished: 11, tuning.Pruned: 10}, got)
	worst, best := 0.0, math.Inf(1)
	for _, o := range s.Scored()[1:] {
		if o.State == tuning.Finished {
			worst = max(worst, o.Scores[0])
		} else {
			best = min(best, o.Scores[0])
			require.Len(t, o.Scores, 1)
		}
	}
	require.Less(t, worst, best)
	settings.Candidates = settings.Candidates[:1]
	settings.Search.Trials = 3
	few := search(t, settings)
	run(few, valley)
	require.Equal(t, 4, states(few.Scored())[tuning.Finished], "a median of three says nothing")
}

func TestWhatFailsNeverWins(t *testing.T) {
	settings := train(t, "{folds: 2, candidates: [{kind: logistic, grid: {C: [0.1, 1, 10]}}]}")
	s := search(t, settings)
	run(s, func(a tuning.Ask) float64 {
		if a.Trial.Params["C"] == 1 && a.Fold == 1 {
			return math.NaN()
		}
		return valley(a)
	})
	require.Equal(t, map[tuning.State]int{tuning.Finished: 3, tuning.Failed: 1}, states(s.Scored()))
	best, err := tuning.Choose(s.Scored(), "log_loss")
	require.NoError(t, err)
	require.NotEqual(t, 1.0, best[1].Trial.Params["C"])

	for _, method := range []string{"grid", "random", "tpe", "halving", "hyperband"} {
		settings := train(t, "{folds: 2, search: {method: "+method+"}, candidates: [{kind: logistic, grid: {C: [0.1, 1, 10]}}]}")
		s := search(t, settings)
		run(s, func(a tuning.Ask) float64 {
			if a.Trial.ID > 0 {
				return math.Inf(1)
			}
			return 1
		})
		_, err = tuning.Choose(s.Scored(), "log_loss")
		refused(t, err, fault.TrainingFailed, "none of", "finite log_loss")
	}
}

func TestAnExpiredSearchFinishesWhatItHasBegun(t *testing.T) {
	settings := train(t, "{folds: 3, seed: 1, search: {method: tpe, trials: 40, batch: 5}, candidates: [{kind: logistic, space: {C: {low: 0.001, high: 1000, log: true}}}]}")
	s := search(t, settings)
	var scores []float64
	tell := func(s *tuning.Search, asks []tuning.Ask) {
		for _, a := range slices.Clone(asks) {
			scores = append(scores, valley(a))
			s.Tell(valley(a))
		}
	}
	tell(s, s.Next())
	asks := s.Next() // of the second stage
	tell(s, asks[:2])
	s.Expire()
	expired := len(scores)
	tell(s, s.Next())
	require.Empty(t, s.Next())
	require.Len(t, s.Scored(), 6)

	again := search(t, settings)
	require.NoError(t, again.Replay(scores, expired))
	require.Empty(t, again.Next())
	require.Equal(t, s.Scored(), again.Scored())
}
