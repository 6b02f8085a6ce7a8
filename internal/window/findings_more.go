package window

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/drift"
)

// slice judges a score of a part of the rows; how much worse it is, is told against
// the score of all test rows.
func (j *judge) slice() []alert.Finding {
	name := sliceName(j.Slice)
	at := slices.IndexFunc(j.main.Slices, func(s SliceMeasure) bool { return s.Name == name })
	if at < 0 {
		return j.unknown(name, j.Metric, "insufficient data: no labelled answer has %s", name)
	}
	s := &j.main.Slices[at]
	e, ok := s.Scores[j.Metric]
	if !ok {
		return j.unknown(name, j.Metric, "%s", firstOf(s.Reason, j.Metric+" is not defined for these rows"))
	}
	var reference *float64
	if at := slices.IndexFunc(j.main.Performance, func(p drift.Performance) bool { return p.Metric == j.Metric }); at >= 0 {
		reference = j.main.Performance[at].Reference
	}
	out := j.score(name, e, reference)
	out[0].Message = fmt.Sprintf("where %s, %d rows: %s", name, s.Rows, out[0].Message)
	return out
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// together needs both: an AUC beyond the bound, and one that is not chance.
func (j *judge) together() []alert.Finding {
	t := j.main.Together
	switch {
	case t == nil:
		why := "insufficient data"
		for _, n := range j.main.Notes {
			if strings.HasPrefix(n, "rows are not told") {
				why = n
			}
		}
		return j.unknown("", "auc", "%s", why)
	case t.Outcome == drift.Insufficient || t.Outcome == drift.Failed:
		return j.unknown("", "auc", "%s: %s", t.Outcome, t.Reason)
	}
	f := j.finding("", "auc")
	f.Value, f.Against = alert.Number(t.AUC), "the training rows"
	var names []string
	for _, s := range t.Features[:min(3, len(t.Features))] {
		names = append(names, fmt.Sprintf("%s %.0f %%", s.Name, 100*s.Share))
	}
	return []alert.Finding{judged(f, t.AUC > *j.Max && t.Low > .5, "a classifier tells the rows from training rows with an AUC of %.3g [%.3g, %.3g], by %s; the bound is %.3g", t.AUC, t.Low, t.High, strings.Join(names, ", "), *j.Max)}
}

// concept is breached from the window in which a rise of the error was found, until it
// has fallen again.
func (j *judge) concept() []alert.Finding {
	c := j.main.Concept
	if c == nil || c.Rows < int64(j.MinRows) {
		rows := int64(0)
		if c != nil {
			rows = c.Rows
		}
		return j.unknown("", "error", "insufficient data: %d labelled answers, fewer than %d", rows, j.MinRows)
	}
	f := j.finding("", "error")
	f.Against = "the answers before"
	if len(c.Changes) == 0 {
		return []alert.Finding{judged(f, false, "the error of %d labelled answers has not changed", c.Rows)}
	}
	last := c.Changes[len(c.Changes)-1]
	f.Value = alert.Number(last.Mean)
	way := "fell"
	if c.Risen {
		way = "rose"
	}
	return []alert.Finding{judged(f, c.Risen, "%s finds that the mean error %s from %.4g to %.4g at %s", last.Detector, way, last.Before, last.Mean, time.UnixMicro(last.At).UTC().Format("2006-01-02 15:04"))}
}
