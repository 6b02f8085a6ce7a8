package pipeline

import "github.com/esteira-ml/esteira/internal/model"

// Pipeline is one pipeline file, whole.
type Pipeline struct {
	Name       string            `json:"name" yaml:"name" jsonschema:"required,pattern=^[a-z][a-z0-9-]{0\\,62}$" jsonschema_description:"Lower-case name of the pipeline; runs, models and the endpoint are named after it."`
	Problem    Problem           `json:"problem" yaml:"problem" jsonschema:"required" jsonschema_description:"The question the business asks."`
	Sources    map[string]Source `json:"sources" yaml:"sources" jsonschema:"required,minProperties=1" jsonschema_description:"Where the data comes from; each source becomes a table of that name."`
	Dataset    Dataset           `json:"dataset" yaml:"dataset,omitempty" jsonschema_description:"How the sources become one table."`
	Validation []Rule            `json:"validation,omitempty" yaml:"validation,omitempty" jsonschema_description:"What the dataset must satisfy; the rules of the contract follow those written here."`
	Contract   string            `json:"contract,omitempty" yaml:"contract,omitempty" jsonschema_description:"File of further rules, beside this one: what esteira contract infer writes."`
	Split      Split             `json:"split" yaml:"split,omitempty" jsonschema_description:"How rows are dealt to train, validation and test."`
	Features   Features          `json:"features" yaml:"features,omitempty" jsonschema_description:"auto, or the transforms of each column."`
	Train      Train             `json:"train" yaml:"train,omitempty" jsonschema_description:"Which models are tried, and how."`
	Evaluate   Evaluate          `json:"evaluate" yaml:"evaluate,omitempty" jsonschema_description:"What a model must reach to be deployed."`
	Package    Package           `json:"package" yaml:"package,omitempty" jsonschema_description:"What goes into the bundle."`
	Deploy     Deploy            `json:"deploy" yaml:"deploy,omitempty" jsonschema_description:"Which endpoint answers from the model, and on what way it comes there."`
	Monitor    *Monitor          `json:"monitor,omitempty" yaml:"monitor,omitempty" jsonschema_description:"How the endpoint's answers are watched."`
	Retrain    Retrain           `json:"retrain" yaml:"retrain,omitempty" jsonschema_description:"When the pipeline runs again by itself."`
	Notify     []Channel         `json:"notify,omitempty" yaml:"notify,omitempty" jsonschema_description:"Whom alerts are told."`
}

// Task is the kind of question.
type Task string

// The tasks.
const (
	Regression Task = "regression"
	Binary     Task = "binary"
	Multiclass Task = "multiclass"
)

// LeastClasses stands for the number of classes before the data is known.
func (t Task) LeastClasses() int {
	switch t {
	case Binary:
		return 2
	case Multiclass:
		return 3
	default:
		return 0
	}
}

// Problem says what is predicted and how the answer is judged.
type Problem struct {
	Statement string   `json:"statement,omitempty" yaml:"statement,omitempty" jsonschema_description:"The question in one sentence."`
	Task      Task     `json:"task" yaml:"task" jsonschema:"required,enum=regression,enum=binary,enum=multiclass"`
	Target    string   `json:"target" yaml:"target" jsonschema:"required" jsonschema_description:"Column of the dataset to predict."`
	Positive  string   `json:"positive,omitempty" yaml:"positive,omitempty" text:"any" jsonschema_description:"binary: the class whose probability is predicted; default true, 1, yes or the later in order."`
	Metric    string   `json:"metric" yaml:"metric,omitempty" jsonschema_description:"Metric that chooses the model; default rmse, log_loss or log_loss by task."`
	Threshold *float64 `json:"threshold,omitempty" yaml:"threshold,omitempty" jsonschema_description:"Value of the metric at which the problem counts as solved; reported, and a gate if evaluate.gates says so."`
	Baseline  string   `json:"baseline" yaml:"baseline,omitempty" jsonschema:"enum=mean,enum=majority" jsonschema_description:"What any model must beat: mean (regression) or majority (classes)."`
	Owner     string   `json:"owner,omitempty" yaml:"owner,omitempty" jsonschema_description:"Who answers for the model."`
	Weight    string   `json:"weight,omitempty" yaml:"weight,omitempty" jsonschema_description:"Column that says how much each row counts, in training and in every metric: not negative; default 1 each."`
	Costs     *Costs   `json:"costs,omitempty" yaml:"costs,omitempty" jsonschema_description:"binary: what each kind of error costs, in one unit; the evaluation adds them up."`
}

// Costs are those of the errors of a binary problem, in any one unit.
type Costs struct {
	FalsePositive float64 `json:"false_positive" yaml:"false_positive" jsonschema:"required,minimum=0" jsonschema_description:"Cost of answering the positive class where it is not."`
	FalseNegative float64 `json:"false_negative" yaml:"false_negative" jsonschema:"required,minimum=0" jsonschema_description:"Cost of missing the positive class."`
}

