package pipeline

// Severity says what a failed rule does.
type Severity string

// The severities.
const (
	Stop       Severity = "stop"       // the run ends, rejected
	Quarantine Severity = "quarantine" // the rows go to an artifact of their own
	Correct    Severity = "correct"    // the rows are mended by the rule's repair
	Warn       Severity = "warn"       // counted and reported
)

// Environment says where rows come from: training rows have their target,
// serving rows, which ask for it, must not.
type Environment string

// The environments.
const (
	Training Environment = "training"
	Serving  Environment = "serving"
)

// Rule is one expectation; exactly one of its checks is set. Which checks speak
// of a column, of several or of the table is in checks.go.
type Rule struct {
	Column string `json:"column,omitempty" yaml:"column,omitempty" jsonschema_description:"The column a check of values speaks of."`

	Exists  bool       `json:"exists,omitempty" yaml:"exists,omitempty" jsonschema_description:"The column is there."`
	Absent  bool       `json:"absent,omitempty" yaml:"absent,omitempty" jsonschema_description:"The column is not there: a target among serving rows."`
	Columns *ColumnSet `json:"columns,omitempty" yaml:"columns,omitempty"`
	Type    string     `json:"type,omitempty" yaml:"type,omitempty" jsonschema:"enum=number,enum=text,enum=time"`

	NotNull       bool     `json:"not_null,omitempty" yaml:"not_null,omitempty"`
	MaxNullShare  *float64 `json:"max_null_share,omitempty" yaml:"max_null_share,omitempty" jsonschema:"minimum=0,maximum=1"`
	MissingTokens []string `json:"missing_tokens,omitempty" yaml:"missing_tokens,omitempty" text:"any" jsonschema_description:"Texts that stand for a missing value and should not be there, such as NA or n/a; compared without case and spaces around."`
	Finite        bool     `json:"finite,omitempty" yaml:"finite,omitempty" jsonschema_description:"No infinity; NaN counts as missing."`
	NotNaN        bool     `json:"not_nan,omitempty" yaml:"not_nan,omitempty" jsonschema_description:"No NaN; NULL is accepted."`
	Range         *Range   `json:"range,omitempty" yaml:"range,omitempty" jsonschema_description:"Inclusive bounds; a missing value is not out of range."`
	Set           []string `json:"set,omitempty" yaml:"set,omitempty" text:"any" jsonschema_description:"Accepted values, as text; a missing value is accepted. With min_share, the least mass they must have."`
	Pattern       string   `json:"pattern,omitempty" yaml:"pattern,omitempty" jsonschema_description:"Regular expression (RE2) found in every text; write ^ and $ to match it whole."`
	Length        *Range   `json:"length,omitempty" yaml:"length,omitempty" jsonschema_description:"Characters of a text."`
	UTF8          bool     `json:"utf8,omitempty" yaml:"utf8,omitempty" jsonschema_description:"No text with replacement or control characters, which are what is left of text read in the wrong encoding."`
	Parse         *ParseAs `json:"parse,omitempty" yaml:"parse,omitempty"`
	AtMost        string   `json:"at_most,omitempty" yaml:"at_most,omitempty" jsonschema_description:"Another column whose value is at least this column's, where both are known."`
	SQL           string   `json:"sql,omitempty" yaml:"sql,omitempty" jsonschema_description:"Boolean expression over the columns, true for a good row; unknown is accepted."`

	References *Reference `json:"references,omitempty" yaml:"references,omitempty"`
	Unique     []string   `json:"unique,omitempty" yaml:"unique,omitempty" jsonschema_description:"Columns that together identify a row; a row with one of them missing is accepted."`
	NoRepeats  bool       `json:"no_repeats,omitempty" yaml:"no_repeats,omitempty" jsonschema_description:"No row equals another in every column."`

	Mean         *Range        `json:"mean,omitempty" yaml:"mean,omitempty"`
	Deviation    *Range        `json:"deviation,omitempty" yaml:"deviation,omitempty" jsonschema_description:"Sample standard deviation (ddof 1)."`
	Quantile     *Quantile     `json:"quantile,omitempty" yaml:"quantile,omitempty"`
	Distinct     *Range        `json:"distinct,omitempty" yaml:"distinct,omitempty" jsonschema_description:"Number of distinct values."`
	Balance      *Range        `json:"balance,omitempty" yaml:"balance,omitempty" jsonschema_description:"Shares of every class: the rarest has at least min of the rows, the most frequent at most max. At least two classes. Of the rows that go on."`
	Freshness    string        `json:"freshness,omitempty" yaml:"freshness,omitempty" jsonschema_description:"The newest time of the column is at most this old when the run starts: 36h, 7d."`
	Distribution *Distribution `json:"distribution,omitempty" yaml:"distribution,omitempty"`

	RowCount  *Range     `json:"row_count,omitempty" yaml:"row_count,omitempty"`
	RowsSince *RowsSince `json:"row_count_history,omitempty" yaml:"row_count_history,omitempty"`
	NoLeakage *NoLeakage `json:"no_leakage,omitempty" yaml:"no_leakage,omitempty"`

	MinShare    *float64          `json:"min_share,omitempty" yaml:"min_share,omitempty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"Share that must pass; default 1, every one. Of the known values; of all rows for not_null, sql and no_repeats; for not_nan of the values that are not NULL."`
	Environment Environment       `json:"environment,omitempty" yaml:"environment,omitempty" jsonschema:"enum=training,enum=serving" jsonschema_description:"Where the rule holds; default: everywhere."`
	OnFail      Severity          `json:"on_fail" yaml:"on_fail,omitempty" jsonschema:"enum=stop,enum=quarantine,enum=correct,enum=warn" jsonschema_description:"Default stop. Rules that speak of the whole table cannot quarantine. correct needs repair, and stops if rows still fail after it."`
	Repair      string            `json:"repair,omitempty" yaml:"repair,omitempty" jsonschema:"enum=cast,enum=trim,enum=clip,enum=map,enum=impute,enum=drop_duplicate" jsonschema_description:"Of the values that fail; others stay as they are. cast: the column to the type of parse, what does not parse is missing. trim: spaces. clip: to the range, whole numbers to those within it. map: by the table map. impute: missing values become value. drop_duplicate: keep the first row."`
	Map         map[string]string `json:"map,omitempty" yaml:"map,omitempty" text:"any" jsonschema_description:"repair map: failing value to what stands for it; an empty text is a missing value."`
	Value       *string           `json:"value,omitempty" yaml:"value,omitempty" text:"any" jsonschema_description:"repair impute: the constant. A statistic would be learnt from test rows too: features impute those."`
}

