package split

import (
	"context"
	"fmt"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// byTime finds the two moments. With n rows in order of event time, counted from
// 0, test starts at the moment of row n − round(n·test) and validation at that
// of the row round(n·validation) before; all rows of a moment go with it.
func byTime(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, spec pipeline.Split, eventTime string, result *Result) ([3]string, error) {
	none := [3]string{}
	if eventTime == "" {
		return none, fault.New(fault.PipelineInvalid, "split by time needs dataset.event_time").WithRemedy("name the column that says when a row was known, or split at random")
	}
	c := schema.Column(eventTime)
	if c == nil {
		return none, table.MissingColumn(eventTime, schema, "dataset.event_time")
	}
	t := table.Ident(c.Name)
	switch kindOf(*c) {
	case frame.Time:
		t = "CAST(" + t + " AS TIMESTAMP)"
	case frame.Number:
		t = "CAST(" + t + " AS DOUBLE)"
	default:
		return none, fault.New(fault.TypeMismatch, "dataset.event_time %q is text (%s)", c.Name, c.SQL).WithRemedy("cast it to a timestamp in dataset.sql")
	}
	row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT count(*), count(*) FILTER (isfinite(%s)) FROM %s", t, table.Scan(in)))
	if err != nil {
		return none, err
	}
	n, known := row[0].(int64), row[1].(int64)
	if n == 0 {
		return none, fault.New(fault.DatasetEmpty, "there are no rows to split").WithRemedy("check the sources and the dataset's SQL")
	}
	if known < n {
		return none, fault.New(fault.DataContractViolation, "dataset.event_time %q is missing or infinite in %d of %d rows", c.Name, n-known, n).
			WithRemedy("add a rule not_null with on_fail: quarantine for it, or split at random")
	}
	test := n - int64(math.Round(float64(n)*spec.Test))
	validation := max(0, test-int64(math.Round(float64(n)*spec.Validation)))
	row, err = e.QueryRow(ctx, fmt.Sprintf(`WITH moments AS (SELECT %s AS t, count(*) AS n FROM %s GROUP BY t),
		counted AS (SELECT t, sum(n) OVER (ORDER BY t) AS upto FROM moments)
		SELECT CAST(min(t) FILTER (upto > %d) AS VARCHAR), CAST(min(t) FILTER (upto > %d) AS VARCHAR), CAST(max(t) AS VARCHAR) FROM counted`,
		t, table.Scan(in), validation, test))
	if err != nil {
		return none, err
	}
	last, _ := row[2].(string)
	from, ok1 := row[0].(string)
	to, ok2 := row[1].(string)
	if !ok1 || !ok2 { // a share that rounds to no row
		return none, fault.New(fault.DatasetEmpty, "the test split is empty: a share of %.4g of %d rows", spec.Test, n).WithRemedy("collect more rows, or raise its share (the last event time is %s)", last)
	}
	result.ValidationFrom, result.TestFrom = from, to
	typed := func(text string) string {
		if kindOf(*c) == frame.Number {
			return table.Literal(text) + "::DOUBLE"
		}
		return table.Literal(text) + "::TIMESTAMP"
	}
	return [3]string{
		fmt.Sprintf("%s < %s", t, typed(from)),
		fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s", t, typed(from), typed(to)),
		fmt.Sprintf("%s >= %s", t, typed(to)),
	}, nil
}