// Dataset is the table integrated from the sources.
type Dataset struct {
	SQL       string   `json:"sql" yaml:"sql,omitempty" jsonschema_description:"One SELECT over the sources; default: all of the only source."`
	Key       []string `json:"key,omitempty" yaml:"key,omitempty" jsonschema_description:"Columns that identify a row; default: all columns. A row's split depends on it."`
	EventTime string   `json:"event_time,omitempty" yaml:"event_time,omitempty" jsonschema_description:"Column that says when the row was known."`
	RowsFrom  string   `json:"rows_from,omitempty" yaml:"rows_from,omitempty" jsonschema_description:"The source of which a row is one row of the dataset: more rows than it has are a join that multiplies rows; so are, without key, rows that agree in the columns both have and are more than there."`
	FanOut    string   `json:"fan_out" yaml:"fan_out,omitempty" jsonschema:"enum=warn,enum=stop" jsonschema_description:"What a multiplied row, by rows_from or by a key that is not unique, does: warn (default) reports it, stop ends the run, rejected; stop needs one of the two."`
	Timeout   string   `json:"timeout" yaml:"timeout,omitempty" jsonschema_description:"Bound of the SQL, a duration; default 30m."`
}

// Split says how rows are dealt. Shares are of rows (random, stratified), of
// groups (grouped) or of the ordered time axis (time); train gets the rest. Method
// column has no shares: the data say where each row goes.
type Split struct {
	Method     string       `json:"method" yaml:"method,omitempty" jsonschema:"enum=random,enum=stratified,enum=grouped,enum=time,enum=column" jsonschema_description:"random: by hash of the key. stratified: by hash of the key and the values of by, so that each stratum is dealt by itself; a row never moves another, so there are no quotas and shares of a stratum are met on average only: the split's page tells what the rarest got. grouped: all rows of one value of by together. time: by event_time. column: by the values of by."`
	By         []string     `json:"by,omitempty" yaml:"by,omitempty" jsonschema_description:"stratified: default the target. grouped: the columns that name the group. column: the one column whose values name the split."`
	Values     *SplitValues `json:"values,omitempty" yaml:"values,omitempty"`
	Gap        string       `json:"gap,omitempty" yaml:"gap,omitempty" jsonschema_description:"time: rows less than this before validation or test, such as 24h or 7d, are left out, so that nothing just before a boundary tells of what is beyond it."`
	Validation float64      `json:"validation" yaml:"validation,omitempty" jsonschema_description:"Share of rows; default 0.15."`
	Test       float64      `json:"test" yaml:"test,omitempty" jsonschema_description:"Share of rows; default 0.15."`
	Seed       int64        `json:"seed" yaml:"seed,omitempty"`
}

// SplitValues names the values of a column that mean each split; rows with other
// values are left out.
type SplitValues struct {
	Train      []string `json:"train" yaml:"train,omitempty" text:"any" jsonschema_description:"Default: train."`
	Validation []string `json:"validation" yaml:"validation,omitempty" text:"any" jsonschema_description:"Default: validation."`
	Test       []string `json:"test" yaml:"test,omitempty" text:"any" jsonschema_description:"Default: test."`
}

// Features is either auto or a list. Auto is resolved against the schema of the
// dataset by feature's Resolve, and the run records what it picked.
type Features struct {
	Auto bool
	List []Feature
}

// Candidate is a kind of model and the points of its parameters that may be tried.
type Candidate struct {
	Kind    string               `json:"kind" yaml:"kind" jsonschema:"required,enum=ols,enum=ridge,enum=lasso,enum=elastic_net,enum=poisson,enum=logistic,enum=boosted_trees,enum=external"`
	Grid    map[string][]float64 `json:"grid,omitempty" yaml:"grid,omitempty" jsonschema_description:"Values to try, by parameter, named as in scikit-learn. logistic: C (inverse penalty), max_iter, tol. ridge, lasso, poisson: alpha. elastic_net: alpha, l1_ratio. boosted_trees: learning_rate, max_iter (trees), max_depth, max_leaves, min_samples_leaf, l2, subsample and others. external: any name the trainer knows. ols: none."`
	Space   map[string]Interval  `json:"space,omitempty" yaml:"space,omitempty" jsonschema_description:"Parameters that a search draws from an interval, for every search.method but grid."`
	Options model.Options        `json:"options,omitzero" yaml:"options,omitempty" jsonschema_description:"Choices that are not numbers, the same for every trial."`

	External *External `json:"external,omitempty" yaml:"external,omitempty" jsonschema_description:"external: who trains it."`
}

// Evaluate says how the chosen model is looked at, and holds the gates.
type Evaluate struct {
	Gates        []Gate       `json:"gates" yaml:"gates,omitempty" jsonschema_description:"Default: better than the baseline, and not worse than the live model."`
	Slices       []SliceEntry `json:"slices,omitempty" yaml:"slices,omitempty" jsonschema_description:"Columns by whose values the test rows are cut, each judged by itself; a list of columns is a cut by all of them. Numbers and times of many values are cut to fifths."`
	Fairness     []string     `json:"fairness,omitempty" yaml:"fairness,omitempty" jsonschema_description:"Columns whose groups are compared: selection rate, true and false positive rate (binary), error."`
	MinSliceRows int          `json:"min_slice_rows,omitempty" yaml:"min_slice_rows,omitempty" jsonschema_description:"Least test rows of a slice, group or period that is spoken of; default 100."`
}

