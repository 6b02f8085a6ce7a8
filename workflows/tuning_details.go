package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/tuning"
)

// maxDetailed bounds the trials that details list: the best, which is what people
// look for; all are on the page of the search.
const maxDetailed = 25

// progress tells how far a search has come: the fits done of those expected, the
// time left at this pace, and the best trials so far.
func (t *tuner) progress(ctx workflow.Context) string {
	var b strings.Builder
	of := max(t.engine.Expected(), len(t.sofar.Scores)/8+t.inChunk())
	done := min(len(t.sofar.Scores)/8+t.inChunk(), of)
	say(&b, "%d of up to %d fits done, %d from cache", done, of, t.sofar.Hits)
	if passed := workflow.Now(ctx).Sub(t.sofar.Begun); done > 0 && done < of {
		say(&b, "; at this pace up to %s to go", (passed / time.Duration(done) * time.Duration(of-done)).Round(time.Second))
	}
	say(&b, "\n\n")
	trials(&b, nil, t.scored(), t.in.Problem.Metric)
	return b.String()
}

// scored is what the engine knows of the trials, and what came back since it was told
// last: many fits are asked for together.
func (t *tuner) scored() []tuning.Scored {
	all := t.engine.Scored()
	byFold := func(x, y activities.FoldResult) int { return x.Fold - y.Fold }
	for _, r := range slices.SortedStableFunc(slices.Values(t.untold), byFold) {
		if r.Score != nil && r.Trial < len(all) {
			all[r.Trial].Scores = append(all[r.Trial].Scores, *r.Score)
		}
	}
	return all
}

// inChunk is how many fits of the chunk under way are done.
func (t *tuner) inChunk() int { return t.done - t.told }

// searchDetails is the table of a finished search.
func searchDetails(best, all []tuning.Scored, metric, figure string) string {
	var b strings.Builder
	say(&b, "%s\n\n", figure)
	trials(&b, best, all, metric)
	return b.String()
}

func trials(b *strings.Builder, best, all []tuning.Scored, metric string) {
	shown := slices.DeleteFunc(slices.Clone(all), func(s tuning.Scored) bool { return len(s.Scores) == 0 })
	if len(shown) == 0 {
		return
	}
	slices.SortStableFunc(shown, func(x, y tuning.Scored) int {
		switch {
		case (x.State == tuning.Finished) != (y.State == tuning.Finished):
			if x.State == tuning.Finished {
				return -1
			}
			return 1
		case pipeline.Better(metric, x.Mean(), y.Mean()):
			return -1
		case pipeline.Better(metric, y.Mean(), x.Mean()):
			return 1
		}
		return x.Trial.ID - y.Trial.ID
	})
	say(b, "| trial | mean %s | fold scores | |\n|---|---:|---|---|\n", metric)
	for i, s := range shown {
		if i == maxDetailed {
			say(b, "\n… and %d trials more\n", len(shown)-i)
			break
		}
		state := string(s.State)
		if slices.ContainsFunc(best, func(o tuning.Scored) bool { return o.Trial.ID == s.Trial.ID }) {
			state = "best of its kind"
		}
		folds := make([]string, min(len(s.Scores), 10))
		for k := range folds {
			folds[k] = fmt.Sprintf("%.6g", s.Scores[k])
		}
		say(b, "| %s | %.6g | %s | %s |\n", cell(s.Trial.String()), s.Mean(), strings.Join(folds, ", "), state)
	}
}
