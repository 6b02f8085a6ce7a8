package table_test

import (
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

func TestADatasetIsAFunctionOfItsSources(t *testing.T) {
	e, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	schemas := map[string]pipeline.Schema{"t": {{Name: "x", Type: "number", SQL: "DOUBLE"}, {Name: "seen", Type: "time", SQL: "TIMESTAMP"}, {Name: "current_speed", Type: "number", SQL: "DOUBLE"}}}
	for sql, named := range map[string]string{
		"SELECT x FROM t WHERE seen > now() - INTERVAL 90 DAY":                  "now",
		"SELECT x, random() AS r FROM t":                                        "random",
		"SELECT x FROM (SELECT x, uuid() AS u FROM t) ORDER BY u":               "uuid",
		"WITH a AS (SELECT x FROM t WHERE seen < CURRENT_DATE) SELECT * FROM a": "current_date",
		"SELECT x FROM t WHERE seen < CURRENT_TIMESTAMP":                        "current_timestamp",
		"SELECT x FROM t WHERE seen < today()":                                  "today",
		"SELECT x FROM t USING SAMPLE 10 PERCENT (bernoulli)":                   "sample",
		"SELECT x FROM t TABLESAMPLE 10%":                                       "sample",
	} {
		_, err := e.BindQuery(t.Context(), schemas, sql)
		if fault.KindOf(err) != fault.QueryInvalid || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"SELECT x, current_speed, md5(x::VARCHAR) AS h, row_number() OVER (ORDER BY x) AS n FROM t WHERE seen < TIMESTAMP '2026-01-01'",
		"SELECT avg(x) AS x, date_trunc('day', seen) AS day FROM t GROUP BY ALL",
	} {
		if _, err := e.BindQuery(t.Context(), schemas, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
