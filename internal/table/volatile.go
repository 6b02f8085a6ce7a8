package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// volatileSQL lists what a SELECT calls that may give another answer over the
// same rows: functions the engine knows to be volatile or to depend on the
// moment, the moment as a bare keyword, and samples without a seed. %[1]s is the
// SELECT as a literal.
const volatileSQL = `WITH parsed AS (SELECT json_serialize_sql(%[1]s) AS tree),
called AS (SELECT DISTINCT lower(unnest(json_extract_string(tree, '$..function_name'))) AS name FROM parsed),
named AS (SELECT DISTINCT lower(unnest(json_extract_string(tree, '$..column_names[0]'))) AS name FROM parsed)
SELECT name FROM called JOIN duckdb_functions() ON lower(function_name) = name
WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY') OR name IN ('current_localtime', 'current_localtimestamp', 'current_setting')
UNION
SELECT name FROM named WHERE name IN ('current_date', 'current_time', 'current_timestamp', 'localtime', 'localtimestamp')
UNION
SELECT 'a sample without REPEATABLE' FROM parsed
WHERE len(list_filter(json_extract_string(tree, '$..sample.seed'), s -> s IS NULL OR s = '-1' OR s = '18446744073709551615')) > 0
ORDER BY 1`

// refuseVolatile refuses a SELECT whose result is more than a function of the
// sources: it could not be found again by its inputs, nor reproduced.
func (e *Engine) refuseVolatile(ctx context.Context, sql string) error {
	rows, err := e.query(ctx, fmt.Sprintf(volatileSQL, Literal(sql)))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = fmt.Sprint(row[0])
	}
	return fault.New(fault.QueryInvalid, "dataset.sql uses %s, which may answer differently over the same rows", strings.Join(names, ", ")).
		WithRemedy("make the dataset a function of its sources alone: compare with a time or a hash from a column")
}
