package drift

import (
	"cmp"
	"slices"
)

// Concept is whether the error of answers has changed within a stretch of time: the
// relation that the model has learned is another now.
type Concept struct {
	Rows    int64    `json:"rows"`  // labelled answers of the stretch
	Since   int64    `json:"since"` // the first of them, microseconds
	Changes []Change `json:"changes,omitempty"`
	Risen   bool     `json:"risen"` // the latest change is a rise, and has not been undone
}

// Change is one that a detector has found in a stream of errors.
type Change struct {
	Detector string  `json:"detector"` // "ADWIN" or "Page-Hinkley"
	At       int64   `json:"at"`       // from when on, as the detector estimates; microseconds
	Found    int64   `json:"found"`    // when it was sure
	Before   float64 `json:"before"`   // mean of the errors before it
	Mean     float64 `json:"mean"`     // and after it, up to the next change
}

// Page-Hinkley in units of a deviation: sums that chance makes where nothing changes
// exceed the threshold with a probability of about exp(-2 delta threshold) a
// beginning; a rise by half a deviation is found after 250 errors.
const (
	conceptDelta     = 0.1
	conceptThreshold = 100
	mostChanges      = 20
)

// FindConcept runs ADWIN and Page-Hinkley over errors in order of time; unit is what
// one is in the unit of the metric. Nil without errors. The same errors give the same
// changes.
func FindConcept(parts []*Errors, unit float64) *Concept {
	var at []int64
	var values []float64
	c := &Concept{}
	for _, p := range parts {
		at, values, c.Rows = append(at, p.At...), append(values, p.Value...), c.Rows+p.Rows
	}
	if len(at) == 0 {
		return nil
	}
	c.Since = at[0]
	c.Changes = append(adwinChanges(values), pageHinkleyChanges(values)...)
	slices.SortStableFunc(c.Changes, func(a, b Change) int { return cmp.Compare(a.Found, b.Found) })
	if n := len(c.Changes); n > 0 {
		c.Risen = c.Changes[n-1].Mean > c.Changes[n-1].Before
		c.Changes = c.Changes[max(0, n-mostChanges):]
	}
	for i := range c.Changes {
		one := &c.Changes[i]
		one.At, one.Found, one.Before, one.Mean = at[one.At], at[one.Found], one.Before*unit, one.Mean*unit
	}
	return c
}

// adwinChanges are those ADWIN finds; At and Found are places in values. It asks for
// values from 0 to 1.
func adwinChanges(values []float64) []Change {
	var out []Change
	detector := NewADWIN()
	for i, v := range values {
		if detector.Add(v / mostError) {
			out = append(out, Change{Detector: "ADWIN", At: int64(max(0, i+1-detector.Width)), Found: int64(i)})
		}
	}
	return meansOf(out, values)
}

func pageHinkleyChanges(values []float64) []Change {
	var out []Change
	detector := NewPageHinkley()
	detector.Delta, detector.Threshold = conceptDelta, conceptThreshold
	low, high := 0, 0 // where the sums were at their extremes
	for i, v := range values {
		changed := detector.Add(v)
		if detector.Up == detector.Lowest {
			low = i
		}
		if detector.Down == detector.Highest {
			high = i
		}
		if changed {
			at := high
			if detector.Up-detector.Lowest > detector.Threshold {
				at = low
			}
			out = append(out, Change{Detector: "Page-Hinkley", At: int64(min(at+1, i)), Found: int64(i)})
			low, high = i+1, i+1
		}
	}
	return meansOf(out, values)
}

// meansOf sets the means between the changes of one detector, and leaves those out
// that are none.
func meansOf(changes []Change, values []float64) []Change {
	mean := func(from, to int64) float64 { return sum(values[from:to]) / max(1, float64(to-from)) }
	out := changes[:0]
	for i, c := range changes {
		from, to := int64(0), int64(len(values))
		if i > 0 {
			from = changes[i-1].At
		}
		if i+1 < len(changes) {
			to = max(changes[i+1].At, c.Found+1)
		}
		if c.At <= from && c.At > 0 {
			from = max(0, c.At-1)
		}
		c.Before, c.Mean = mean(from, c.At), mean(c.At, to)
		if c.At > 0 {
			out = append(out, c)
		}
	}
	return out
}
