package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxExampleColumns and maxExampleText bound what an example shows.
const (
	maxExampleColumns = 50
	maxExampleText    = 200
)

// examples fetches the rows at the given positions, all in one query.
func examples(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, places [][]int64, result *Result) error {
	shown := schema[:min(maxExampleColumns, len(schema))]
	result.Columns = []string{}
	selected := []string{table.RowNumber}
	for _, c := range shown {
		result.Columns = append(result.Columns, c.Name)
		selected = append(selected, fmt.Sprintf("left(CAST(%s AS VARCHAR), %d)", table.Ident(c.Name), maxExampleText))
	}
	all := slices.Concat(places...)
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	var wanted []string
	for _, p := range slices.Compact(all) {
		wanted = append(wanted, fmt.Sprint(p))
	}
	rows, err := e.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s IN (%s)", strings.Join(selected, ", "), table.Scan(in), table.RowNumber, strings.Join(wanted, ", ")))
	if err != nil {
		return err
	}
	byPlace := map[int64][]*string{}
	for _, r := range rows {
		values := make([]*string, len(r)-1)
		for j, v := range r[1:] {
			if text, ok := v.(string); ok {
				values[j] = &text
			}
		}
		byPlace[r[0].(int64)] = values
	}
	for i, list := range places {
		for _, p := range list {
			result.Rules[i].Examples = append(result.Rules[i].Examples, Example{Row: p, Values: byPlace[p]})
		}
	}
	return nil
}

// quarantine parts the rows if a rule of that severity caught any.
func quarantine(ctx context.Context, e *table.Engine, in string, checks []check, result *Result, out Outputs) error {
	result.Valid = result.Rows
	position, caught := table.ReservedPrefix+"position", table.ReservedPrefix+"caught"
	var names []string
	for i, c := range checks {
		if c.rule.OnFail != pipeline.Quarantine || result.Rules[i].Failed == 0 {
			continue
		}
		fails := c.fails
		if fails == "" {
			fails = c.repeated(table.RowNumber)
		}
		names = append(names, fmt.Sprintf("CASE WHEN %s THEN %s END", fails, table.Literal(c.text)))
	}
	if len(names) == 0 {
		return nil
	}
	rows := fmt.Sprintf("(SELECT *, %s AS %s, nullif(concat_ws('; ', %s), '') AS %s FROM %s)", table.RowNumber, position, strings.Join(names, ", "), caught, table.Scan(in))
	info, err := e.Write(ctx, fmt.Sprintf("SELECT * EXCLUDE (%[1]s, %[2]s) FROM %[3]s WHERE %[2]s IS NULL ORDER BY %[1]s", position, caught, rows), out.Valid)
	if err != nil {
		return err
	}
	result.Valid = info.Rows
	info, err = e.Write(ctx, fmt.Sprintf("SELECT * EXCLUDE (%[1]s, %[2]s), %[2]s AS %[4]s FROM %[3]s WHERE %[2]s IS NOT NULL ORDER BY %[1]s", position, caught, rows, RulesColumn), out.Quarantined)
	result.Quarantined = info.Rows
	return err
}
