package feature

import (
	"slices"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// text fits the imputer and the encoder of a text chain and returns the numeric
// transforms that follow.
func (fit *fitting) text(p planned, chain *Chain) ([]pipeline.Transform, error) {
	c := fit.frame.Column(p.column)
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
			if !utf8.ValidString(c.Dict[code]) {
				return nil, fault.New(fault.FeatureInvalid, "column %q holds text that is not UTF-8", c.Name).WithRemedy("declare the source's encoding or repair it")
			}
			byText[c.Dict[code]] += n
		}
	}
	for i, t := range p.steps {
		if t.Impute == nil {
			step, err := fit.encode(t, p, chain, byText)
			chain.Steps = append(chain.Steps, step)
			return p.steps[i+1:], err
		}
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
	}
	// Only an indicator has no encoder.
	chain.Steps = append(chain.Steps, Step{Missing: &MissingState{Text: true}})
	return nil, nil
}

func (fit *fitting) encode(t pipeline.Transform, p planned, chain *Chain, byText map[string]int) (Step, error) {
	switch {
	case t.Hash != nil:
		return Step{Hash: &HashState{Bits: t.Hash.Bits}}, nil
	case t.NGrams != nil:
		return Step{NGrams: &NGramsState{Min: t.NGrams.Min, Max: t.NGrams.Max, Bits: t.NGrams.Bits}}, nil
	case t.TextLength != nil:
		return Step{TextLength: &struct{}{}}, nil
	}
	listed := t.OneHot == nil || t.OneHot.Unknown == "ignore" || t.OneHot.Unknown == "error" // the state lists every category
	if listed && len(byText) > maxCodedCategories {
		return Step{}, fault.New(fault.FeatureInvalid, "column %q has %d categories, more than the %d that %s may list", p.column, len(byText), maxCodedCategories, t.Name()).
			WithRemedy("use hash, or coarsen the column in dataset.sql")
	}
	if t.OneHot != nil {
		return Step{OneHot: fitOneHot(sorted(byText), *t.OneHot)}, nil
	}
	categories := names(byText)
	switch {
	case t.Ordinal != nil:
		return Step{Ordinal: &OrdinalState{Categories: categories, Unknown: refusing(t.Ordinal.Unknown)}}, nil
	case t.Frequency != nil:
		v := &ValuesState{Of: "frequency", Categories: categories, Values: make([]float64, len(categories)), Unknown: refusing(t.Frequency.Unknown)}
		n, left := float64(fit.frame.Rows), fit.frame.Rows
		for i, text := range categories {
			v.Values[i] = float64(byText[text]) / n
			left -= byText[text]
		}
		v.Missing = float64(left) / n
		return Step{Values: v}, nil
	default:
		return fit.target(*t.TargetEncode, p, chain, categories)
	}
}

// refusing is the outcome of an unknown text as a state keeps it: "error" or "".
func refusing(unknown string) string {
	if unknown == "error" {
		return unknown
	}
	return ""
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
	if h.Unknown == "ignore" || h.Unknown == "error" {
		state.Unknown = h.Unknown
		for _, c := range all[kept:] {
			state.Known = append(state.Known, c.text)
		}
		slices.Sort(state.Known)
	}
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

func names(byText map[string]int) []string {
	all := make([]string, 0, len(byText))
	for text := range byText {
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}
