package feature

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Option is something Fit may be told beside the rows.
type Option func(*fitting)

// Supervised tells Fit the target of the rows, which target_encode and select
// learn from: t, and what t.Values gave.
func Supervised(t *Target, y []float64) Option {
	return func(f *fitting) { f.labels = labelsOf(t, y) }
}

// Fit learns the state of the transforms from the rows of f, all of them: pass
// only training rows. Statistics of numbers ignore missing values; every one is
// the same whatever the number of threads.
//
// Errors: DatasetEmpty without rows, ColumnMissing, and FeatureInvalid for a
// chain that makes no sense, an infinite value, statistics that overflow, or a
// transform that needs the target where Supervised is not given.
func Fit(list []pipeline.Feature, f *frame.Frame, options ...Option) (*Fitted, error) {
	fitted, _, err := FitApply(list, f, options...)
	return fitted, err
}

// FitApply is Fit, and the features of the same rows to learn from. They are
// those that Apply gives, bit for bit, but for target_encode: there each row is
// encoded by the rows of other folds, as scikit-learn's fit_transform does, so
// that no row tells a learner its own target.
func FitApply(list []pipeline.Feature, f *frame.Frame, options ...Option) (*Fitted, *frame.Matrix, error) {
	if f.Rows == 0 {
		return nil, nil, fault.New(fault.DatasetEmpty, "no rows to fit features on").WithRemedy("check the split's shares and the dataset's row count")
	}
	fit := &fitting{frame: f}
	for _, option := range options {
		option(fit)
	}
	if fit.labels != nil && len(fit.labels.values) != f.Rows {
		return nil, nil, fault.New(fault.Internal, "%d targets for %d rows", len(fit.labels.values), f.Rows)
	}
	var plans []planned
	var choose *pipeline.Select
	outputs := map[string]bool{}
	for _, entry := range list {
		if entry.Select != nil {
			choose = entry.Select
			continue
		}
		for _, column := range entry.Columns {
			if f.Column(column) == nil {
				return nil, nil, columnMissing(column, frameNames(f))
			}
		}
		chains, err := planEntry(entry, func(name string) frame.Kind { return f.Column(name).Kind }, fit.classes())
		if err != nil {
			return nil, nil, err
		}
		if err := distinct(chains, outputs); err != nil {
			return nil, nil, err
		}
		plans = append(plans, chains...)
	}
	made, err := fit.all(plans)
	if err != nil {
		return nil, nil, err
	}
	fitted := &Fitted{Version: Version}
	if choose != nil {
		if made, fitted.Dropped, err = fit.choose(made, *choose); err != nil {
			return nil, nil, err
		}
	}
	fitted.take(made, f)
	x := &frame.Matrix{Rows: f.Rows}
	for _, m := range made {
		if !m.chain.Hidden {
			x.Features = append(x.Features, m.features...)
		}
	}
	return fitted, x, nil
}

// fitting is one call of Fit.
type fitting struct {
	frame  *frame.Frame
	labels *labels // nil without Supervised
}

// made is a fitted chain with its outputs for the training rows.
type made struct {
	chain    Chain
	features []frame.Feature
	columns  []string // all raw columns it depends on
}

