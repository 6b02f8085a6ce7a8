package pmml

import (
	"slices"
	"strconv"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// model returns the element of m, without a MiningSchema, which who uses it puts first,
// and the fields it reads.
func (d *document) model(m model.Model) (*element, []string, error) {
	if want := max(1, len(d.target.Classes)); m.Outputs() != want {
		return nil, nil, fault.New(fault.ParityFailed, "the model answers %d values and the target has %d", m.Outputs(), want)
	}
	switch m := m.(type) {
	case *model.Linear:
		return d.linear(m)
	case *model.Boosted:
		return d.trees(m.Trees)
	case *model.Constant:
		return d.constant(m.Values), nil, nil
	}
	if e, ok := m.(*model.Ensemble); ok {
		return d.ensemble(e)
	}
	return nil, nil, fault.New(fault.FeatureInvalid, "a model of kind %q has no form in PMML", m.Kind()).WithRemedy("set package.pmml: false, or train another kind")
}

func (d *document) function() string {
	if d.target.Task == pipeline.Regression {
		return "regression"
	}
	return "classification"
}

// regression is a RegressionModel of tables, one for each class.
func (d *document) regression(normalization string, tables ...*element) *element {
	for i, class := range d.target.Classes {
		tables[i].set("targetCategory", class)
	}
	return tag("RegressionModel", "functionName", d.function(), "normalizationMethod", normalization).add(tables...)
}

func table(intercept float64) *element { return tag("RegressionTable", "intercept", double(intercept)) }

// constant answers the same values to each row; shares stay what they are.
func (d *document) constant(values []float64) *element {
	var tables []*element
	for _, v := range values {
		tables = append(tables, table(v))
	}
	if len(values) == 1 {
		return d.regression("none", tables...)
	}
	return d.regression("simplemax", tables...)
}

// linear writes numbers as numeric predictors and a block as one categorical predictor
// a category. What a coefficient of 0 would add is left out.
func (d *document) linear(m *model.Linear) (*element, []string, error) {
	var tables []*element
	var fields []string
	for _, c := range d.columns {
		if c.field != "" {
			fields = append(fields, c.field)
		}
	}
	if m.Link == model.Logistic {
		tables = append(tables, table(0))
	}
	for k, intercept := range m.Intercepts {
		t, at := table(intercept), 0
		var categories []*element
		for _, c := range d.columns {
			width := 1
			if c.block {
				width = c.categories
			}
			if at+width > len(m.Coefficients[k]) {
				return nil, nil, fault.New(fault.ParityFailed, "the model has %d coefficients and the features more columns", len(m.Coefficients[k]))
			}
			for i, w := range m.Coefficients[k][at : at+width] {
				switch {
				case w == 0:
				case c.block:
					categories = append(categories, tag("CategoricalPredictor", "name", c.field, "value", strconv.Itoa(i), "coefficient", double(w)))
				default:
					t.add(tag("NumericPredictor", "name", c.field, "coefficient", double(w)))
				}
			}
			at += width
		}
		if at != len(m.Coefficients[k]) {
			return nil, nil, fault.New(fault.ParityFailed, "the model has %d coefficients and the features %d columns", len(m.Coefficients[k]), at)
		}
		tables = append(tables, t.add(categories...))
	}
	switch m.Link {
	case model.Identity:
		return d.regression("none", tables...), fields, nil
	case model.Log:
		return d.regression("exp", tables...), fields, nil
	case model.Logistic, model.Softmax:
		return d.regression("softmax", tables...), fields, nil
	}
	return nil, nil, fault.New(fault.ParityFailed, "link %q has no form in PMML", m.Link)
}

// ensemble is the weighted mean of its members' answers.
func (d *document) ensemble(e *model.Ensemble) (*element, []string, error) {
	segments := tag("Segmentation", "multipleModelMethod", "weightedAverage")
	var all []string
	for i, member := range e.Members {
		m, fields, err := d.model(member.Model)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, fields...)
		segments.add(tag("Segment", "id", strconv.Itoa(i+1), "weight", double(member.Weight)).add(tag("True"), within(m, fields)))
	}
	return tag("MiningModel", "functionName", d.function()).add(segments), all, nil
}

// within gives a model of a segment the fields it reads.
func within(m *element, fields []string) *element {
	schema := tag("MiningSchema")
	for _, f := range fields {
		schema.add(tag("MiningField", "name", f))
	}
	m.children = slices.Insert(m.children, 0, schema)
	return m
}
