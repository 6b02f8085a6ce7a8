package split_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
)

// Rows 0 to 599 of sixty patients; each reading comes from a hundred values.
const readings = "SELECT i AS id, i % 60 AS patient, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS at, i % 100 AS reading, CASE WHEN i % 100 > 5 THEN 'x' END AS unit FROM range(600) t(i)"

func crossed(t *testing.T, spec pipeline.Split, key []string, eventTime string) ([]split.Crossing, string) {
	t.Helper()
	b := setup(t, 2)
	dealt, err := b.apply(readings, spec, key, eventTime)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := b.engine.Schema(context.Background(), b.dir+"/in.parquet")
	if err != nil {
		t.Fatal(err)
	}
	found, err := split.Crossings(context.Background(), b.engine, b.paths(), schema, spec, key, eventTime)
	if err != nil {
		t.Fatal(err)
	}
	// Beside the engine's own count.
	for _, c := range found {
		if c.Why != "" {
			continue
		}
		list := `"` + strings.Join(c.Columns, `", "`) + `"`
		p := b.paths()
		row, err := b.engine.QueryRow(context.Background(), fmt.Sprintf(`SELECT count(*), coalesce(sum(a), 0), coalesce(sum(b), 0), coalesce(sum(c), 0) FROM (SELECT count(*) FILTER (p = 0) AS a, count(*) FILTER (p = 1) AS b, count(*) FILTER (p = 2) AS c
			FROM (SELECT %[1]s, 0 AS p FROM read_parquet('%[2]s') UNION ALL SELECT %[1]s, 1 FROM read_parquet('%[3]s') UNION ALL SELECT %[1]s, 2 FROM read_parquet('%[4]s')) GROUP BY %[1]s HAVING min(p) <> max(p))`, list, p.Train, p.Validation, p.Test))
		if err != nil {
			t.Fatal(err)
		}
		if got := []any{c.Shared, c.Rows[0], c.Rows[1], c.Rows[2]}; fmt.Sprint(got) != fmt.Sprint(row) {
			t.Errorf("%s: %v, want %v", c.What, got, row)
		}
	}
	var page bytes.Buffer
	if err := dealt.HTML(&page, found, "Split of p", "here"); err != nil {
		t.Fatal(err)
	}
	return found, page.String()
}

func TestCrossingsTellWhatSplitsShare(t *testing.T) {
	found, page := crossed(t, pipeline.Split{Method: "time", Validation: 0.2, Test: 0.2}, []string{"patient"}, "at")
	key, alike := found[0], found[1]
	if key.What != "key" || key.Shared != 60 || len(key.Examples) != split.MaxCrossingExamples || key.Examples[0].Rows[0] == 0 || len(key.Examples[0].Values) != 1 {
		t.Fatalf("%+v", key)
	}
	if alike.What != "alike" || strings.Join(alike.Columns, " ") != "id reading unit" || alike.Shared != 0 {
		t.Fatalf("%+v", alike)
	}
	if !strings.Contains(page, "60 in more than one split") || !strings.Contains(page, "none is in two splits") {
		t.Fatal(page)
	}

	// Dealt by the key, keys cannot cross; rows alike but for it do.
	found, page = crossed(t, pipeline.Split{Method: "random", Validation: 0.2, Test: 0.2}, []string{"id"}, "at")
	if found[0].Why == "" || found[0].Shared != 0 || found[1].Shared == 0 { // rows 300 apart are alike
		t.Fatalf("%+v", found)
	}
	if !strings.Contains(page, "equal keys are never apart") {
		t.Fatal(page)
	}
	found, _ = crossed(t, pipeline.Split{Method: "grouped", By: []string{"patient"}, Validation: 0.2, Test: 0.2}, []string{"id", "patient"}, "at")
	if found[0].Why != "" || found[0].Shared != 0 || found[1].Shared == 0 || found[1].Examples[0].Values[0] == "" {
		t.Fatalf("%+v", found)
	}
	// A key that holds the event time cannot cross a split by time.
	found, _ = crossed(t, pipeline.Split{Method: "time", Validation: 0.2, Test: 0.2}, []string{"at", "patient"}, "at")
	if found[0].Why == "" {
		t.Fatalf("%+v", found)
	}
}
