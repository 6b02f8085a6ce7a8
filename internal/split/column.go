package split

import (
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// byColumn lets the values of a column say where each row goes.
func byColumn(schema pipeline.Schema, spec pipeline.Split) ([3]string, error) {
	if len(spec.By) != 1 || spec.Values == nil {
		return [3]string{}, fault.New(fault.PipelineInvalid, "a split by column needs one column and its values").WithRemedy("add by: [COLUMN] and values")
	}
	c := schema.Column(spec.By[0])
	if c == nil {
		return [3]string{}, table.MissingColumn(spec.By[0], schema, "split.by")
	}
	var where [3]string
	for i, values := range [][]string{spec.Values.Train, spec.Values.Validation, spec.Values.Test} {
		accepted := make([]string, len(values))
		for k, v := range values {
			accepted[k] = table.Literal(v)
		}
		where[i] = fmt.Sprintf("CAST(%s AS VARCHAR) IN (%s)", table.Ident(c.Name), strings.Join(append(accepted, "NULL"), ", "))
	}
	return where, nil
}
