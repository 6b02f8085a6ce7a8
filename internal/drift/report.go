package drift

import "sort"

// Report is what is known of one window, to be read by people. What was not
// measured is nil.
type Report struct {
	Endpoint string `json:"endpoint"`
	Model    string `json:"model"` // version that answered
	From     int64  `json:"from"`  // microseconds since the epoch, UTC
	To       int64  `json:"to"`    // exclusive

	Baseline *Comparison `json:"baseline,omitempty"` // with the training rows
	Previous *Comparison `json:"previous,omitempty"` // with the window before

	Together    *Separation       `json:"together,omitempty"`
	Performance []Performance     `json:"performance,omitempty"`
	Labelled    int64             `json:"labelled,omitempty"` // predictions of the window with a label
	Calibration *CalibrationDrift `json:"calibration,omitempty"`
	Changes     []Change          `json:"changes,omitempty"`    // of the errors, in order of time
	Calibrated  string            `json:"calibrated,omitempty"` // a sentence, where there is no reference to compare with
	Slices      []Scored          `json:"slices,omitempty"`     // parts of the labelled rows
	Versions    []Scored          `json:"versions,omitempty"`   // model versions that answered, those of most rows first
	Notes       []string          `json:"notes,omitempty"`      // what could not be told, and why
	Quality     []Check           `json:"quality,omitempty"`
	Service     *Service          `json:"service,omitempty"`
	History     []Past            `json:"history,omitempty"` // windows in order of time, this one last
	Footer      string            `json:"footer,omitempty"`
}

// Performance is one metric of the window.
type Performance struct {
	Metric    string    `json:"metric"`
	Reference *float64  `json:"reference,omitempty"` // on the test rows, when the model was judged
	Estimated *Estimate `json:"estimated,omitempty"` // without labels
	Measured  *Estimate `json:"measured,omitempty"`  // with the labels there are
}

// Scored is a part of the answers and its scores, where labels have come.
type Scored struct {
	Name   string              `json:"name"`
	Rows   int64               `json:"rows"`
	Scores map[string]Estimate `json:"scores,omitempty"`
	Reason string              `json:"reason,omitempty"` // why there are none
}

// Check is one rule of the contract on the requests of the window.
type Check struct {
	Rule     string `json:"rule"`
	Observed string `json:"observed"`
	Passed   bool   `json:"passed"`
}

// Past is one window of the history.
type Past struct {
	At      int64                `json:"at"` // its beginning, microseconds
	Rows    int64                `json:"rows"`
	Effects map[string]float64   `json:"effects,omitempty"` // Result.Effect by feature and output
	Metrics map[string]*Estimate `json:"metrics,omitempty"` // measured, or where there is none estimated
}

// Drifted returns the names of what has drifted from the baseline: features and
// outputs, by falling effect.
func (c *Comparison) Drifted() (features, outputs []string) {
	pick := func(results []Result) (names []string) {
		for _, r := range ranked(results) {
			if r.Outcome == Drifted {
				names = append(names, r.Name)
			}
		}
		return names
	}
	return pick(c.Features), pick(c.Outputs)
}

// ranked orders results by what matters: what drifted, by falling effect, then what
// could not be measured, then the rest.
func ranked(results []Result) []*Result {
	weight := map[Outcome]int{Drifted: 0, Failed: 1, Stable: 2, Unjudged: 3, Insufficient: 4}
	out := make([]*Result, len(results))
	for i := range results {
		out[i] = &results[i]
	}
	sort.SliceStable(out, func(i, j int) bool {
		if a, b := weight[out[i].Outcome], weight[out[j].Outcome]; a != b {
			return a < b
		}
		return out[i].Effect > out[j].Effect
	})
	return out
}
