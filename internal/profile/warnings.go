package profile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
)

// Thresholds of the warnings.
const (
	leakage       = 0.98 // association at which a column alone tells the target
	informed      = 0.95 // share of the target's entropy at which it does
	predictive    = 0.96 // power to predict the target at which it does: r² of an r of 0.98
	mostlyMissing = 0.5
	manyTexts     = 1000
	idLike        = 0.9  // distinct per value at which a text looks like an identifier
	rareClass     = 0.05 // share of the rarest class of the target
	skewed        = 5.0
	manyOutliers  = 0.05
	mostlyZero    = 0.9
	alike         = 0.98 // association of two columns that say the same
	drifted       = 0.1  // Jensen-Shannon distance
	asNumber      = 0.95 // texts that read as numbers
)

// weights are how much a warning matters at its most; what it is about scales it.
var weights = map[string]float64{
	"leakage_suspect": 100, "after_event": 98, "target_missing": 95, "empty": 90, "shared_key": 88, "constant": 80, "infinite": 75, "imbalanced": 70,
	"drift": 68, "duplicate_rows": 60, "mostly_missing": 55, "number_as_text": 52, "identifier": 50, "high_cardinality": 42, "alike": 40,
	"blank_texts": 34, "outliers": 30, "skewed": 26, "time_gap": 24, "mostly_zero": 22, "padded": 18,
}

// warn lists what a person should look at, what matters most first.
func (p *Profile) warn(o Options) {
	if p.Rows == 0 {
		return
	}
	for i := range p.Columns {
		p.warnOf(&p.Columns[i], o)
	}
	share := float64(p.DuplicateRows) / float64(p.Rows)
	if p.DuplicateRows > 0 {
		p.add("duplicate_rows", "", "warn", 0.5+share/2, report.Count(p.DuplicateRows)+" of "+report.Count(p.Rows)+" rows ("+report.Percent(share)+") repeat an earlier one in every column")
	}
	if p.RepeatedKeys != nil && *p.RepeatedKeys > 0 && slices.Contains([]string{"time", "column", "grouped"}, o.Split) {
		p.add("shared_key", "", "bad", 1, report.Count(*p.RepeatedKeys)+" rows repeat the key of another: a split by "+o.Split+" may put one key into two splits")
	}
	p.warnAlike()
	sort.SliceStable(p.Warnings, func(i, j int) bool { return p.Warnings[i].Weight > p.Warnings[j].Weight })
}

// add notes a warning; much, 0 to 1, says how far it goes.
func (p *Profile) add(kind, column, level string, much float64, text string) {
	weight := math.Round(weights[kind]*(0.9+0.1*math.Max(0, math.Min(1, much)))*100) / 100
	p.Warnings = append(p.Warnings, Warning{Kind: kind, Level: level, Column: column, Text: text, Weight: weight})
}