// all fits every plan, products after what they multiply.
func (fit *fitting) all(plans []planned) ([]*made, error) {
	all := make([]*made, len(plans))
	err := parallel(len(plans), fit.frame.Rows, func(i int) (err error) {
		if plans[i].factors == nil {
			all[i], err = fit.one(plans[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	byName := make(map[string]*made, len(all))
	for _, m := range all {
		if m != nil {
			byName[m.chain.Name] = m
		}
	}
	err = parallel(len(plans), fit.frame.Rows, func(i int) error {
		p := plans[i]
		if p.factors == nil {
			return nil
		}
		a, b := byName[p.factors[0]], byName[p.factors[1]]
		out := frame.Feature{Name: p.name, Numbers: make([]float64, fit.frame.Rows)}
		multiply(out.Numbers, a.features[0].Numbers, b.features[0].Numbers)
		if a.features[0].Raw != nil || b.features[0].Raw != nil {
			out.Raw = make([]float64, fit.frame.Rows)
			multiply(out.Raw, a.features[0].Native(), b.features[0].Native())
		}
		all[i] = &made{chain: Chain{Name: p.name, Factors: p.factors}, features: []frame.Feature{out}, columns: slices.Compact(slices.Concat(a.columns, b.columns))}
		if row := infinite(out.Numbers); row >= 0 {
			return overflowError(p.name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// An indicator of a column that is never missing is none: nothing to learn from.
	return slices.DeleteFunc(all, func(m *made) bool { return m.features == nil }), nil
}

// one fits one chain that is not a product.
func (fit *fitting) one(p planned) (*made, error) {
	m := &made{chain: Chain{Name: p.name, Column: p.column, Columns: p.columns}, columns: p.columns}
	if p.columns == nil {
		m.columns = []string{p.column}
	}
	rest, err := fit.start(p, &m.chain)
	if err != nil {
		return nil, err
	}
	features, err := fit.run(m.chain)
	if err != nil {
		return nil, err
	}
	if features[0].Block() || len(features) > 1 {
		m.features = features
		return m, nil
	}
	values := features[0].Numbers
	if p.kind == frame.Text {
		if e := m.chain.encoder(); e.Values != nil && e.Values.Of == "target" {
			fit.crossFit(p, m.chain, values)
		}
	}
	buffer := make([]float64, 0, len(values))
	var raw []float64
	for i, t := range rest {
		step, err := fitNumber(t, p.name, values, buffer)
		if err != nil {
			return nil, err
		}
		if p.implicit && i == len(rest)-1 {
			step.Impute.Implicit = true
			raw = rawOf(values)
		}
		m.chain.Steps = append(m.chain.Steps, step)
		if step.Bin != nil && step.Bin.OneHot {
			block := frame.Feature{Name: p.name, Categories: intervals(step.Bin.Edges), Codes: make([]int32, len(values))}
			for i, v := range values {
				block.Codes[i] = step.Bin.code(v)
			}
			m.features = []frame.Feature{block}
			return m, nil
		}
		step.number(values)
	}
	if p.indicator {
		if m.chain.encoder() == nil {
			missing := Step{Missing: &MissingState{}}
			m.chain.Steps = append(m.chain.Steps, missing)
			missing.number(values)
		}
		if slices.Max(values) == 0 {
			return m, nil
		}
	}
	if infinite(values) >= 0 {
		return nil, overflowError(p.name)
	}
	m.features = []frame.Feature{{Name: p.name, Numbers: values, Raw: raw}}
	return m, nil
}

// start fits the steps before the numeric ones and returns the transforms that
// are left.
func (fit *fitting) start(p planned, chain *Chain) ([]pipeline.Transform, error) {
	switch {
	case p.columns != nil:
		chain.Steps = []Step{{Expr: &ExprState{Formula: p.steps[0].Expr.Formula}}}
		return p.steps[1:], nil
	case p.kind == frame.Time:
		d := p.steps[0].DateParts
		part := &DatePartState{Part: d.Parts[0], AsCategories: len(d.AsCategories) > 0}
		if len(d.Cyclical) > 0 {
			part.Cycle = d.Cyclical[0]
		}
		chain.Steps = []Step{{DatePart: part}}
		return p.steps[1:], nil
	case p.kind == frame.Text:
		return fit.text(p, chain)
	}
	return p.steps, nil
}

// run applies the steps of a chain to the training rows, by the code that serves.
func (fit *fitting) run(chain Chain) ([]frame.Feature, error) {
	s := (&Fitted{Chains: []Chain{chain}}).NewScratch()
	if err := s.chain(0, fit.frame); err != nil {
		return nil, err
	}
	return s.all, nil
}

// take sets the chains, hidden ones last, and the inputs they read.
func (fitted *Fitted) take(all []*made, f *frame.Frame) {
	fitted.Inputs, fitted.Chains = []Input{}, make([]Chain, 0, len(all))
	for _, hidden := range []bool{false, true} {
		for _, m := range all {
			if m.chain.Hidden != hidden {
				continue
			}
			fitted.Chains = append(fitted.Chains, m.chain)
			for _, name := range m.columns {
				in := Input{Name: name, Kind: f.Column(name).Kind.String()}
				if !slices.Contains(fitted.Inputs, in) {
					fitted.Inputs = append(fitted.Inputs, in)
				}
			}
		}
	}
}

// Place is the detail of an error about one value.
type Place struct {
	Column string `json:"column"`
	Row    int    `json:"row"` // from 0, in the rows given
}

func infiniteError(column string, row int) error {
	return fault.New(fault.FeatureInvalid, "column %q is infinite in row %d", column, row).
		WithRemedy("replace infinite values in dataset.sql, or quarantine them with the rule finite").WithDetails(Place{column, row})
}

func overflowError(name string) error {
	return fault.New(fault.FeatureInvalid, "the statistics of feature %q overflow", name).WithRemedy("scale its column down or apply log1p first")
}

func frameNames(f *frame.Frame) []string {
	names := make([]string, len(f.Columns))
	for i := range f.Columns {
		names[i] = f.Columns[i].Name
	}
	return names
}
