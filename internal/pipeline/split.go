package pipeline

import (
	"slices"

	"github.com/invopop/jsonschema"
)

func (d *decoder) splitDefaults(p *Pipeline) {
	s := &p.Split
	if s.Method == "" {
		s.Method = "random"
	}
	if s.Method == "stratified" && !d.given("split.by") && p.Problem.Target != "" {
		s.By = []string{p.Problem.Target}
	}
	if s.Method == "column" {
		if s.Values == nil {
			s.Values = &SplitValues{}
		}
		for _, v := range []struct {
			list *[]string
			name string
		}{{&s.Values.Train, "train"}, {&s.Values.Validation, "validation"}, {&s.Values.Test, "test"}} {
			if *v.list == nil {
				*v.list = []string{v.name}
			}
		}
		return
	}
	if !d.given("split.validation") {
		s.Validation = DefaultShare
	}
	if !d.given("split.test") {
		s.Test = DefaultShare
	}
}

func (d *decoder) checkSplit(p *Pipeline) {
	s := p.Split
	d.checkDistinct("split.by", s.By)
	if s.Method == "column" {
		d.checkSplitColumn(s)
	} else {
		d.checkShares(s)
	}
	by := map[string]bool{"stratified": true, "grouped": true, "column": true}
	switch {
	case s.Method == "time" && p.Dataset.EventTime == "":
		d.add("split.method", "add dataset: {event_time: COLUMN}, or write random", "a split by time needs dataset.event_time")
	case s.Method == "grouped" && len(s.By) == 0:
		d.add("split.by", "add by: [COLUMN]", "is missing: a grouped split needs the columns that name the group")
	case !by[s.Method] && len(s.By) > 0:
		d.add("split.by", "remove it, or write method: stratified, grouped or column", "is not used by method %s", s.Method)
	}
	if s.Method == "stratified" && p.Problem.Task == Regression && slices.Contains(s.By, p.Problem.Target) {
		d.add("split.by", "name a column of classes", "%q is a number with as many strata as values", clip(p.Problem.Target))
	}
	if s.Values != nil && s.Method != "column" {
		d.add("split.values", "remove it, or write method: column", "is used by method column alone")
	}
	if s.Gap != "" {
		if gap, err := ParseDuration(s.Gap); err != nil || gap < 0 {
			d.add("split.gap", "write a duration such as 24h or 7d", "%q is no duration", clip(s.Gap))
		}
		if s.Method != "time" {
			d.add("split.gap", "remove it, or write method: time", "is used by method time alone")
		}
	}
}

func (d *decoder) checkSplitColumn(s Split) {
	if len(s.By) != 1 {
		d.add("split.by", "add by: [COLUMN]", "must name the one column whose values name the split")
	}
	for _, share := range []string{"split.validation", "split.test"} {
		if d.given(share) {
			d.add(share, "remove it", "the column decides, not a share")
		}
	}
	seen := map[string]bool{}
	for _, v := range slices.Concat(s.Values.Train, s.Values.Validation, s.Values.Test) {
		if seen[v] {
			d.add("split.values", "name each value once", "%q means two splits", clip(v))
		}
		seen[v] = true
	}
}

func (d *decoder) checkShares(s Split) {
	for _, share := range []struct {
		name  string
		value float64
	}{{"validation", s.Validation}, {"test", s.Test}} {
		if !(share.value > 0 && share.value < 1) {
			d.add("split."+share.name, "write a share such as 0.15", "must be more than 0 and less than 1, not %v", share.value)
		}
	}
	if s.Validation < 1 && s.Test < 1 && s.Validation+s.Test >= 1 {
		d.add("split", "make validation and test together less than 1", "leaves no rows to train on: %v + %v", s.Validation, s.Test)
	}
}

// JSONSchemaExtend tells the bounds of the shares.
func (Split) JSONSchemaExtend(s *jsonschema.Schema) {
	for _, name := range []string{"validation", "test"} {
		property(s, name).ExclusiveMinimum = "0"
		property(s, name).ExclusiveMaximum = "1"
		property(s, name).Default = DefaultShare
	}
	property(s, "method").Default = "random"
}

// JSONSchemaExtend allows numbers and booleans as texts.
func (SplitValues) JSONSchemaExtend(s *jsonschema.Schema) {
	item := anyText("")
	for _, name := range []string{"train", "validation", "test"} {
		property(s, name).Items = &item
	}
}
