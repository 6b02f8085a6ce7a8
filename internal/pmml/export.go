package pmml

import (
	"bytes"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// maxDocument bounds a document, in bytes.
const maxDocument = 256 << 20

const (
	namespace = "http://www.dmg.org/PMML-4_4"
	version   = "4.4"
)

// Export returns the document of f, then m, with the outputs of t; name is the
// model's. It fails with FeatureInvalid where a transform, a name or the model has no
// form in PMML or the document would be larger than its bound, and with ParityFailed
// where the three do not fit together.
func Export(f *feature.Fitted, t *feature.Target, m model.Model, name string) ([]byte, error) {
	if len(f.Inputs) == 0 {
		return nil, refused("model %q reads no columns, so its document has no input", name)
	}
	for _, text := range append(slices.Clone(t.Classes), name, t.Column) {
		if !writable(text) {
			return nil, refused("XML cannot hold the text %q", text)
		}
	}
	d := &document{target: t, taken: map[string]bool{t.Column: true}, kinds: map[string]string{}, valid: map[string][]string{}, raws: map[string]string{}, dates: map[string]*date{}, factors: map[string][2]string{}}
	for _, in := range f.Inputs {
		if !writable(in.Name) || in.Name == "" || d.taken[in.Name] {
			return nil, refused("column %q is empty, the target, listed twice, or no text that XML can hold", in.Name)
		}
		d.taken[in.Name] = true
		d.kinds[in.Name] = in.Kind
	}
	if err := d.features(f); err != nil {
		return nil, err
	}
	top, _, err := d.model(m)
	if err != nil {
		return nil, err
	}
	dictionary, err := d.dictionary(f.Inputs)
	if err != nil {
		return nil, err
	}
	top.set("modelName", name)
	first := []*element{d.schema(f.Inputs), d.outputs()}
	if len(d.derived) > 0 { // of this model, so that those within it may read them as if they were columns
		first = append(first, tag("LocalTransformations").add(d.derived...))
	}
	top.children = slices.Insert(top.children, 0, first...)
	root := tag("PMML", "xmlns", namespace, "version", version).add(
		tag("Header").add(tag("Application", "name", "esteira")), dictionary)
	var out bytes.Buffer
	out.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	root.add(top).write(&out, 0)
	if out.Len() > maxDocument {
		return nil, refused("the document of model %q is larger than %d MiB", name, maxDocument>>20)
	}
	return out.Bytes(), nil
}

func refused(message string, args ...any) error {
	return fault.New(fault.FeatureInvalid, message, args...).WithRemedy("change it, or set package.pmml: false")
}

// inexpressible is the error of a state that has no form in PMML.
func inexpressible(c *feature.Chain, what string, args ...any) error {
	e := fault.New(fault.FeatureInvalid, "feature %q of column %q: "+what, append([]any{c.Name, c.Column}, args...)...)
	return e.WithRemedy("drop the transform, or set package.pmml: false")
}

// document collects derived fields in the order they are asked for.
type document struct {
	target  *feature.Target
	derived []*element
	taken   map[string]bool
	kinds   map[string]string    // of each input
	valid   map[string][]string  // by input: the texts that are not refused, if any is
	raws    map[string]string    // field before the implicit imputer, by the one after it
	factors map[string][2]string // of a product
	dates   map[string]*date
	columns []column
}

// column is one visible feature: a number, or a code of categories.
type column struct {
	name       string
	field      string // "" for a block without categories
	categories int    // of a block
	block      bool
}

func (d *document) unique(name string) string {
	for d.taken[name] {
		name += "_"
	}
	d.taken[name] = true
	return name
}

// define adds a field that is a number and returns its name.
func (d *document) define(name string, value *element) string {
	return d.field(name, "continuous", "double", value)
}

// code adds a field that is the whole number of a category.
func (d *document) code(name string, value *element) string {
	return d.field(name, "categorical", "integer", value)
}

func (d *document) field(name, optype, kind string, value *element) string {
	name = d.unique(name)
	d.derived = append(d.derived, tag("DerivedField", "name", name, "optype", optype, "dataType", kind).add(value))
	return name
}

// features adds every chain, products after what they multiply.
func (d *document) features(f *feature.Fitted) error {
	made := make([]column, len(f.Chains))
	byName := map[string]string{}
	for _, products := range []bool{false, true} {
		for i := range f.Chains {
			c := &f.Chains[i]
			if !writable(c.Name) {
				return refused("XML cannot hold the name of feature %q", c.Name)
			}
			var err error
			switch {
			case (c.Factors != nil) != products:
				continue
			case products:
				a, b := byName[c.Factors[0]], byName[c.Factors[1]]
				if a == "" || b == "" {
					return inexpressible(c, "its factors are not numbers")
				}
				made[i] = column{name: c.Name, field: d.define("features/"+c.Name, apply("*", ref(a), ref(b)))}
				d.factors[made[i].field] = [2]string{a, b}
			default:
				if made[i], err = d.chain(c); err != nil {
					return err
				}
				if !made[i].block {
					byName[c.Name] = made[i].field
				}
			}
		}
	}
	for i := range f.Chains {
		if !f.Chains[i].Hidden {
			d.columns = append(d.columns, made[i])
		}
	}
	return nil
}

func (d *document) dictionary(inputs []feature.Input) (*element, error) {
	out := tag("DataDictionary")
	missing := func(value string) *element { return tag("Value", "value", value, "property", "missing") }
	for _, in := range inputs {
		switch in.Kind {
		case frame.Number.String():
			out.add(tag("DataField", "name", in.Name, "optype", "continuous", "dataType", "double").add(
				tag("Interval", "closure", "closedClosed", "leftMargin", double(-math.MaxFloat64), "rightMargin", double(math.MaxFloat64))))
		case frame.Text.String():
			f := tag("DataField", "name", in.Name, "optype", "categorical", "dataType", "string")
			for _, text := range d.valid[in.Name] {
				f.add(tag("Value", "value", text))
			}
			out.add(f.add(missing("")))
		case frame.Time.String():
			out.add(tag("DataField", "name", in.Name, "optype", "ordinal", "dataType", "dateTime"))
		default:
			return nil, fault.New(fault.FeatureInvalid, "column %q is of no kind: %q", in.Name, in.Kind)
		}
	}
	if d.target.Task == pipeline.Regression {
		return out.add(tag("DataField", "name", d.target.Column, "optype", "continuous", "dataType", "double")), nil
	}
	classes := tag("DataField", "name", d.target.Column, "optype", "categorical", "dataType", "string")
	for _, c := range d.target.Classes {
		classes.add(tag("Value", "value", c))
	}
	return out.add(classes), nil
}

func (d *document) schema(inputs []feature.Input) *element {
	out := tag("MiningSchema").add(tag("MiningField", "name", d.target.Column, "usageType", "target"))
	for _, in := range inputs {
		out.add(tag("MiningField", "name", in.Name))
	}
	return out
}

func (d *document) outputs() *element {
	if d.target.Task == pipeline.Regression {
		return tag("Output").add(tag("OutputField", "name", d.unique("prediction"), "optype", "continuous", "dataType", "double", "feature", "predictedValue"))
	}
	out := tag("Output").add(tag("OutputField", "name", d.unique("label"), "optype", "categorical", "dataType", "string", "feature", "predictedValue"))
	for _, c := range d.target.Classes {
		out.add(tag("OutputField", "name", d.unique("probability("+c+")"), "optype", "continuous", "dataType", "double", "feature", "probability", "value", c))
	}
	return out
}
