package feature

import (
	"fmt"
	"slices"

	"github.com/esteira-ml/esteira/internal/expression"
)

func (fitted *Fitted) validate() error {
	if fitted.Version != Version {
		return fmt.Errorf("version %d is not %d, the one this build reads", fitted.Version, Version)
	}
	if len(fitted.Chains) > maxChains {
		return fmt.Errorf("%d chains are more than the bound of %d", len(fitted.Chains), maxChains)
	}
	kinds, used := map[string]string{}, map[string]bool{}
	for _, in := range fitted.Inputs {
		if _, twice := kinds[in.Name]; twice {
			return fmt.Errorf("input %q is listed twice", in.Name)
		}
		kinds[in.Name] = in.Kind
	}
	numbers := map[string]bool{} // by name of chain: one number, not a product
	for i := range fitted.Chains {
		c := &fitted.Chains[i]
		if _, twice := numbers[c.Name]; twice {
			return fmt.Errorf("two chains are named %q", c.Name)
		}
		if i > 0 && fitted.Chains[i-1].Hidden && !c.Hidden {
			return fmt.Errorf("chain %q follows one that is hidden", c.Name)
		}
		if err := c.validate(kinds, used); err != nil {
			return fmt.Errorf("chain %q: %w", c.Name, err)
		}
		numbers[c.Name] = c.Factors == nil && c.Categories() == nil && c.outputs() == 1
	}
	for i := range fitted.Chains {
		for _, name := range fitted.Chains[i].Factors {
			if !numbers[name] {
				return fmt.Errorf("chain %q multiplies %q, which is not a chain of one number", fitted.Chains[i].Name, name)
			}
		}
	}
	for _, in := range fitted.Inputs {
		if !used[in.Name] && len(fitted.Chains) > 0 { // without any the model reads them raw
			return fmt.Errorf("input %q is not used", in.Name)
		}
	}
	return nil
}

// validate checks the grammar that the comment of Chain gives.
func (c *Chain) validate(kinds map[string]string, used map[string]bool) error {
	starts := 0
	for _, is := range []bool{c.Column != "", c.Columns != nil, c.Factors != nil} {
		if is {
			starts++
		}
	}
	if starts > 1 {
		return fmt.Errorf("it starts from more than one of column, columns and factors")
	}
	if c.Factors != nil {
		if len(c.Factors) != 2 || len(c.Steps) > 0 {
			return fmt.Errorf("a product has two factors and no steps")
		}
		return nil
	}
	columns := c.Columns
	if columns == nil {
		columns = []string{c.Column}
	}
	for _, name := range columns {
		kind, ok := kinds[name]
		switch {
		case !ok:
			return fmt.Errorf("it reads column %q, which is not an input", name)
		case c.Columns != nil && kind != "number":
			return fmt.Errorf("its formula reads a %s", kind)
		}
		used[name] = true
	}
	if len(c.Steps) == 0 || len(c.Steps) > maxSteps {
		return fmt.Errorf("%d steps are not between 1 and %d", len(c.Steps), maxSteps)
	}
	for i := range c.Steps {
		if err := c.Steps[i].validate(); err != nil {
			return err
		}
	}
	head, mayMiss, ended, err := c.start(kinds[c.Column])
	if err != nil {
		return err
	}
	steps := c.Steps[head:]
	for i := range steps {
		s := &steps[i]
		switch {
		case ended:
			return fmt.Errorf("a block or an indicator cannot be transformed further")
		case s.fromText() || s.DatePart != nil || s.Expr != nil || s.Impute != nil && s.Impute.Number == nil:
			return fmt.Errorf("step %d is not for numbers", head+i)
		case s.Impute != nil:
			mayMiss = false
		case s.Log1p != nil, s.Power != nil && s.Power.Method == "box_cox":
			mayMiss = true
		case s.Missing != nil, s.Bin != nil && s.Bin.OneHot:
			mayMiss, ended = false, true
		}
	}
	if mayMiss && !ended {
		return fmt.Errorf("its output may be missing: no impute follows")
	}
	return nil
}

// start checks the steps before the numeric ones and returns how many they are,
// whether what they give may be missing, and whether the chain ends there.
func (c *Chain) start(kind string) (head int, mayMiss, ended bool, err error) {
	first := &c.Steps[0]
	if c.Columns != nil {
		if first.Expr == nil {
			return 0, false, false, fmt.Errorf("columns need expr first")
		}
		formula, err := expression.Parse(first.Expr.Formula)
		if err != nil {
			return 0, false, false, err
		}
		if !slices.Equal(formula.Columns, c.Columns) {
			return 0, false, false, fmt.Errorf("its formula reads other columns")
		}
		return 1, true, false, nil
	}
	switch kind {
	case "text":
		if first.Impute != nil && first.Impute.Text != nil {
			head = 1
		}
		if len(c.Steps) <= head || !c.Steps[head].fromText() || head > 0 && c.Steps[head].Missing != nil {
			return 0, false, false, fmt.Errorf("a text needs at most one impute of text, then an encoder such as one_hot")
		}
		e := &c.Steps[head]
		return head + 1, e.Ordinal != nil && head == 0, e.OneHot != nil || e.Hash != nil || e.NGrams != nil || e.Missing != nil, nil
	case "time":
		if first.DatePart == nil {
			return 0, false, false, fmt.Errorf("a time needs date_part first")
		}
		return 1, true, first.DatePart.AsCategories, nil
	case "number":
		return 0, true, false, nil
	}
	return 0, false, false, fmt.Errorf("%q is not number, text or time", kind)
}

