package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tree"
)

func TestTheCardShowsWhatTreesGainBy(t *testing.T) {
	trees := &tree.Ensemble{}
	for k := range 30 {
		trees.Features = append(trees.Features, tree.Feature{Name: fmt.Sprintf("x|%d", k)})
		trees.Trees = append(trees.Trees, &tree.Tree{Features: []int32{int32(k), 0, 0}, Lefts: []int32{1, 0, 0}, Gains: []float32{float32(k + 1), 0, 0}})
	}
	c := Card{Kind: "boosted_trees", Problem: pipeline.Problem{Task: pipeline.Regression}, Model: &model.Boosted{Trees: trees}}
	got := c.Markdown()
	for _, want := range []string{ // of 1 + … + 30 = 465
		"## Features by gain\n\n| feature | share of gain | splits |\n|---|---:|---:|\n| x\\|29 | 6.5 % | 1 |\n| x\\|28 | 6.2 % | 1 |\n",
		"| x\\|5 | 1.3 % | 1 |\n\nThe 25 features of the greatest gain; 5 more have less.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the card does not say %q:\n%s", want, got)
		}
	}
	c.Model = &model.Linear{}
	if got := c.Markdown(); strings.Contains(got, "gain") {
		t.Error(got)
	}
}
