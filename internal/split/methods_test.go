package split_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/split"
	"github.com/esteira-ml/esteira/internal/table"
)

func spec(method string, by ...string) pipeline.Split {
	return pipeline.Split{Method: method, By: by, Validation: 0.2, Test: 0.2, Seed: 11}
}

// part is the split and the row number of "train 12".
func part(where string) string { return strings.Fields(where)[0] }

// TestARowsSplitDependsOnItsKeyAndTheSeedAlone deals random subsets of rows, in
// random orders and by other threads, and compares every row with where it was.
func TestARowsSplitDependsOnItsKeyAndTheSeedAlone(t *testing.T) {
	const rows = "SELECT i AS id, i // 8 AS patient, 'c' || (i // 8 % 3) AS class FROM range(4000) t(i)"
	for _, s := range []pipeline.Split{spec("random"), spec("stratified", "class"), spec("grouped", "patient")} {
		t.Run(s.Method, func(t *testing.T) {
			b := setup(t, 2)
			if _, err := b.apply(rows, s, []string{"id"}, ""); err != nil {
				t.Fatal(err)
			}
			before := b.dealt("id")
			r := rand.New(rand.NewPCG(1, 2))
			for range 5 {
				c := setup(t, 1+r.IntN(8))
				sub := fmt.Sprintf("SELECT *, 'new' AS more FROM (%s) WHERE hash(id + %d) %% 10 < %d ORDER BY hash(id + %d)", rows, r.IntN(1000), 4+r.IntN(6), r.IntN(1000))
				if _, err := c.apply(sub, s, []string{"id"}, ""); err != nil {
					t.Fatal(err)
				}
				for id, where := range c.dealt("id") {
					if before[id] != where {
						t.Fatalf("row %s was %s and is %s", id, before[id], where)
					}
				}
			}
		})
	}
}

