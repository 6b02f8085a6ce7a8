package feature

import (
	"math"
	"slices"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Fit learns the state of the transforms from the rows of f, all of them: pass
// only training rows. Standardize ignores missing values; every statistic is the
// same whatever the number of threads.
//
// Errors: DatasetEmpty without rows, ColumnMissing, and FeatureInvalid for a
// chain that makes no sense, an infinite value or statistics that overflow.
func Fit(list []pipeline.Feature, f *frame.Frame) (*Fitted, error) {
	if f.Rows == 0 {
		return nil, fault.New(fault.DatasetEmpty, "no rows to fit features on").WithRemedy("check the split's shares and the dataset's row count")
	}
	var plans []planned
	outputs := map[string]bool{}
	for _, entry := range list {
		for _, column := range entry.Columns {
			found := f.Column(column)
			if found == nil {
				return nil, columnMissing(column, frameNames(f))
			}
			chains, err := plan(entry.Apply, column, found.Kind)
			if err != nil {
				return nil, err
			}
			if err := distinct(chains, outputs); err != nil {
				return nil, err
			}
			plans = append(plans, chains...)
		}
	}
	fitted := &Fitted{Version: Version, Inputs: []Input{}, Chains: make([]Chain, len(plans))}
	for _, p := range plans {
		in := Input{Name: p.column, Kind: p.kind.String()}
		if !slices.Contains(fitted.Inputs, in) {
			fitted.Inputs = append(fitted.Inputs, in)
		}
	}
	err := parallel(len(plans), f.Rows, func(i int) error {
		chain, err := fitChain(plans[i], f.Column(plans[i].column), f.Rows)
		fitted.Chains[i] = chain
		return err
	})
	if err != nil {
		return nil, err
	}
	return fitted, nil
}

func fitChain(p planned, c *frame.Column, rows int) (Chain, error) {
	chain := Chain{Name: p.name, Column: p.column}
	if p.kind == frame.Text {
		err := fitText(&chain, p.steps, c)
		return chain, err
	}
	steps, values := p.steps, make([]float64, rows)
	if p.kind == frame.Time {
		d := steps[0].DateParts
		part := &DatePartState{Part: d.Parts[0], AsCategories: len(d.AsCategories) > 0}
		chain.Steps, steps = []Step{{DatePart: part}}, steps[1:]
		if part.AsCategories {
			return chain, nil
		}
		for i, t := range c.Times {
			values[i] = datePartNumber(part.Part, t)
		}
	} else {
		copy(values, c.Numbers)
		if row := infinite(values); row >= 0 {
			return chain, infiniteError(c.Name, row)
		}
	}
	buffer := make([]float64, 0, rows)
	for _, t := range steps {
		step, err := fitNumber(t, p.name, values, buffer)
		if err != nil {
			return chain, err
		}
		step.number(values)
		chain.Steps = append(chain.Steps, step)
	}
	return chain, nil
}

func fitNumber(t pipeline.Transform, name string, values, buffer []float64) (Step, error) {
	var step Step
	switch {
	case t.Log1p != nil:
		return Step{Log1p: &struct{}{}}, nil
	case t.Standardize != nil:
		m, scale := meanScale(present(values, buffer))
		step.Standardize = &StandardizeState{Mean: m, Scale: scale}
		if s := m + scale; math.IsNaN(s) || math.IsInf(s, 0) || scale == 0 {
			return step, overflowError(name)
		}
	case t.Impute.Strategy == "constant":
		v := *t.Impute.Value
		step.Impute = &ImputeState{Number: &v}
	default:
		v := 0.0 // declared: a column without any value
		if x := present(values, buffer); len(x) > 0 {
			switch t.Impute.Strategy {
			case "mean":
				v = mean(x)
			case "most_frequent":
				v = mode(x)
			default:
				v = median(x)
			}
		}
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return step, overflowError(name)
		}
		v += 0 // -0 becomes 0: the order of equal values must not show
		step.Impute = &ImputeState{Number: &v}
	}
	return step, nil
}

func fitText(chain *Chain, steps []pipeline.Transform, c *frame.Column) error {
	rows := make([]int, len(c.Dict))
	missing := 0
	for _, code := range c.Codes {
		if code == frame.MissingCode || c.Dict[code] == "" {
			missing++
		} else {
			rows[code]++
		}
	}
	byText := make(map[string]int, len(c.Dict))
	for code, n := range rows {
		if n > 0 {
			byText[c.Dict[code]] += n
		}
	}
	for _, t := range steps {
		if t.Impute != nil {
			text := "missing" // declared: a column without any value
			if t.Impute.Strategy == "constant" {
				text = *t.Impute.Text
			} else if all := sorted(byText); len(all) > 0 {
				text = all[0].text
			}
			if missing > 0 {
				byText[text] += missing
				missing = 0
			}
			chain.Steps = append(chain.Steps, Step{Impute: &ImputeState{Text: &text}})
			continue
		}
		chain.Steps = append(chain.Steps, Step{OneHot: fitOneHot(sorted(byText), *t.OneHot)})
	}
	for text := range byText {
		if !utf8.ValidString(text) {
			return fault.New(fault.FeatureInvalid, "column %q holds text that is not UTF-8", c.Name).WithRemedy("declare the source's encoding or repair it")
		}
	}
	return nil
}

func fitOneHot(all []counted, h pipeline.OneHot) *OneHotState {
	kept := len(all)
	for kept > 0 && all[kept-1].rows < h.MinCount {
		kept--
	}
	if kept > h.MaxCategories || kept < len(all) && kept > h.MaxCategories-1 {
		kept = h.MaxCategories - 1
	}
	state := &OneHotState{Categories: make([]string, 0, kept+1), Shared: kept < len(all)}
	for _, c := range all[:kept] {
		state.Categories = append(state.Categories, c.text)
	}
	slices.Sort(state.Categories)
	if state.Shared {
		label := "infrequent"
		for slices.Contains(state.Categories, label) {
			label += "_"
		}
		state.Categories = append(state.Categories, label)
	}
	return state
}

func sorted(byText map[string]int) []counted {
	all := make([]counted, 0, len(byText))
	for text, n := range byText {
		all = append(all, counted{text, n})
	}
	byCount(all)
	return all
}

// infinite returns the index of the first infinite value, or -1.
func infinite(values []float64) int {
	for i, v := range values {
		if math.IsInf(v, 0) {
			return i
		}
	}
	return -1
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
