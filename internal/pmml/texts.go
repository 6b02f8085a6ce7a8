package pmml

import (
	"slices"
	"strconv"

	"github.com/esteira-ml/esteira/internal/feature"
)

// text encodes a text by a table. Imputation folds into it: it is what a missing text
// maps to.
func (d *document) text(c *feature.Chain) (column, error) {
	steps, filled := c.Steps, ""
	if len(steps) > 0 && steps[0].Impute != nil && steps[0].Impute.Text != nil {
		filled, steps = *steps[0].Impute.Text, steps[1:]
	}
	if len(steps) == 0 {
		return column{}, inexpressible(c, "a text column must have an encoder, after at most one impute")
	}
	name := "features/" + c.Name
	if len(steps) > 1 {
		name += "/code"
	}
	switch s := &steps[0]; {
	case s.OneHot != nil && len(steps) == 1:
		return d.oneHot(c, s.OneHot, filled)
	case s.Missing != nil && len(steps) == 1:
		return column{name: c.Name, field: d.define(name, apply("if", apply("isMissing", ref(c.Column)), number(1), number(0)))}, nil
	case s.Ordinal != nil:
		if s.Ordinal.Unknown == "error" {
			d.only(c.Column, s.Ordinal.Categories)
		}
		t := &codes{of: s.Ordinal.Categories, values: counting(len(s.Ordinal.Categories)), unknown: "-1"}
		return d.coded(c, t, filled, name, steps[1:])
	case s.Values != nil:
		if s.Values.Unknown == "error" {
			d.only(c.Column, s.Values.Categories)
		}
		t := &codes{of: s.Values.Categories, unknown: double(s.Values.Other), missing: double(s.Values.Missing)}
		for _, v := range s.Values.Values {
			t.values = append(t.values, double(v))
		}
		return d.coded(c, t, filled, name, steps[1:])
	case s.Hash != nil, s.NGrams != nil:
		return column{}, inexpressible(c, "PMML has no hash of a text")
	case s.TextLength != nil:
		return column{}, inexpressible(c, "PMML does not say what a character of a text's length is")
	}
	return column{}, inexpressible(c, "a text column must have an encoder, after at most one impute")
}

func (d *document) coded(c *feature.Chain, t *codes, filled, name string, rest []feature.Step) (column, error) {
	table, err := t.table(c, filled)
	if err != nil {
		return column{}, err
	}
	return d.number(c, d.define(name, table), rest)
}

func (d *document) oneHot(c *feature.Chain, h *feature.OneHotState, filled string) (column, error) {
	out := column{name: c.Name, categories: len(h.Categories), block: true}
	if h.Unknown == "error" {
		own := h.Categories
		if h.Shared {
			own = own[:len(own)-1]
		}
		d.only(c.Column, append(slices.Clone(own), h.Known...))
	}
	if out.categories == 0 {
		return out, nil
	}
	t := &codes{of: h.Categories}
	if h.Shared {
		t.of = h.Categories[:out.categories-1]
		t.missing = strconv.Itoa(out.categories - 1)
		t.unknown = t.missing
	}
	t.values = counting(len(t.of))
	if h.Unknown != "" {
		t.of = append(slices.Clone(t.of), h.Known...)
		for range h.Known {
			t.values = append(t.values, t.missing)
		}
		t.unknown = ""
	}
	table, err := t.table(c, filled)
	out.field = d.code("features/"+c.Name, table)
	return out, err
}

// only says that a column's other texts are refused.
func (d *document) only(column string, texts []string) {
	if had, ok := d.valid[column]; ok {
		texts = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return !slices.Contains(had, t) })
	}
	d.valid[column] = texts
}

// codes map texts to values; "" leaves what it is for missing.
type codes struct {
	of, values       []string
	unknown, missing string
}

// table is the codes as a MapValues; a missing text is mapped as filled, if there is
// any.
func (t *codes) table(c *feature.Chain, filled string) (*element, error) {
	missing := t.missing
	if filled != "" {
		missing = t.unknown
		if i := slices.Index(t.of, filled); i >= 0 {
			missing = t.values[i]
		}
	}
	out := tag("MapValues", "outputColumn", "code")
	if t.unknown != "" {
		out.set("defaultValue", t.unknown)
	}
	if missing != "" {
		out.set("mapMissingTo", missing)
	}
	rows := tag("InlineTable")
	for i, text := range t.of {
		if text == "" || !writable(text) {
			return nil, inexpressible(c, "XML cannot hold its category %q", text)
		}
		if t.values[i] == "" {
			continue // it is like one that is not listed
		}
		key, value := tag("text"), tag("code")
		key.text, value.text = text, t.values[i]
		rows.add(tag("row").add(key, value))
	}
	return out.add(tag("FieldColumnPair", "field", c.Column, "column", "text"), rows), nil
}

func counting(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}
