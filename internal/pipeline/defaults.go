package pipeline

import (
	"cmp"
	"path"
	"reflect"
	"strings"
)

// DefaultFolds and DefaultShare are what train.folds, and split.validation and
// split.test, are when the file does not say.
const (
	DefaultFolds = 3
	DefaultShare = 0.15
)

// DefaultMinSliceRows is what evaluate.min_slice_rows stands for when the file does
// not say; it is not written into the pipeline, whose version it does not change.
const DefaultMinSliceRows = 100

// defaultMaxCategories bounds the columns one_hot makes of one column.
const defaultMaxCategories = 50

func valueOf(p *Pipeline) reflect.Value { return reflect.ValueOf(p).Elem() }

// defaults fills in everything the file leaves out.
func (d *decoder) defaults(p *Pipeline) {
	known := metrics[p.Problem.Task]
	if p.Problem.Metric == "" && len(known) > 0 {
		p.Problem.Metric = known[0]
	}
	if p.Problem.Baseline == "" {
		p.Problem.Baseline = baselineOf(p.Problem.Task)
	}
	for name, s := range p.Sources {
		p.Sources[name] = sourceDefaults(s)
		if len(p.Sources) == 1 && p.Dataset.SQL == "" {
			p.Dataset.SQL = `SELECT * FROM "` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if p.Dataset.FanOut == "" {
		p.Dataset.FanOut = "warn"
	}
	if p.Dataset.Timeout == "" {
		p.Dataset.Timeout = DefaultTimeout
	}
	for i := range p.Validation {
		p.Validation[i].defaults()
	}
	d.splitDefaults(p)
	if !d.given("features") {
		p.Features.Auto = true
	}
	for _, f := range p.Features.List {
		transformDefaults(f.Apply)
	}
	d.trainDefaults(p)
	if p.Package.ONNX == nil {
		p.Package.ONNX = new(true)
	}
	if p.Deploy.Endpoint == "" {
		p.Deploy.Endpoint = p.Name
	}
	if p.Deploy.Enabled == nil {
		p.Deploy.Enabled = new(true)
	}
	if p.Monitor != nil {
		p.Monitor.defaults(p.Problem)
	}
	notifyDefaults(p)
	d.rolloutDefaults(&p.Deploy)
	if s := p.Retrain.Schedule; s != nil && s.TimeZone == "" {
		s.TimeZone = "UTC"
	}
}

func (d *decoder) trainDefaults(p *Pipeline) {
	if !d.given("train.candidates") {
		switch p.Problem.Task {
		case Regression:
			p.Train.Candidates = []Candidate{{Kind: "ols"}}
		case Binary, Multiclass:
			p.Train.Candidates = []Candidate{{Kind: "logistic", Grid: map[string][]float64{"C": {0.1, 1, 10}}}}
		}
	}
	if !d.given("train.folds") {
		p.Train.Folds = DefaultFolds
	}
	p.Train.defaults()
	if !d.given("evaluate.gates") {
		p.Evaluate.Gates = []Gate{{Against: "baseline"}, {Against: "champion"}}
	}
	for i := range p.Evaluate.Gates {
		p.Evaluate.Gates[i].defaults(p.Problem)
	}
}

// named is the metric the gate speaks of.
func (g Gate) named(p Problem) string {
	g.defaults(p)
	return g.Metric
}

func (g *Gate) defaults(p Problem) {
	switch {
	case g.MaxLatencyUS != nil:
		g.Percentile = cmp.Or(g.Percentile, "p95")
		g.Metric = cmp.Or(g.Metric, "latency_"+g.Percentile+"_us")
	case g.MaxSizeKB != nil:
		g.Metric = cmp.Or(g.Metric, "model_size_kb")
	case g.Metric != "":
	case g.Fairness != "" && p.Task == Binary:
		g.Metric = "demographic_parity_difference"
	case g.Fairness != "":
		g.Metric = "error_difference"
	default:
		g.Metric = p.Metric
	}
}

// transformDefaults completes the parameters of a chain. What follows an impute
// tells text from numbers, which alone have a median.
func transformDefaults(chain []Transform) {
	for i, t := range chain {
		switch {
		case t.Impute != nil && t.Impute.Strategy == "":
			t.Impute.Strategy = "median"
			for _, later := range chain[i+1:] {
				if later.Text() {
					t.Impute.Strategy = "most_frequent"
				}
			}
			if t.Impute.Value != nil || t.Impute.Text != nil {
				t.Impute.Strategy = "constant"
			}
		case t.MinMax != nil:
			orElse(&t.MinMax.Max, 1)
		case t.Robust != nil:
			orElse(&t.Robust.Lower, 25)
			orElse(&t.Robust.Upper, 75)
		case t.Power != nil:
			t.Power.Method = cmp.Or(t.Power.Method, "yeo_johnson")
			if t.Power.Standardize == nil {
				t.Power.Standardize = new(true)
			}
		case t.Bin != nil:
			t.Bin.Strategy, t.Bin.Encode = cmp.Or(t.Bin.Strategy, "quantile"), cmp.Or(t.Bin.Encode, "onehot")
			t.Bin.Bins = cmp.Or(t.Bin.Bins, 5)
		case t.OneHot != nil:
			t.OneHot.MaxCategories = cmp.Or(t.OneHot.MaxCategories, defaultMaxCategories)
		case t.TargetEncode != nil:
			t.TargetEncode.Folds = cmp.Or(t.TargetEncode.Folds, 5)
		case t.Hash != nil:
			t.Hash.Bits = cmp.Or(t.Hash.Bits, 8)
		case t.NGrams != nil:
			n := t.NGrams
			n.Min = cmp.Or(n.Min, 2)
			n.Max, n.Bits = cmp.Or(n.Max, max(3, n.Min)), cmp.Or(n.Bits, 6)
		case t.DateParts != nil && len(t.DateParts.Parts)+len(t.DateParts.AsCategories)+len(t.DateParts.Cyclical) == 0:
			t.DateParts.Parts = []string{"month", "day", "day_of_week", "hour"}
			t.DateParts.AsCategories = []string{"day_of_week", "hour"}
		}
	}
}

func orElse(field **float64, value float64) {
	if *field == nil {
		*field = &value
	}
}

// WithDefaults returns the chain with its parameters completed, as Parse does for
// a file; the chain itself is not changed.
func WithDefaults(chain []Transform) []Transform {
	out := make([]Transform, len(chain))
	for i, t := range chain {
		v := reflect.ValueOf(&out[i]).Elem()
		for j, from := 0, reflect.ValueOf(t); j < from.NumField(); j++ {
			if !from.Field(j).IsNil() {
				v.Field(j).Set(reflect.New(from.Field(j).Type().Elem()))
				v.Field(j).Elem().Set(from.Field(j).Elem())
			}
		}
	}
	transformDefaults(out)
	return out
}

func baselineOf(task Task) string {
	if task == Regression {
		return "mean"
	}
	return "majority"
}

// FormatOf tells a format by the ending of a path, compression aside; "" if it
// does not say.
func FormatOf(name string) string {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	switch path.Ext(name) {
	case ".parquet", ".pq":
		return "parquet"
	case ".csv", ".tsv":
		return "csv"
	case ".json", ".ndjson", ".jsonl":
		return "json"
	}
	return ""
}