// ColumnSet compares the columns of the table with a list.
type ColumnSet struct {
	Names []string `json:"names" yaml:"names" jsonschema:"required,minItems=1"`
	Match string   `json:"match" yaml:"match,omitempty" jsonschema:"enum=set,enum=order,enum=within,enum=contain" jsonschema_description:"set (default): exactly these. order: these, in this order. within: no other column. contain: at least these."`
}

// ParseAs says what a text must read as.
type ParseAs struct {
	As     string `json:"as" yaml:"as" jsonschema:"required,enum=number,enum=integer,enum=boolean,enum=time"`
	Format string `json:"format,omitempty" yaml:"format,omitempty" jsonschema_description:"time: strptime format such as %d/%m/%Y; default ISO 8601."`
}

// Reference is referential integrity: every known value is among those of a
// column of a source.
type Reference struct {
	Source string `json:"source" yaml:"source" jsonschema:"required"`
	Column string `json:"column" yaml:"column,omitempty" jsonschema_description:"Default: the column of the same name."`
}

// Quantile bounds one exact quantile (type 7, numpy's default).
type Quantile struct {
	P   float64  `json:"p" yaml:"p" jsonschema:"required,minimum=0,maximum=1"`
	Min *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	Max *float64 `json:"max,omitempty" yaml:"max,omitempty"`
}

// Distribution bounds the distance of a column's distribution, among the rows that
// go on, from that of a reference. Missing values are part of both.
type Distribution struct {
	Source  string  `json:"source,omitempty" yaml:"source,omitempty" jsonschema_description:"Source whose column of the same name is the reference; as it was collected; default: the rows that went on in the pipeline's previous run, and no check if there is none."`
	Measure string  `json:"measure" yaml:"measure,omitempty" jsonschema:"enum=jensen_shannon,enum=psi,enum=linf" jsonschema_description:"jensen_shannon (default): distance, base 2, 0 to 1. psi: population stability index. linf: largest difference of a share."`
	Max     float64 `json:"max" yaml:"max" jsonschema:"required"`
}

// RowsSince bounds the number of rows that go on by that of earlier runs.
type RowsSince struct {
	Runs int      `json:"runs" yaml:"runs,omitempty" jsonschema_description:"How many earlier runs to compare with, by the rows that went on; default 5."`
	Min  *float64 `json:"min,omitempty" yaml:"min,omitempty" jsonschema_description:"Least ratio to their median, such as 0.5."`
	Max  *float64 `json:"max,omitempty" yaml:"max,omitempty" jsonschema_description:"Greatest ratio to their median, such as 2."`
}

// NoLeakage is checked once rows are dealt: nothing of the test rows may be known
// in training.
type NoLeakage struct {
	Across []string `json:"across,omitempty" yaml:"across,omitempty" jsonschema_description:"Columns whose values together must not occur in two splits; default: the key."`
	Time   bool     `json:"time,omitempty" yaml:"time,omitempty" jsonschema_description:"No training row is later than a validation row, and none of these than a test row."`
}

// Range is an inclusive interval; a nil bound is open.
type Range struct {
	Min *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	Max *float64 `json:"max,omitempty" yaml:"max,omitempty"`
}
