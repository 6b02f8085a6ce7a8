package pipeline

// Feature is a chain of transforms over some columns, each by itself but for
// expr and polynomial, which take them together. A column that no feature names
// is not used. An entry with auto or select holds nothing else.
type Feature struct {
	Columns []string    `json:"columns,omitempty" yaml:"columns,omitempty"`
	Apply   []Transform `json:"apply,omitempty" yaml:"apply,omitempty" jsonschema_description:"In order; each a name, or a name with its parameters."`
	Auto    *Auto       `json:"auto,omitempty" yaml:"auto,omitempty" jsonschema_description:"Every column that no other entry names, with the transforms features: auto picks."`
	Select  *Select     `json:"select,omitempty" yaml:"select,omitempty" jsonschema_description:"Last in the list: which of the features so made are kept, judged on the training rows."`
}

// Auto stands in a list for what features: auto picks.
type Auto struct {
	Drop []string `json:"drop,omitempty" yaml:"drop,omitempty" jsonschema_description:"Columns to leave out."`
}

// Select keeps some of the features. Its conditions apply in the order of the
// fields; a one-hot block is kept or dropped whole.
type Select struct {
	Keep              []string `json:"keep,omitempty" yaml:"keep,omitempty" jsonschema_description:"Columns whose features are never dropped by the conditions below."`
	Drop              []string `json:"drop,omitempty" yaml:"drop,omitempty" jsonschema_description:"Columns whose features are dropped, though products may use them."`
	Variance          *float64 `json:"variance,omitempty" yaml:"variance,omitempty" jsonschema_description:"Drop features whose variance is not above this, as scikit-learn's VarianceThreshold; a block's is that of its most varied column."`
	Correlation       *float64 `json:"correlation,omitempty" yaml:"correlation,omitempty" jsonschema_description:"Of two numbers that correlate (Pearson, absolute) above this, drop the one that tells less of the target."`
	MutualInformation *int     `json:"mutual_information,omitempty" yaml:"mutual_information,omitempty" jsonschema_description:"Keep this many, by mutual information with the target, numbers cut into up to 16 quantile bins."`
	Top               *int     `json:"top,omitempty" yaml:"top,omitempty" jsonschema_description:"Keep this many, by the share of the target's variance each alone explains, adjusted for its columns: the order of scikit-learn's f_regression, and of f_classif for two classes."`
}

// Transform is one step; exactly one field is set. In YAML a transform without
// parameters may be written as its bare name.
type Transform struct {
	Impute       *Impute       `json:"impute,omitempty" yaml:"impute,omitempty"`
	Standardize  *struct{}     `json:"standardize,omitempty" yaml:"standardize,omitempty" jsonschema_description:"Subtract the mean, divide by the standard deviation (ddof 0), as scikit-learn's StandardScaler."`
	Log1p        *struct{}     `json:"log1p,omitempty" yaml:"log1p,omitempty" jsonschema_description:"log(1+x); x of -1 or less is missing and must be imputed before."`
	MinMax       *MinMax       `json:"min_max,omitempty" yaml:"min_max,omitempty"`
	Robust       *Robust       `json:"robust,omitempty" yaml:"robust,omitempty"`
	Power        *Power        `json:"power,omitempty" yaml:"power,omitempty"`
	Clip         *Clip         `json:"clip,omitempty" yaml:"clip,omitempty"`
	Bin          *Bin          `json:"bin,omitempty" yaml:"bin,omitempty"`
	OneHot       *OneHot       `json:"one_hot,omitempty" yaml:"one_hot,omitempty"`
	Ordinal      *Ordinal      `json:"ordinal,omitempty" yaml:"ordinal,omitempty"`
	Frequency    *Frequency    `json:"frequency,omitempty" yaml:"frequency,omitempty"`
	TargetEncode *TargetEncode `json:"target_encode,omitempty" yaml:"target_encode,omitempty"`
	Hash         *Hash         `json:"hash,omitempty" yaml:"hash,omitempty"`
	TextLength   *struct{}     `json:"text_length,omitempty" yaml:"text_length,omitempty" jsonschema_description:"Characters of a text, 0 where it is missing. Not in ONNX, nor in PMML."`
	NGrams       *NGrams       `json:"ngrams,omitempty" yaml:"ngrams,omitempty"`
	DateParts    *DateParts    `json:"date_parts,omitempty" yaml:"date_parts,omitempty"`
	Expr         *Expr         `json:"expr,omitempty" yaml:"expr,omitempty"`
	Polynomial   *Polynomial   `json:"polynomial,omitempty" yaml:"polynomial,omitempty"`
}

