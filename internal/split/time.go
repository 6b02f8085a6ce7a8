package split

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

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
	switch c.FrameKind() {
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
	moments, err := momentsAt(ctx, e, *c, fmt.Sprintf("SELECT %s FROM %s", t, table.Scan(in)), []int64{min(validation, n-1), min(test, n-1), n - 1})
	if err != nil {
		return none, err
	}
	from, to, last := moments[0], moments[1], moments[2]
	if test == n { // a share that rounds to no row
		return none, fault.New(fault.DatasetEmpty, "the test split is empty: a share of %.4g of %d rows", spec.Test, n).WithRemedy("collect more rows, or raise its share (the last event time is %s)", last)
	}
	result.ValidationFrom, result.TestFrom = from, to
	gap, err := gapOf(spec, *c)
	if err != nil {
		return none, err
	}
	typed := func(text string) string {
		if c.FrameKind() == frame.Number {
			return table.Literal(text) + "::DOUBLE"
		}
		return table.Literal(text) + "::TIMESTAMP"
	}
	return [3]string{
		fmt.Sprintf("%s < %s%s", t, typed(from), gap),
		fmt.Sprintf("%[1]s >= %[2]s AND %[1]s < %[3]s%[4]s", t, typed(from), typed(to), gap),
		fmt.Sprintf("%s >= %s", t, typed(to)),
	}, nil
}

// momentsAt are the event times at some places of their ascending order, as text.
func momentsAt(ctx context.Context, e *table.Engine, c pipeline.Column, sql string, places []int64) ([]string, error) {
	ranks := func(int64) []int64 { return places }
	var typed []string
	if c.FrameKind() == frame.Number {
		numbers, err := table.Ranked[float64](ctx, e, sql, ranks)
		if err != nil {
			return nil, err
		}
		for _, x := range numbers {
			typed = append(typed, table.Literal(strconv.FormatFloat(x, 'g', -1, 64))+"::DOUBLE")
		}
	} else {
		times, err := table.Ranked[int64](ctx, e, sql, ranks)
		if err != nil {
			return nil, err
		}
		for _, t := range times {
			typed = append(typed, fmt.Sprintf("make_timestamp(%d)", t))
		}
	}
	row, err := e.QueryRow(ctx, "SELECT CAST("+strings.Join(typed, " AS VARCHAR), CAST(")+" AS VARCHAR)")
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(row))
	for i, text := range row {
		texts[i] = text.(string)
	}
	return texts, nil
}

// gapOf is SQL to take the gap from a boundary, or "".
func gapOf(spec pipeline.Split, c pipeline.Column) (string, error) {
	if spec.Gap == "" {
		return "", nil
	}
	gap, err := pipeline.ParseDuration(spec.Gap)
	switch {
	case err != nil || gap < 0:
		return "", fault.New(fault.PipelineInvalid, "split.gap is %q", spec.Gap).WithRemedy("write a duration such as 24h or 7d")
	case c.FrameKind() != frame.Time:
		return "", fault.New(fault.TypeMismatch, "split.gap needs a time, and %q is a number (%s)", c.Name, c.SQL).WithRemedy("cast it to a timestamp in dataset.sql, or remove the gap")
	}
	return fmt.Sprintf(" - to_microseconds(%d)", gap.Microseconds()), nil
}

// rowNumber is the SQL of RowColumn: bits of the hash, or, where rows are dealt by
// time, the moment itself, so that folds follow it too.
func rowNumber(schema pipeline.Schema, spec pipeline.Split, eventTime string) string {
	if spec.Method != "time" {
		return "CAST(" + hash + " & 9007199254740991::UHUGEINT AS DOUBLE)"
	}
	t := table.Ident(eventTime)
	if c := schema.Column(eventTime); c != nil && c.FrameKind() == frame.Number {
		return "CAST(dense_rank() OVER (ORDER BY CAST(" + t + " AS DOUBLE)) AS DOUBLE)"
	}
	// Microseconds from 1827 to 2112 are whole numbers that a double holds.
	return fmt.Sprintf("CAST(greatest(0, least(%d, epoch_us(CAST(%s AS TIMESTAMP)) + %d)) AS DOUBLE)", 1<<53-1, t, int64(1)<<52)
}