func (p *Profile) warnOf(c *Column, o Options) {
	target := c.Name == p.Target
	add := func(kind, level string, much float64, text string) { p.add(kind, c.Name, level, much, text) }
	of := func(n int64) float64 { return float64(n) / math.Max(1, float64(c.Count)) }
	switch {
	case c.Count == 0:
		add("empty", "bad", 1, "every value is missing")
		return
	case c.Distinct <= 1 && c.Infinite == 0:
		level, much := "warn", 0.0
		if target {
			level, much = "bad", 1
		}
		add("constant", level, much, "only one value, "+c.only()+": it can tell nothing")
	}
	suspect := true
	if a := c.Association; a != nil && math.Abs(a.Value) >= leakage {
		add("leakage_suspect", "bad", math.Abs(a.Value), "alone it tells the target almost exactly ("+measure(a)+"): is it known before the answer?")
	} else if i := c.Information; i != nil && i.Share >= informed && c.Distinct < c.Count/2 {
		add("leakage_suspect", "bad", i.Share, "alone it holds "+report.Percent(i.Share)+" of what there is to know of the target: is it known before the answer?")
	} else {
		suspect = false
	}
	if p := c.Power; p != nil && p.Value >= predictive && !suspect {
		what := "spares " + report.Percent(p.Value) + " of the errors"
		if p.Measure == "r2" {
			what = "explains " + report.Percent(p.Value) + " of the variance"
		}
		add("leakage_suspect", "bad", p.Value, "alone it "+what+" in rows it has not seen: is it known before the answer?")
	}
	if c.AfterEvent > 0 {
		add("after_event", "bad", of(c.AfterEvent), fmt.Sprintf("later than %s in %s rows (%s): it was not known then", o.EventTime, report.Count(c.AfterEvent), report.Percent(of(c.AfterEvent))))
	}
	if c.Infinite > 0 {
		add("infinite", "warn", of(c.Infinite), report.Count(c.Infinite)+" infinite values")
	}
	if target && c.Missing > 0 {
		add("target_missing", "warn", c.MissingShare, report.Percent(c.MissingShare)+" of the rows have no target and cannot be learnt from")
	} else if c.MissingShare > mostlyMissing {
		add("mostly_missing", "warn", c.MissingShare, report.Percent(c.MissingShare)+" of the values are missing")
	}
	if d := c.Drift; d != nil && *d > drifted {
		level := "warn"
		if *d > 3*drifted {
			level = "bad"
		}
		add("drift", level, *d, fmt.Sprintf("distributed otherwise than in run %s: Jensen-Shannon distance %s", report.Cut(p.Previous, 60), report.Number(math.Round(*d*1000)/1000)))
	}
	if target && p.Task != pipeline.Regression && len(c.Top) > 1 && c.Distinct <= int64(len(c.Top)) {
		if rarest := c.Top[len(c.Top)-1]; float64(rarest.Count) < rareClass*float64(c.Count) {
			add("imbalanced", "warn", 1-of(rarest.Count)/rareClass, "class "+report.Cut(rarest.Value, 40)+" is "+report.Percent(of(rarest.Count))+" of the rows: accuracy alone would mislead")
		}
	}
	switch {
	case c.Text != nil:
		p.warnText(c, target, add, of)
	case c.Number != nil && c.Distinct > 2:
		n := c.Number
		if n.Skew != nil && math.Abs(*n.Skew) > skewed {
			add("skewed", "warn", math.Abs(*n.Skew)/100, "skew "+report.Number(*n.Skew)+": a few values far out decide its mean; a logarithm or a power transform may help")
		}
		if n.Outliers != nil && of(n.Outliers.RobustZ) > manyOutliers {
			add("outliers", "warn", of(n.Outliers.RobustZ), report.Percent(of(n.Outliers.RobustZ))+" of the values are outliers by robust z, "+report.Percent(of(n.Outliers.IQR))+" by the quartiles")
		}
		if of(n.Zeros) > mostlyZero {
			add("mostly_zero", "warn", of(n.Zeros), report.Percent(of(n.Zeros))+" of the values are 0")
		}
	case c.Time != nil && c.Time.Coverage != nil:
		if v := c.Time.Coverage; v.GapHours >= 24 && v.gap > 0.1*float64(v.SpanDays)*86400e6 {
			add("time_gap", "warn", v.gap/(float64(v.SpanDays)*86400e6), "no row between "+short(v.GapFrom)+" and "+short(v.GapTo))
		}
	}
}

func (p *Profile) warnText(c *Column, target bool, add func(kind, level string, much float64, text string), of func(int64) float64) {
	if !target && c.Count >= 50 {
		if unique := of(c.Distinct); unique >= idLike {
			add("identifier", "warn", unique, report.Percent(unique)+" of the values are distinct, as in an identifier: it will not generalise")
		} else if c.Distinct > manyTexts {
			add("high_cardinality", "warn", float64(c.Distinct)/1e6, report.Count(c.Distinct)+" distinct values: rare ones will share a column")
		}
	}
	if of(c.Text.Numeric) >= asNumber && !target && c.SQL == "VARCHAR" {
		add("number_as_text", "warn", of(c.Text.Numeric), report.Percent(of(c.Text.Numeric))+" of the texts read as numbers: cast it, if it counts or measures something")
	}
	if c.Text.Empty > 0 {
		add("blank_texts", "warn", of(c.Text.Empty), report.Count(c.Text.Empty)+" texts are blank, which is not the same as missing")
	}
	if c.Text.Padded > 0 {
		add("padded", "warn", of(c.Text.Padded), report.Count(c.Text.Padded)+" texts have spaces before or behind")
	}
}

// warnAlike finds pairs of columns that say the same, the most alike first.
func (p *Profile) warnAlike() {
	if p.Matrix == nil {
		return
	}
	type pair struct {
		name, other string
		value       float64
	}
	var pairs []pair
	for i, name := range p.Matrix.Columns {
		for j, other := range p.Matrix.Columns[:i] {
			if a := p.Matrix.Association[i][j]; a != nil && *a >= alike && name != p.Target && other != p.Target {
				pairs = append(pairs, pair{name, other, *a})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.value, a.value) })
	const most = 10
	for _, x := range pairs[:min(len(pairs), most)] {
		p.add("alike", x.name, "warn", x.value, "says almost the same as "+report.Cut(x.other, 60)+" (association "+report.Number(math.Round(x.value*1000)/1000)+"): one of the two may go")
	}
}

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