// Impute fills missing values: mean, median (numbers), most_frequent or
// constant, as scikit-learn's SimpleImputer.
type Impute struct {
	Strategy  string   `json:"strategy" yaml:"strategy,omitempty" jsonschema:"enum=mean,enum=median,enum=most_frequent,enum=constant"`
	Value     *float64 `json:"value,omitempty" yaml:"value,omitempty" jsonschema_description:"constant, numbers"`
	Text      *string  `json:"text,omitempty" yaml:"text,omitempty" text:"any" jsonschema_description:"constant, text"`
	Indicator bool     `json:"indicator,omitempty" yaml:"indicator,omitempty" jsonschema_description:"Add a feature that is 1 where the value was missing, if any training row misses it."`
}

// MinMax maps the training range to [min, max], scikit-learn's MinMaxScaler.
type MinMax struct {
	Min  float64  `json:"min" yaml:"min,omitempty" jsonschema_description:"Default 0."`
	Max  *float64 `json:"max,omitempty" yaml:"max,omitempty" jsonschema_description:"Default 1."`
	Clip bool     `json:"clip,omitempty" yaml:"clip,omitempty" jsonschema_description:"Values outside the training range become min or max."`
}

// Robust subtracts the median and divides by the distance of two percentiles,
// scikit-learn's RobustScaler.
type Robust struct {
	Lower *float64 `json:"lower,omitempty" yaml:"lower,omitempty" jsonschema_description:"Percentile; default 25."`
	Upper *float64 `json:"upper,omitempty" yaml:"upper,omitempty" jsonschema_description:"Percentile; default 75."`
}

// Power makes a distribution more normal, scikit-learn's PowerTransformer: the
// exponent of greatest likelihood, found by Brent's method.
type Power struct {
	Method      string `json:"method" yaml:"method,omitempty" jsonschema:"enum=yeo_johnson,enum=box_cox" jsonschema_description:"Default yeo_johnson; box_cox needs positive numbers."`
	Standardize *bool  `json:"standardize,omitempty" yaml:"standardize,omitempty" jsonschema_description:"Then subtract the mean and divide by the standard deviation; default true."`
}

// Clip bounds values, by numbers or by quantiles of the training rows.
type Clip struct {
	Min   *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	Max   *float64 `json:"max,omitempty" yaml:"max,omitempty"`
	Lower *float64 `json:"lower,omitempty" yaml:"lower,omitempty" jsonschema_description:"Quantile instead of min, such as 0.01."`
	Upper *float64 `json:"upper,omitempty" yaml:"upper,omitempty" jsonschema_description:"Quantile instead of max, such as 0.99."`
}

// Bin cuts numbers into intervals, scikit-learn's KBinsDiscretizer.
type Bin struct {
	Strategy string `json:"strategy" yaml:"strategy,omitempty" jsonschema:"enum=quantile,enum=uniform" jsonschema_description:"quantile: as many rows in each (default); uniform: as wide each."`
	Bins     int    `json:"bins" yaml:"bins,omitempty" jsonschema_description:"2 to 256; default 5. Intervals of no width are joined."`
	Encode   string `json:"encode" yaml:"encode,omitempty" jsonschema:"enum=onehot,enum=ordinal" jsonschema_description:"Default onehot."`
}

// OneHot spreads text into indicators, scikit-learn's OneHotEncoder with
// handle_unknown="infrequent_if_exist": categories beyond MaxCategories (by
// count, then by name) or below MinCount share one column; an unknown category
// falls there too, or is all zeros where there is none.
type OneHot struct {
	MaxCategories int    `json:"max_categories" yaml:"max_categories,omitempty" jsonschema_description:"Most columns, the shared one included; default 50."`
	MinCount      int    `json:"min_count,omitempty" yaml:"min_count,omitempty"`
	Unknown       string `json:"unknown,omitempty" yaml:"unknown,omitempty" jsonschema:"enum=infrequent,enum=ignore,enum=error" jsonschema_description:"A text no training row has: to the shared column (default), all zeros, or refused (not in ONNX)."`
}

// Ordinal numbers the categories in order of their names from 0, scikit-learn's
// OrdinalEncoder. A missing text is a missing number.
type Ordinal struct {
	Unknown string `json:"unknown,omitempty" yaml:"unknown,omitempty" jsonschema:"enum=ignore,enum=error" jsonschema_description:"A text no training row has: -1 (default), or refused (not in ONNX)."`
}

// Frequency is the share of training rows that have the text; missing is a text
// of its own.
type Frequency struct {
	Unknown string `json:"unknown,omitempty" yaml:"unknown,omitempty" jsonschema:"enum=ignore,enum=error" jsonschema_description:"A text no training row has: 0 (default), or refused (not in ONNX)."`
}

