package pipeline

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// Check checks a pipeline against the schema of its dataset: that the columns it
// names exist and have types the sections can use. What each feature can be made
// of is checked by feature.Resolve. It returns one *fault.Error of kind
// ColumnMissing or TypeMismatch whose Details is []Mistake, without lines, which
// Locate finds.
func Check(p *Pipeline, schema Schema) error {
	c := &checker{schema: schema}
	c.repaired = Repaired(schema, p.Validation)
	if target := c.column("problem.target", p.Problem.Target); target != nil {
		switch kind := target.FrameKind(); {
		case kind == frame.Time:
			c.mismatch("problem.target", target, "a time cannot be predicted", "derive a number or a class from it in dataset.sql")
		case p.Problem.Task == Regression && kind != frame.Number:
			c.mismatch("problem.target", target, "regression predicts numbers", "write task: binary or multiclass, or cast the column in dataset.sql")
		case p.Problem.Task == Regression && strings.EqualFold(target.SQL, "BOOLEAN"):
			c.mismatch("problem.target", target, "regression predicts numbers", "write task: binary")
		}
	}
	if p.Problem.Weight != "" {
		if w := c.column("problem.weight", p.Problem.Weight); w != nil && w.FrameKind() != frame.Number {
			c.mismatch("problem.weight", w, "it must be a number", "cast it to DOUBLE in dataset.sql")
		}
	}
	if p.Dataset.EventTime != "" {
		if at := c.column("dataset.event_time", p.Dataset.EventTime); at != nil && at.FrameKind() != frame.Time {
			c.mismatch("dataset.event_time", at, "it must be a time", "cast it to TIMESTAMP in dataset.sql")
		}
	}
	for i, name := range p.Dataset.Key {
		c.column(fmt.Sprintf("dataset.key[%d]", i), name)
	}
	for i, r := range p.Validation {
		c.rule(fmt.Sprintf("validation[%d]", i), p, r)
	}
	for i, name := range p.Split.By {
		c.column(fmt.Sprintf("split.by[%d]", i), name)
	}
	for i, f := range p.Features.List {
		c.columns(fmt.Sprintf("features[%d].columns", i), f.Columns)
		if f.Auto != nil {
			c.columns(fmt.Sprintf("features[%d].auto.drop", i), f.Auto.Drop)
		}
		if f.Select != nil {
			c.columns(fmt.Sprintf("features[%d].select.keep", i), f.Select.Keep)
			c.columns(fmt.Sprintf("features[%d].select.drop", i), f.Select.Drop)
		}
	}
	for i, columns := range p.Evaluate.Slices {
		c.columns(fmt.Sprintf("evaluate.slices[%d]", i), columns)
	}
	c.columns("evaluate.fairness", p.Evaluate.Fairness)
	for i, g := range p.Evaluate.Gates {
		for _, name := range sortedKeys(g.Slice) {
			c.column(join(fmt.Sprintf("evaluate.gates[%d].slice", i), name), name)
		}
	}
	return asFault(c.mistakes)
}

type checker struct {
	schema   Schema
	repaired Schema // what the schema is once the rules' casts are done
	mistakes []Mistake
}

func (c *checker) add(kind fault.Kind, path, remedy, message string, args ...any) {
	if len(c.mistakes) < maxMistakes {
		c.mistakes = append(c.mistakes, Mistake{Path: path, Message: fmt.Sprintf(message, args...), Remedy: remedy, kind: kind})
	}
}

// columns notes the names of a list that are not columns.
func (c *checker) columns(path string, names []string) {
	for i, name := range names {
		c.column(fmt.Sprintf("%s[%d]", path, i), name)
	}
}

// column returns the named column, or notes that there is none.
func (c *checker) column(path, name string) *Column {
	if column := c.schema.Column(name); column != nil {
		return column
	}
	names := make([]string, len(c.schema))
	for i := range c.schema {
		names[i] = c.schema[i].Name
	}
	remedy := "select it in dataset.sql"
	if near := nearest(name, names); near != "" {
		remedy = fmt.Sprintf("did you mean %s", near)
	}
	if len(names) > 20 {
		names = append(names[:20:20], "…")
	}
	c.add(fault.ColumnMissing, path, remedy+"; the dataset has "+strings.Join(names, ", "), "the dataset has no column %q", clip(name))
	return nil
}

func (c *checker) mismatch(path string, column *Column, why, remedy string) {
	c.add(fault.TypeMismatch, path, remedy, "column %q is a %s (%s): %s", clip(column.Name), column.FrameKind(), column.SQL, why)
}

// FrameKind is the column's kind. It prefers Type, which survives JSON where Kind
// does not.
func (c *Column) FrameKind() frame.Kind {
	for _, k := range []frame.Kind{frame.Number, frame.Text, frame.Time} {
		if c.Type == k.String() {
			return k
		}
	}
	return c.Kind
}

// Locate gives mistakes, found by Check or told by a run, the lines of the file
// they are about. data must be a file that Parse accepts; otherwise the mistakes
// come back as they are.
func Locate(filename string, data []byte, mistakes []Mistake) []Mistake {
	d := &decoder{
		file:   filename,
		lines:  strings.Split(string(data), "\n"),
		places: map[string]*token.Position{},
		faulty: map[string]bool{},
	}
	root := d.read(data)
	if root == nil {
		return mistakes
	}
	d.places[""] = positionOf(root)
	d.structure(root, valueOf(&Pipeline{}), "")
	if len(d.mistakes) > 0 {
		return mistakes
	}
	for _, m := range mistakes {
		d.faulty = map[string]bool{}
		d.add(m.Path, m.Remedy, "%s", m.Message)
		d.mistakes[len(d.mistakes)-1].kind = m.kind
	}
	return d.mistakes
}