// fromText reports whether the step reads texts.
func (s *Step) fromText() bool {
	return s.OneHot != nil || s.Ordinal != nil || s.Values != nil || s.Hash != nil || s.TextLength != nil || s.NGrams != nil || s.Missing != nil && s.Missing.Text
}

func (s *Step) validate() error {
	set := 0
	for _, is := range []bool{
		s.Impute != nil, s.Standardize != nil, s.Log1p != nil, s.MinMax != nil, s.Robust != nil, s.Power != nil, s.Clip != nil, s.Bin != nil, s.Missing != nil,
		s.OneHot != nil, s.Ordinal != nil, s.Values != nil, s.Hash != nil, s.TextLength != nil, s.NGrams != nil, s.DatePart != nil, s.Expr != nil,
	} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("a step holds %d transforms, not 1", set)
	}
	unknown := func(u string) bool { return u == "" || u == "error" }
	switch {
	case s.Impute != nil:
		if (s.Impute.Number == nil) == (s.Impute.Text == nil) || s.Impute.Text != nil && *s.Impute.Text == "" {
			return fmt.Errorf("impute needs either a number or a text that is not empty")
		}
	case s.Standardize != nil && !(s.Standardize.Scale > 0):
		return fmt.Errorf("scale %v is not positive", s.Standardize.Scale)
	case s.Robust != nil && !(s.Robust.Scale > 0):
		return fmt.Errorf("scale %v is not positive", s.Robust.Scale)
	case s.MinMax != nil && !(s.MinMax.Scale > 0):
		return fmt.Errorf("scale %v is not positive", s.MinMax.Scale)
	case s.Power != nil && s.Power.Method != "yeo_johnson" && s.Power.Method != "box_cox":
		return fmt.Errorf("power has no method %q", s.Power.Method)
	case s.Bin != nil:
		if s.Bin.Edges == nil || len(s.Bin.Edges) > 255 || !increasing(s.Bin.Edges) {
			return fmt.Errorf("bin has %d edges, or they do not increase", len(s.Bin.Edges))
		}
	case s.DatePart != nil:
		d := s.DatePart
		if !slices.Contains(PartNames, d.Part) || d.AsCategories && (PartCategories(d.Part) == nil || d.Cycle != "") || d.Cycle != "" && PartCycle(d.Part, d.Cycle) == nil {
			return fmt.Errorf("date part %q (as categories: %t) is not possible", d.Part, d.AsCategories)
		}
	case s.OneHot != nil:
		return s.OneHot.validate()
	case s.Ordinal != nil:
		if !unknown(s.Ordinal.Unknown) || len(s.Ordinal.Categories) > maxCodedCategories || !increasing(s.Ordinal.Categories) {
			return fmt.Errorf("ordinal has %d categories, or they are not in increasing order", len(s.Ordinal.Categories))
		}
	case s.Values != nil:
		v := s.Values
		if !unknown(v.Unknown) || v.Of != "frequency" && v.Of != "target" || len(v.Categories) != len(v.Values) || len(v.Values) > maxCodedCategories || !increasing(v.Categories) {
			return fmt.Errorf("%d values of %d categories are not possible", len(v.Values), len(v.Categories))
		}
	case s.Hash != nil && (s.Hash.Bits < 1 || s.Hash.Bits > 16):
		return fmt.Errorf("hash has %d bits", s.Hash.Bits)
	case s.NGrams != nil:
		if n := s.NGrams; n.Min < 1 || n.Max < n.Min || n.Max > 8 || n.Bits < 1 || n.Bits > 10 {
			return fmt.Errorf("ngrams of %d to %d characters in %d bits are not possible", n.Min, n.Max, n.Bits)
		}
	}
	return nil
}

func (h *OneHotState) validate() error {
	known := h.Categories
	if known == nil || len(known) > maxMaxCategories || h.Shared && len(known) == 0 {
		return fmt.Errorf("one_hot has %d categories", len(known))
	}
	if h.Shared {
		if known = known[:len(known)-1]; slices.Contains(known, h.Categories[len(known)]) {
			return fmt.Errorf("the shared category has the name of another")
		}
	}
	if slices.Contains(known, "") || !increasing(known) || !increasing(h.Known) {
		return fmt.Errorf("categories are empty or not in increasing order")
	}
	if !slices.Contains([]string{"", "ignore", "error"}, h.Unknown) || h.Unknown == "" && h.Known != nil {
		return fmt.Errorf("unknown: %q is not an outcome", h.Unknown)
	}
	return nil
}

// increasing reports whether each value is above the one before.
func increasing[T float64 | string](x []T) bool {
	for i := range x {
		if x[i] != x[i] || i > 0 && !(x[i-1] < x[i]) {
			return false
		}
	}
	return true
}