// TargetEncode is the mean of the target among the training rows that have the
// text, shrunk towards the mean of all: scikit-learn's TargetEncoder. While a
// model is fitted, each row is encoded by rows of other folds, so that it never
// sees its own target. Several classes give one feature each.
type TargetEncode struct {
	Smoothing *float64 `json:"smoothing,omitempty" yaml:"smoothing,omitempty" jsonschema_description:"Rows that the overall mean weighs; default: as much as the variances within and between tell (empirical Bayes)."`
	Folds     int      `json:"folds" yaml:"folds,omitempty" jsonschema_description:"Of the cross-fit; default 5."`
	Seed      int64    `json:"seed,omitempty" yaml:"seed,omitempty"`
	Unknown   string   `json:"unknown,omitempty" yaml:"unknown,omitempty" jsonschema:"enum=ignore,enum=error" jsonschema_description:"A text no training row has: the overall mean (default), or refused (not in ONNX)."`
}

// Hash spreads texts over 2^bits indicators without learning any, scikit-learn's
// FeatureHasher with alternate_sign=False (MurmurHash3). Not in ONNX, nor in PMML.
type Hash struct {
	Bits int `json:"bits" yaml:"bits,omitempty" jsonschema_description:"1 to 16; default 8."`
}

// NGrams counts the runs of min to max characters in a text, hashed to 2^bits
// features: scikit-learn's HashingVectorizer with analyzer="char", norm=None,
// alternate_sign=False and lowercase=False. Not in ONNX, nor in PMML.
type NGrams struct {
	Min  int `json:"min" yaml:"min,omitempty" jsonschema_description:"Default 2."`
	Max  int `json:"max" yaml:"max,omitempty" jsonschema_description:"Default 3, at most 8."`
	Bits int `json:"bits" yaml:"bits,omitempty" jsonschema_description:"1 to 10; default 6."`
}

// DateParts derives numbers from a time, in UTC: any of year, month (1–12), day
// (1–31), day_of_week (0 Monday – 6 Sunday), hour (0–23), minute (0–59). Parts
// listed in AsCategories become indicator blocks instead of numbers, and those in
// Cyclical two numbers, sine and cosine of their place on the circle, so that
// 23 o'clock is near 0.
type DateParts struct {
	Parts        []string `json:"parts" yaml:"parts,omitempty"`
	AsCategories []string `json:"as_categories,omitempty" yaml:"as_categories,omitempty"`
	Cyclical     []string `json:"cyclical,omitempty" yaml:"cyclical,omitempty"`
}

// Expr computes one number from the entry's columns; it stands first.
type Expr struct {
	Name    string `json:"name" yaml:"name" jsonschema:"required" jsonschema_description:"Of the feature."`
	Formula string `json:"formula" yaml:"formula" jsonschema:"required" jsonschema_description:"+ - * /, min, max, abs, exp, log, sqrt, if(condition, then, else), comparisons, and, or, not; other columns' names in double quotes. What is missing or not finite is missing."`
}

// Polynomial adds the products of two of the entry's columns to them, after the
// transforms before it: scikit-learn's PolynomialFeatures of degree 2 without
// bias. It stands last.
type Polynomial struct {
	InteractionOnly bool `json:"interaction_only,omitempty" yaml:"interaction_only,omitempty" jsonschema_description:"No squares."`
}

// Text reports whether the transform reads a text.
func (t Transform) Text() bool {
	return t.OneHot != nil || t.Ordinal != nil || t.Frequency != nil || t.TargetEncode != nil || t.Hash != nil || t.TextLength != nil || t.NGrams != nil
}

// Block reports whether nothing but columns of 0 and 1 (or counts) comes out of
// the transform, so that nothing may follow it.
func (t Transform) Block() bool {
	return t.OneHot != nil || t.Hash != nil || t.NGrams != nil || t.Bin != nil && t.Bin.Encode != "ordinal"
}

// unknown is the outcome the transform declares for a text it does not know.
func (t Transform) unknown() string {
	switch {
	case t.OneHot != nil:
		return t.OneHot.Unknown
	case t.Ordinal != nil:
		return t.Ordinal.Unknown
	case t.Frequency != nil:
		return t.Frequency.Unknown
	case t.TargetEncode != nil:
		return t.TargetEncode.Unknown
	}
	return ""
}

// NotInPMML says why the transform has no form in PMML, or "".
func (t Transform) NotInPMML() string {
	switch {
	case t.Hash != nil:
		return "PMML has no hash of a text"
	case t.NGrams != nil:
		return "PMML has no hash of a text's characters"
	case t.TextLength != nil:
		return "PMML does not say what a character of a text's length is"
	}
	return ""
}

// NotInONNX says why the transform has no form in ONNX, or "".
func (t Transform) NotInONNX() string {
	switch {
	case t.Hash != nil:
		return "ONNX has no hash of a text"
	case t.NGrams != nil:
		return "ONNX has no hash of a text's characters"
	case t.TextLength != nil:
		return "ONNX has no length of a text"
	case t.unknown() == "error":
		return "an ONNX graph cannot refuse a text it does not know"
	}
	return ""
}