// SliceEntry is a column to cut by, or several to cut by together; the file may
// write one as a bare name.
type SliceEntry []string

// Gate is one condition that a model must meet on the test rows; a model that
// misses one is rejected.
//
// A gate has bounds (Min, Max), or compares with a reference (Against), or bounds
// the model's size (MaxSizeKB) or the time of one answer (MaxLatencyUS). With
// Against the model must be better than the reference by MinGain, relative to the
// reference's value (0.01 = one per cent), or by MinGainAbs, in the metric's unit;
// a negative gain tolerates a loss. With Within: interval it must be not worse as
// far as the test rows can tell: the 95 % interval of the difference must reach
// the reference.
type Gate struct {
	Metric       string            `json:"metric" yaml:"metric,omitempty" jsonschema_description:"Default: the problem's metric; with fairness: demographic_parity_difference, equalized_odds_difference or error_difference."`
	Min          *float64          `json:"min,omitempty" yaml:"min,omitempty" jsonschema_description:"Least value of the metric."`
	Max          *float64          `json:"max,omitempty" yaml:"max,omitempty" jsonschema_description:"Greatest value of the metric."`
	Against      string            `json:"against,omitempty" yaml:"against,omitempty" jsonschema:"enum=baseline,enum=champion,enum=overall" jsonschema_description:"What it is compared with on the same rows: the baseline, the live model, or (slices) the model on all test rows."`
	MinGain      float64           `json:"min_gain,omitempty" yaml:"min_gain,omitempty" jsonschema_description:"How much better, as a share of the reference's value; negative tolerates a loss."`
	MinGainAbs   float64           `json:"min_gain_abs,omitempty" yaml:"min_gain_abs,omitempty" jsonschema_description:"How much better, in the unit of the metric; negative tolerates a loss."`
	Within       string            `json:"within,omitempty" yaml:"within,omitempty" jsonschema:"enum=interval" jsonschema_description:"interval: passes unless the 95 % interval of the difference lies wholly on the worse side."`
	Slice        map[string]string `json:"slice,omitempty" yaml:"slice,omitempty" text:"any" jsonschema_description:"Only the rows that have these values: {column: value}."`
	EverySlice   bool              `json:"every_slice,omitempty" yaml:"every_slice,omitempty" jsonschema_description:"Every slice of evaluate.slices with enough rows must pass."`
	Fairness     string            `json:"fairness,omitempty" yaml:"fairness,omitempty" jsonschema_description:"The column of evaluate.fairness whose gap the metric is."`
	MaxSizeKB    *float64          `json:"max_size_kb,omitempty" yaml:"max_size_kb,omitempty" jsonschema_description:"Greatest size of features, target and model together, in 1000 bytes."`
	MaxLatencyUS *float64          `json:"max_latency_us,omitempty" yaml:"max_latency_us,omitempty" jsonschema_description:"Greatest time of one answer to one row, in microseconds, measured on the worker that evaluates."`
	Percentile   string            `json:"percentile,omitempty" yaml:"percentile,omitempty" jsonschema:"enum=p50,enum=p95" jsonschema_description:"max_latency_us: of the measured times; default p95."`
}

// Package says what the bundle holds.
type Package struct {
	ONNX *bool `json:"onnx" yaml:"onnx,omitempty" jsonschema_description:"Export to ONNX and prove it equal; default true."`
	PMML bool  `json:"pmml,omitempty" yaml:"pmml,omitempty" jsonschema_description:"Export to PMML 4.4, too; default false."`
}

// Deploy names the endpoint, and says how a model comes to answer there.
type Deploy struct {
	Endpoint string `json:"endpoint" yaml:"endpoint,omitempty" jsonschema_description:"Default: the pipeline's name."`
	Enabled  *bool  `json:"enabled" yaml:"enabled,omitempty" jsonschema_description:"false ends the run at the packaged model; default true."`

	Audit    *Audit    `json:"audit,omitempty" yaml:"audit,omitempty" jsonschema_description:"What the audit log keeps of the endpoint; default: as it is, at first everything."`
	Approval *Approval `json:"approval,omitempty" yaml:"approval,omitempty" jsonschema_description:"Somebody must say yes first; without it nobody is asked."`
	Replay   *Replay   `json:"replay,omitempty" yaml:"replay,omitempty" jsonschema_description:"The last answered requests are scored by the new version before it sees others."`
	Shadow   *Shadow   `json:"shadow,omitempty" yaml:"shadow,omitempty" jsonschema_description:"The new version answers beside the live one for a while, and nobody hears it."`
	Canary   *Canary   `json:"canary,omitempty" yaml:"canary,omitempty" jsonschema_description:"The new version answers a share of the requests, step by step."`
	Rollback *Rollback `json:"rollback,omitempty" yaml:"rollback,omitempty" jsonschema_description:"What takes the new version back, in shadow and canary, against the live one in the same period."`
}
