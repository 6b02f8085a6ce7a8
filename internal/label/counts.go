package label

import "github.com/esteira-ml/esteira/internal/metadata"

// Counts say what became of labels. The first five add up to Rows; the rest are
// told apart among those that were kept.
type Counts struct {
	Rows        int `json:"rows"`
	Accepted    int `json:"accepted"`
	Repeated    int `json:"repeated"`
	Corrected   int `json:"corrected"`
	Conflicting int `json:"conflicting"`
	Superseded  int `json:"superseded"`
	Unknown     int `json:"unknown"`      // of no prediction that is in the audit table yet
	Ambiguous   int `json:"ambiguous"`    // by the key of a request with several rows
	UnseenClass int `json:"unseen_class"` // of a class that the model does not know
}

// Add counts one label.
func (c *Counts) Add(o metadata.LabelOutcome, unseen bool) {
	c.Rows++
	switch o.State {
	case metadata.LabelAccepted:
		c.Accepted++
	case metadata.LabelRepeated:
		c.Repeated++
	case metadata.LabelCorrected:
		c.Corrected++
	case metadata.LabelConflicting:
		c.Conflicting++
	case metadata.LabelSuperseded:
		c.Superseded++
	}
	for _, flag := range []struct {
		on bool
		n  *int
	}{{o.Unknown, &c.Unknown}, {o.Ambiguous, &c.Ambiguous}, {unseen, &c.UnseenClass}} {
		if flag.on {
			*flag.n++
		}
	}
}

// Merge adds the counts of other labels.
func (c *Counts) Merge(o Counts) {
	for _, sum := range []struct {
		to   *int
		more int
	}{
		{&c.Rows, o.Rows}, {&c.Accepted, o.Accepted}, {&c.Repeated, o.Repeated}, {&c.Corrected, o.Corrected}, {&c.Conflicting, o.Conflicting},
		{&c.Superseded, o.Superseded}, {&c.Unknown, o.Unknown}, {&c.Ambiguous, o.Ambiguous}, {&c.UnseenClass, o.UnseenClass},
	} {
		*sum.to += sum.more
	}
}
