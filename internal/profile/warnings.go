package profile

import (
	"math"
	"slices"
	"sort"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// Thresholds of the warnings.
const (
	leakage       = 0.98 // association at which a column alone tells the target
	mostlyMissing = 0.5
	manyTexts     = 1000
	idLike        = 0.9  // distinct per value at which a text looks like an identifier
	rareClass     = 0.05 // share of the rarest class of the target
)

// warn lists what a person should look at, the worst first, then by column.
func (p *Profile) warn() {
	add := func(level, kind string, c *Column, text string) {
		p.Warnings = append(p.Warnings, Warning{Kind: kind, Level: level, Column: c.Name, Text: text})
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		target := c.Name == p.Target
		switch {
		case p.Rows == 0:
			continue
		case c.Count == 0:
			add("bad", "empty", c, "every value is missing")
			continue
		case c.Distinct <= 1 && c.Infinite == 0:
			level := "warn"
			if target {
				level = "bad"
			}
			add(level, "constant", c, "only one value, "+c.only()+": it can tell nothing")
		}
		if a := c.Association; a != nil && math.Abs(a.Value) >= leakage {
			add("bad", "leakage_suspect", c, "alone it tells the target almost exactly ("+measure(a)+"): is it known before the answer?")
		}
		if c.Infinite > 0 {
			add("warn", "infinite", c, report.Count(c.Infinite)+" infinite values")
		}
		if target && c.Missing > 0 {
			add("warn", "target_missing", c, report.Percent(c.MissingShare)+" of the rows have no target and cannot be learnt from")
		} else if c.MissingShare > mostlyMissing {
			add("warn", "mostly_missing", c, report.Percent(c.MissingShare)+" of the values are missing")
		}
		if c.Type == "text" && !target && c.Count >= 50 {
			if unique := float64(c.Distinct) / float64(c.Count); unique >= idLike {
				add("warn", "identifier", c, report.Percent(unique)+" of the values are distinct, as in an identifier: it will not generalise")
			} else if c.Distinct > manyTexts {
				add("warn", "high_cardinality", c, report.Count(c.Distinct)+" distinct values: rare ones will share a column")
			}
		}
		if target && p.Task != pipeline.Regression && len(c.Top) > 1 && c.Distinct <= int64(len(c.Top)) {
			if rarest := c.Top[len(c.Top)-1]; float64(rarest.Count) < rareClass*float64(c.Count) {
				add("warn", "imbalanced", c, "class "+report.Cut(rarest.Value, 40)+" is "+report.Percent(float64(rarest.Count)/float64(c.Count))+" of the rows: accuracy alone would mislead")
			}
		}
	}
	sort.SliceStable(p.Warnings, func(i, j int) bool { return rank(p.Warnings[i].Kind) < rank(p.Warnings[j].Kind) })
}

// order is that of the warnings in the list.
var order = []string{"leakage_suspect", "target_missing", "empty", "constant", "infinite", "imbalanced", "mostly_missing", "identifier", "high_cardinality"}

func rank(kind string) int { return slices.Index(order, kind) }

// only says the single value of a constant column.
func (c *Column) only() string {
	if len(c.Top) == 0 {
		return "none"
	}
	return report.Cut(c.Top[0].Value, 40)
}

func measure(a *Association) string {
	name := map[string]string{"pearson": "Pearson's r", "correlation_ratio": "correlation ratio", "cramers_v": "Cramér's V"}[a.Measure]
	return name + " " + report.Number(math.Round(a.Value*1000)/1000)
}
