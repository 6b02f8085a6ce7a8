package tuning_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// searched is a search of a kind whose score is decided by one of its parameters.
func searched(trials int) tuning.Page {
	r := rand.New(rand.NewPCG(9, 9))
	p := tuning.Page{Pipeline: "flights", Metric: "log_loss", Settings: pipeline.Train{Folds: 3, Repeats: 1, Search: pipeline.Search{Method: "tpe"}}, Best: 1}
	add := func(trial tuning.Trial, score float64, folds int, why string) {
		t := tuning.Tried{Trial: trial}
		for fold := range folds {
			v := score + float64(fold)/1000
			made := tuning.Made{Fold: fold, Share: 1, Score: &v, Seconds: 0.5, Memory: 1 << 20, Worker: "w", Error: why}
			if why != "" {
				made.Score = nil
			}
			for round := range 5 {
				held := 1 / float64(round+1)
				made.Report.Curve = append(made.Report.Curve, model.Point{Round: round, Train: held / 2, Held: &held})
			}
			t.Fits = append(t.Fits, made)
		}
		p.Tried = append(p.Tried, t)
	}
	add(tuning.Trial{ID: 0, Kind: "baseline"}, 0.69, 3, "")
	for i := range trials {
		c, n := math.Pow(10, 4*r.Float64()-2), math.Floor(1+100*r.Float64())
		folds := 3
		if i%5 == 4 {
			folds = 1
		}
		add(tuning.Trial{ID: i + 1, Kind: "logistic", Params: model.Params{"C": c, "max_iter": n}}, 0.5+math.Abs(math.Log10(c))/10, folds, "")
	}
	add(tuning.Trial{ID: trials + 1, Kind: "logistic", Params: model.Params{"C": 1e10, "max_iter": 1}}, 0, 1, "no finite <optimum>")
	p.Nested = []tuning.Outer{{Fold: 0, Trial: p.Tried[1].Trial, Inner: 0.5, Score: new(0.52), Rows: 1000}, {Fold: 1, Trial: p.Tried[1].Trial, Inner: 0.5, Failed: "it did not converge"}}
	return p
}

func TestThePageOfASearchTellsWhatMattered(t *testing.T) {
	var b, again bytes.Buffer
	require.NoError(t, searched(30).HTML(&b))
	require.NoError(t, searched(30).HTML(&again))
	require.Equal(t, b.String(), again.String())
	html := b.String()
	for _, want := range []string{
		"flights", "tpe search", "Parameters and log_loss of the trials of logistic", "Most: C", "failed: no finite &lt;optimum&gt;", "stopped after the first fold",
		"Learning curve of", "held out", "loss plus penalty", "Nested cross-validation", "0.02 worse than its own folds say", "failed: it did not converge", "log_loss by C",
	} {
		require.True(t, strings.Contains(html, want), want)
	}
	require.NotContains(t, html, "<optimum>")
	require.NotContains(t, html, "<script src")
	require.Less(t, b.Len(), 2<<20)
}

func TestThePageOfAnySearchIsDrawn(t *testing.T) {
	for _, trials := range []int{0, 1, 2, 7, 900} {
		var b bytes.Buffer
		require.NoError(t, searched(trials).HTML(&b), fmt.Sprint(trials))
		require.True(t, strings.Contains(b.String(), "failed: no finite"), "what failed is always listed")
		require.Less(t, b.Len(), 2<<20, "with %d trials", trials)
		require.NotContains(t, b.String(), "NaN")
	}
	empty := tuning.Page{Pipeline: "p", Metric: "rmse", Settings: pipeline.Train{Folds: 2}}
	require.NoError(t, empty.HTML(&bytes.Buffer{}))
}