func TestNoGroupCrosses(t *testing.T) {
	b := setup(t, 2)
	if _, err := b.apply("SELECT i AS id, i % 500 AS patient FROM range(5000) t(i)", spec("grouped", "patient"), []string{"id"}, ""); err != nil {
		t.Fatal(err)
	}
	found, err := split.FindLeakage(context.Background(), b.engine, b.paths(), pipeline.Schema{{Name: "patient", Type: "number", SQL: "BIGINT"}}, []string{"patient"}, "")
	if err != nil || found.Any() {
		t.Fatal(found, err)
	}
	// Nor in the folds.
	f, err := b.engine.Read(context.Background(), b.paths().Train, []string{"patient", split.RowColumn})
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.FoldsOf(f, 3, 5, spec("grouped", "patient"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fold := range folds {
		held := map[float64]bool{}
		for _, i := range fold.Held {
			held[f.Columns[0].Numbers[i]] = true
		}
		for _, i := range fold.Train {
			if held[f.Columns[0].Numbers[i]] {
				t.Fatal("a group is both held and learnt from")
			}
		}
	}
}

// TestEachStratumIsDealtByItself has each key in two strata: by the random method the
// two rows are always together, by the stratified one as often as chance has it,
// 0.6² + 0.2² + 0.2² of the keys. Within a stratum the shares are those of a binomial.
func TestEachStratumIsDealtByItself(t *testing.T) {
	const rows = "SELECT i // 2 AS id, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END AS class FROM range(20000) t(i)"
	together := func(method string, by ...string) float64 {
		b := setup(t, 2)
		if _, err := b.apply(rows, spec(method, by...), []string{"id"}, ""); err != nil {
			t.Fatal(err)
		}
		parts := fmt.Sprintf("(SELECT id, class, 0 AS s FROM %s UNION ALL SELECT id, class, 1 FROM %s UNION ALL SELECT id, class, 2 FROM %s)", table.Scan(b.paths().Train), table.Scan(b.paths().Validation), table.Scan(b.paths().Test))
		row, err := b.engine.QueryRow(context.Background(), "SELECT avg(CASE WHEN n = 1 THEN 1.0 ELSE 0 END) FROM (SELECT count(DISTINCT s) AS n FROM "+parts+" GROUP BY id)")
		if err != nil {
			t.Fatal(err)
		}
		shares, err := b.engine.Query(context.Background(), "SELECT avg(CASE WHEN s = 2 THEN 1.0 ELSE 0 END), avg(CASE WHEN s = 1 THEN 1.0 ELSE 0 END) FROM "+parts+" GROUP BY class")
		if err != nil || len(shares) != 2 {
			t.Fatal(shares, err)
		}
		for _, r := range shares { // five standard deviations at 10,000 rows
			if test, validation := r[0].(float64), r[1].(float64); test < 0.18 || test > 0.22 || validation < 0.18 || validation > 0.22 {
				t.Errorf("%s: %v", method, r)
			}
		}
		return row[0].(float64)
	}
	if share := together("random"); share != 1 {
		t.Errorf("random: the rows of a key are together in %v of the keys", share)
	}
	if share := together("stratified", "class"); share < 0.415 || share > 0.465 {
		t.Errorf("stratified: the rows of a key are together in %v of the keys", share)
	}
}

func TestAStratumThatAPartLacksIsTold(t *testing.T) {
	b := setup(t, 2)
	got, err := b.apply("SELECT i AS id, CASE WHEN i < 2 THEN 'rare' WHEN i < 1000 THEN 'some' WHEN i < 2000 THEN NULL ELSE 'most' END AS class FROM range(6000) t(i)", spec("stratified", "class"), []string{"id"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s := got.Strata
	if s == nil || s.Count != 4 || s.Lacking != 1 || len(s.Rarest) != 4 || s.Rarest[0].Values[0] != "rare" || s.Rarest[2].Values[0] != "" || s.Rarest[3].Values[0] != "most" {
		t.Fatalf("%+v", s)
	}
	var sum split.Stratum
	for _, one := range s.Rarest {
		for i, n := range one.Rows {
			sum.Rows[i] += n
		}
	}
	if sum.Rows != [3]int64{got.Train.Rows, got.Validation.Rows, got.Test.Rows} {
		t.Fatalf("%v of %+v", sum, got)
	}
	var page strings.Builder
	if err := got.HTML(&page, nil, "Split of p", "here"); err != nil {
		t.Fatal(err)
	}
	if text := page.String(); !strings.Contains(text, "A split has no row of some strata") || !strings.Contains(text, "1 of 4") || !strings.Contains(text, "rare") {
		t.Fatal(text)
	}
	if got, err := b.apply("SELECT i AS id FROM range(6000) t(i)", spec("random"), []string{"id"}, ""); err != nil || got.Strata != nil {
		t.Fatal(got, err)
	}
}

func TestNoTimeCrossesAndTheGapIsEmpty(t *testing.T) {
	b := setup(t, 2)
	s := spec("time")
	s.Gap = "6h"
	got, err := b.apply("SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i * 7919 % 1000) HOUR AS at FROM range(1000) t(i)", s, []string{"id"}, "at")
	if err != nil {
		t.Fatal(err)
	}
	if got.Left != 12 || got.Train.Rows != 594 || got.Validation.Rows != 194 || got.Test.Rows != 200 {
		t.Fatalf("%+v", got)
	}
	schema := pipeline.Schema{{Name: "id", Type: "number", SQL: "BIGINT"}, {Name: "at", Type: "time", SQL: "TIMESTAMP"}}
	found, err := split.FindLeakage(context.Background(), b.engine, b.paths(), schema, []string{"id"}, "at")
	if err != nil || found.Any() || found.Observed() != "none found" {
		t.Fatal(found, err)
	}
	f, err := b.engine.Read(context.Background(), b.paths().Train, []string{"at", split.RowColumn})
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.FoldsOf(f, 4, 0, s)
	if err != nil {
		t.Fatal(err)
	}
	for h, fold := range folds {
		latest, earliest := int64(0), int64(1)<<62
		for _, i := range fold.Train {
			latest = max(latest, f.Columns[0].Times[i])
		}
		for _, i := range fold.Held {
			earliest = min(earliest, f.Columns[0].Times[i])
		}
		if time.Duration(earliest-latest)*time.Microsecond <= 6*time.Hour || len(fold.Held) < 100 {
			t.Fatalf("fold %d learns from %d and is held from %d on", h, latest, earliest)
		}
	}
	s.Gap = "90d"
	if _, err := b.apply("SELECT i AS id, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS at FROM range(1000) t(i)", s, []string{"id"}, "at"); fault.KindOf(err) != fault.DatasetEmpty {
		t.Fatal(err)
	}
	if _, err := b.apply("SELECT i AS id, i AS at FROM range(1000) t(i)", s, []string{"id"}, "at"); fault.KindOf(err) != fault.TypeMismatch {
		t.Fatal(err)
	}
}

func TestAColumnSaysWhereRowsGo(t *testing.T) {
	b := setup(t, 2)
	s := pipeline.Split{Method: "column", By: []string{"year"}, Values: &pipeline.SplitValues{Train: []string{"2001", "2002"}, Validation: []string{"2003"}, Test: []string{"2004"}}}
	got, err := b.apply("SELECT i AS id, CASE WHEN i % 10 > 0 THEN 2000 + i % 6 END AS year FROM range(600) t(i)", s, []string{"id"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got.Train.Rows+got.Validation.Rows+got.Test.Rows+got.Left != 600 || got.Left == 0 || got.Method != "column" {
		t.Fatalf("%+v", got)
	}
	for year, where := range b.dealt("year") {
		if want := map[string]string{"2001": "train", "2002": "train", "2003": "validation", "2004": "test"}[year]; part(where) != want {
			t.Errorf("%s went to %s", year, where)
		}
	}
	s.Values.Test = []string{"2044"}
	if _, err := b.apply("SELECT i AS id, 2000 + i % 6 AS year FROM range(600) t(i)", s, nil, ""); fault.KindOf(err) != fault.DatasetEmpty || !strings.Contains(err.Error(), "year") {
		t.Fatal(err)
	}
}

func TestLeakageIsFound(t *testing.T) {
	b := setup(t, 2)
	if _, err := b.apply("SELECT i AS id, i % 100 AS patient, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS at FROM range(2000) t(i)", spec("random"), []string{"id"}, ""); err != nil {
		t.Fatal(err)
	}
	schema := pipeline.Schema{{Name: "id", Type: "number", SQL: "BIGINT"}, {Name: "patient", Type: "number", SQL: "BIGINT"}, {Name: "at", Type: "time", SQL: "TIMESTAMP"}}
	found, err := split.FindLeakage(context.Background(), b.engine, b.paths(), schema, []string{"patient"}, "at")
	if err != nil || found.Shared != 100 || found.Rows != 2000 || found.Future == 0 || !strings.Contains(found.Observed(), "100 values in two splits") {
		t.Fatal(found, err)
	}
	if found, err := split.FindLeakage(context.Background(), b.engine, b.paths(), schema, []string{"id"}, ""); err != nil || found.Any() {
		t.Fatal(found, err)
	}
	if _, err := split.FindLeakage(context.Background(), b.engine, b.paths(), schema, []string{"no"}, ""); fault.KindOf(err) != fault.ColumnMissing {
		t.Fatal(err)
	}
}

func TestMethodsRefuse(t *testing.T) {
	b := setup(t, 1)
	for name, s := range map[string]pipeline.Split{"by nothing": spec("grouped"), "by no column": spec("stratified", "no"), "unknown": spec("sorted"), "column without values": {Method: "column", By: []string{"id"}}} {
		if _, err := b.apply("SELECT i AS id FROM range(100) t(i)", s, nil, ""); err == nil || err.(*fault.Error).Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := &frame.Frame{Rows: 3, Columns: []frame.Column{{Name: split.RowColumn, Numbers: []float64{1, 1, 1}}}}
	if _, err := split.TimeFolds(f, 2, 0); fault.KindOf(err) != fault.DatasetEmpty {
		t.Error(err)
	}
	if _, err := split.TimeFolds(f, 1, 0); fault.KindOf(err) != fault.PipelineInvalid {
		t.Error(err)
	}
	folds, err := split.TimeFolds(&frame.Frame{Rows: 6, Columns: []frame.Column{{Name: split.RowColumn, Numbers: []float64{6, 5, 4, 3, 2, 1}}}}, 2, 0)
	if err != nil || !slices.Equal(folds[0].Held, []int32{2, 3}) || !slices.Equal(folds[1].Train, []int32{2, 3, 4, 5}) {
		t.Errorf("%+v %v", folds, err)
	}
}
