package pipeline

import "cmp"

// DefaultTrials is how many points a search tries when the file does not say.
const DefaultTrials = 30

// Train says which models are tried, and how.
type Train struct {
	Candidates []Candidate `json:"candidates" yaml:"candidates,omitempty" jsonschema_description:"Default: ols for regression, logistic for classes. A baseline is always trained beside them."`
	Search     Search      `json:"search,omitzero" yaml:"search,omitempty" jsonschema_description:"How points are chosen among the candidates' grids and spaces; default: every point of the grids."`
	Folds      int         `json:"folds" yaml:"folds,omitempty" jsonschema_description:"Folds of cross-validation within the training rows, dealt as the split was; default 3."`
	Repeats    int         `json:"repeats,omitempty" yaml:"repeats,omitempty" jsonschema:"minimum=1,maximum=20" jsonschema_description:"How often rows are dealt to folds anew; default 1. Not where the split is by time."`
	Nested     int         `json:"nested,omitempty" yaml:"nested,omitempty" jsonschema:"minimum=2,maximum=10" jsonschema_description:"Outer folds: the whole search is repeated within each, so that the report tells what the search itself is worth on rows it never saw; default: none."`
	Ensemble   string      `json:"ensemble,omitempty" yaml:"ensemble,omitempty" jsonschema:"enum=average,enum=stack" jsonschema_description:"One more contender made of the best of each kind: average weighs them alike, stack by how they do on held-out folds; default: none."`
	Seed       int64       `json:"seed" yaml:"seed,omitempty"`
}

// The methods of a search.
const (
	GridSearch   = "grid"
	RandomSearch = "random"
	SobolSearch  = "sobol"
	TPESearch    = "tpe"
	Halving      = "halving"
	Hyperband    = "hyperband"
)

// Search says which points are tried, and when to stop.
type Search struct {
	Method string `json:"method,omitempty" yaml:"method,omitempty" jsonschema:"enum=grid,enum=random,enum=sobol,enum=tpe,enum=halving,enum=hyperband" jsonschema_description:"grid: every point. random. sobol: points spread evenly. tpe: where earlier trials did well (tree-structured Parzen estimator). halving, hyperband: many on few rows, the best go on with more. Default grid, tpe where a candidate has a space."`
	Trials int    `json:"trials,omitempty" yaml:"trials,omitempty" jsonschema:"minimum=1,maximum=1000" jsonschema_description:"Points to try, shared alike by the candidates that have any to choose; default 30. Not for grid."`
	Time   string `json:"time,omitempty" yaml:"time,omitempty" jsonschema_description:"Duration after which no trial is begun, such as 30m; the choice then depends on how fast the workers are."`
	Batch  int    `json:"batch,omitempty" yaml:"batch,omitempty" jsonschema:"minimum=1,maximum=100" jsonschema_description:"tpe: trials proposed at once, each batch knowing all before it; default 8. More run side by side, fewer learn more."`
	Factor int    `json:"factor,omitempty" yaml:"factor,omitempty" jsonschema:"minimum=2,maximum=10" jsonschema_description:"halving, hyperband: one trial of this many goes on, with this many times the rows; default 3."`
	Prune  *bool  `json:"prune,omitempty" yaml:"prune,omitempty" jsonschema_description:"A trial that is in the worse half of its kind on the first fold is not fitted on the others; default true for random, sobol and tpe, false otherwise."`
}

// Interval is what a search draws a parameter from.
type Interval struct {
	Low  float64 `json:"low" yaml:"low" jsonschema:"required"`
	High float64 `json:"high" yaml:"high" jsonschema:"required"`
	Log  bool    `json:"log,omitempty" yaml:"log,omitempty" jsonschema_description:"As many draws between 0.01 and 0.1 as between 0.1 and 1."`
	// Whole is for parameters that only a trainer elsewhere knows.
	Whole bool `json:"whole,omitempty" yaml:"whole,omitempty" jsonschema_description:"external: draw whole numbers; parameters of the other kinds know themselves whether they are whole."`
}

// Rounds is the number of fits on folds of one trial.
func (t Train) Rounds() int { return t.Folds * max(1, t.Repeats) }

// Trials is the most trials the search makes, the baseline among them.
func (t Train) Trials() int {
	trials, open := 1, false
	for _, c := range t.Candidates {
		points := 1
		//workflowcheck:ignore
		for _, values := range c.Grid { // the order does not matter
			points = min(points*max(1, len(values)), 1<<30)
		}
		switch {
		case t.Search.Method == GridSearch:
			trials += points
		case points == 1 && len(c.Space) == 0:
			trials++ // nothing to choose
		default:
			open = true
		}
	}
	if open {
		trials += t.Search.Trials
	}
	return trials
}

func (t *Train) defaults() {
	s := &t.Search
	if s.Method == "" {
		s.Method = GridSearch
		for _, c := range t.Candidates {
			if len(c.Space) > 0 {
				s.Method = TPESearch
			}
		}
	}
	if s.Method != GridSearch && s.Trials == 0 {
		s.Trials = DefaultTrials
	}
	switch s.Method {
	case TPESearch:
		s.Batch = cmp.Or(s.Batch, 8)
	case Halving, Hyperband:
		s.Factor = cmp.Or(s.Factor, 3)
	}
	if s.Prune == nil {
		s.Prune = new(s.Method == RandomSearch || s.Method == SobolSearch || s.Method == TPESearch)
	}
	t.Repeats = cmp.Or(t.Repeats, 1)
}
