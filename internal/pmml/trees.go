package pmml

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/tree"
)

// trees is a chain of models: one sum of trees for each raw score, then their link.
// Scores are float64, as in Go; what is compared is float32, by the type of the fields.
func (d *document) trees(e *tree.Ensemble) (*element, []string, error) {
	if len(e.Features) != len(d.columns) {
		return nil, nil, fault.New(fault.ParityFailed, "the trees read %d features and the document has %d", len(e.Features), len(d.columns))
	}
	fields, used := make([]string, len(e.Features)), []string{}
	for j, importance := range e.Importances() {
		if importance.Splits == 0 {
			continue
		}
		c := d.columns[j]
		if c.field == "" || c.block != (len(e.Features[j].Categories) > 0) {
			return nil, nil, fault.New(fault.ParityFailed, "feature %q of the trees is not one of the document", e.Features[j].Name)
		}
		if fields[j] = c.field; !c.block {
			fields[j] = d.field("trees/"+c.name, "continuous", "float", ref(d.native(c.field)))
		}
		used = append(used, fields[j])
	}
	if len(e.Trees) == 0 {
		return d.link(e, nil), nil, nil
	}
	chain := tag("Segmentation", "multipleModelMethod", "modelChain")
	scores := make([]string, len(e.Base))
	for k := range e.Base {
		scores[k] = d.unique("score/" + strconv.Itoa(k+1))
		sum := tag("Segmentation", "multipleModelMethod", "sum")
		for i := k; i < len(e.Trees); i += len(e.Base) {
			t := &grown{tree: e.Trees[i], features: e.Features, fields: fields, reads: map[string]bool{}, sets: sets(e.Trees[i])}
			m := tag("TreeModel", "functionName", "regression", "missingValueStrategy", "defaultChild", "splitCharacteristic", "binarySplit").add(t.node(0, tag("True")))
			sum.add(tag("Segment", "id", strconv.Itoa(len(sum.children)+1)).add(tag("True"), within(m, slices.Sorted(maps.Keys(t.reads)))))
		}
		output := tag("Output").add(tag("OutputField", "name", scores[k], "optype", "continuous", "dataType", "double", "feature", "predictedValue"))
		model := within(tag("MiningModel", "functionName", "regression").add(output, sum), used)
		chain.add(tag("Segment", "id", strconv.Itoa(k+1)).add(tag("True"), model))
	}
	chain.add(tag("Segment", "id", strconv.Itoa(len(e.Base)+1)).add(tag("True"), within(d.link(e, scores), scores)))
	return tag("MiningModel", "functionName", d.function()).add(chain), used, nil
}

// link turns raw scores, if there are any, to which the base is added, into answers.
func (d *document) link(e *tree.Ensemble, scores []string) *element {
	var tables []*element
	normalization := "none"
	switch e.Loss {
	case tree.Poisson:
		normalization = "exp"
	case tree.Logistic:
		normalization, tables = "softmax", append(tables, table(0))
	case tree.Softmax:
		normalization = "softmax"
	}
	for k, base := range e.Base {
		one := table(base)
		if scores != nil {
			one.add(tag("NumericPredictor", "name", scores[k], "coefficient", "1"))
		}
		tables = append(tables, one)
	}
	return d.regression(normalization, tables...)
}

// native is a number as a learner that knows missing values reads it: before the
// implicit imputer (frame.Feature.Raw), a product as one of such.
func (d *document) native(field string) string {
	if raw, ok := d.raws[field]; ok {
		return raw
	}
	of, product := d.factors[field]
	if !product {
		return field
	}
	a, b := d.native(of[0]), d.native(of[1])
	if a == of[0] && b == of[1] {
		return field
	}
	return d.define(field+"/native", apply("*", ref(a), ref(b)))
}

// grown writes one tree.
type grown struct {
	tree     *tree.Tree
	features []tree.Feature
	fields   []string
	reads    map[string]bool
	sets     map[int32][]int32
}

func sets(t *tree.Tree) map[int32][]int32 {
	out := make(map[int32][]int32, len(t.Sets))
	for _, s := range t.Sets {
		out[s.Node] = s.Codes
	}
	return out
}

func (g *grown) node(id int32, predicate *element) *element {
	t := g.tree
	out := tag("Node", "id", strconv.Itoa(int(id)))
	left := t.Lefts[id]
	if left == 0 {
		return out.set("score", double(float64(t.Values[id]))).add(predicate)
	}
	other := left + 1
	if t.MissingLeft[id] {
		other = left
	}
	out.set("defaultChild", strconv.Itoa(int(other))).add(predicate)
	j := t.Features[id]
	g.reads[g.fields[j]] = true
	if len(g.features[j].Categories) > 0 {
		return out.add(g.node(left, g.among("isIn", id)), g.node(left+1, g.among("isNotIn", id)))
	}
	threshold := single(t.Thresholds[id])
	return out.add(
		g.node(left, tag("SimplePredicate", "field", g.fields[j], "operator", "lessOrEqual", "value", threshold)),
		g.node(left+1, tag("SimplePredicate", "field", g.fields[j], "operator", "greaterThan", "value", threshold)))
}

func (g *grown) among(operator string, id int32) *element {
	codes := g.sets[id]
	var list strings.Builder
	for i, c := range codes {
		if i > 0 {
			list.WriteByte(' ')
		}
		list.WriteString(strconv.Itoa(int(c)))
	}
	array := tag("Array", "type", "int", "n", strconv.Itoa(len(codes)))
	array.text = list.String()
	return tag("SimpleSetPredicate", "field", g.fields[g.tree.Features[id]], "booleanOperator", operator).add(array)
}
