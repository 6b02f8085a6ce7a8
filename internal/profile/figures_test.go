package profile_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
)

func TestTheDeviationOfAnEvenNumberIsBetweenTwo(t *testing.T) {
	// scipy.stats.median_abs_deviation([4, 5, 5, 5, 6, 100]) = 0.5: 0.6745·95 / 0.5 is far beyond 3.5.
	n := must(t, "SELECT unnest([4, 5, 5, 5, 6, 100])::DOUBLE AS x", "", "").Columns[0].Number
	if n.Outliers.RobustZ != 1 {
		t.Fatalf("%+v", n.Outliers)
	}
}

func TestWholeNumbersThatNoDoubleTellsApart(t *testing.T) {
	p := must(t, "SELECT 1700000000000000000 + i AS id, i AS n, i % 2 AS y FROM range(1000) t(i)", "y", pipeline.Binary)
	if id := p.Columns[0]; id.Type != "text" || id.SQL != "BIGINT" || id.Distinct != 1000 || id.Top[0] != (profile.Value{Value: "1700000000000000000", Count: 1}) {
		t.Fatalf("%+v", id)
	}
	if n := p.Columns[1]; n.Type != "number" || n.Distinct != 1000 {
		t.Fatalf("%+v", n)
	}
	if said := warned(p); said["identifier id"] == "" || said["number_as_text id"] != "" {
		t.Fatal(said)
	}
}

// Every column is held against the target, though no more than thirty are held against
// each other, whether what was read is kept or read again.
func TestAColumnBeyondTheMatrixIsASuspect(t *testing.T) {
	sql := "SELECT i % 2 AS y"
	for k := range 39 {
		x := fmt.Sprintf("(hash(i, %d) %% 1000) / 10.0 + 1", k)
		if k == 38 { // tells the class by its size, and nothing by its sign
			x = "(CASE WHEN hash(i, 99) % 2 = 0 THEN 1 ELSE -1 END) * (CASE WHEN i % 2 = 0 THEN 1 ELSE 60 END + (hash(i, 38) % 1000) / 100.0)"
		}
		sql += fmt.Sprintf(", %s AS x%d", x, k)
	}
	for k, kind := range []string{"'a' || i % 2", "'b' || hash(i) % 7"} {
		sql += fmt.Sprintf(", %s AS t%d", kind, k)
	}
	p := must(t, sql+" FROM range(3000) t(i)", "y", pipeline.Binary)
	if len(p.Matrix.Columns) != 30 || p.Matrix.Of != 42 {
		t.Fatal(len(p.Matrix.Columns), p.Matrix.Of)
	}
	for i := 1; i < len(p.Columns); i++ {
		if c := p.Columns[i]; c.Information == nil || c.Power == nil {
			t.Errorf("nothing is told of %s", c.Name)
		}
	}
	x, text, noise := p.Column("x38"), p.Column("t0"), p.Column("x37")
	if x.Information.Share < 0.7 || x.Power.Value < 0.99 || text.Information.Share != 1 || noise.Information.Share > 0.1 || noise.Power.Value > 0.2 {
		t.Fatalf("%+v %+v %+v %+v %+v", x.Information, x.Power, text.Information, noise.Information, noise.Power)
	}
	if said := warned(p); said["leakage_suspect x38"] == "" || said["leakage_suspect x37"] != "" {
		t.Fatal(said)
	}
	if page := html(t, p); !strings.Contains(page, "of 30 of 42 columns") {
		t.Fatal("the page does not say that columns are left out")
	}
}

// The same column tells as much whether it is one of thirty or beyond them.
func TestWhatIsToldDependsOnNoOtherColumn(t *testing.T) {
	told := func(more int) string {
		sql := "SELECT i % 3 AS y"
		for k := range more {
			sql += fmt.Sprintf(", hash(i, %d) %% 100 AS x%d", k, k)
		}
		p := must(t, sql+", CASE WHEN i % 11 > 0 THEN i % 3 * 10 + hash(i) % 15 END AS last, 'b' || (i % 3 + hash(i) % 2) AS text FROM range(2000) t(i)", "y", pipeline.Multiclass)
		for _, name := range []string{"last", "text"} { // the halves are dealt by all that rows hold
			if power := p.Column(name).Power; power == nil || power.Value < 0.5 || power.Value > 0.62 {
				t.Fatalf("%s: %+v", name, power)
			}
		}
		text, err := json.Marshal([]any{p.Column("last").Information, p.Column("text").Information})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if within, beyond := told(2), told(60); within != beyond || strings.Contains(within, "null") {
		t.Fatal(within, beyond)
	}
}

func TestRowsWithoutATargetTellNothingOfIt(t *testing.T) {
	// x is noise where there is a class, and missing where there is none.
	p := must(t, "SELECT CASE WHEN i % 2 = 0 THEN hash(i) % 10 END AS x, CASE WHEN i % 2 = 0 THEN 'c' || hash(i, 1) % 2 END AS y FROM range(4000) t(i)", "y", pipeline.Binary)
	if i := p.Columns[0].Information; i == nil || i.Share > 0.02 {
		t.Fatalf("%+v", i)
	}
	// c is of the one row without a class alone: V is of two texts and two classes.
	p = must(t, "SELECT CASE WHEN i = 0 THEN 'c' WHEN hash(i) % 10 < 9 THEN 'a' || i % 2 ELSE 'a' || (i + 1) % 2 END AS s, CASE WHEN i > 0 THEN 'y' || i % 2 END AS y FROM range(1000) t(i)", "y", pipeline.Binary)
	a, m := p.Columns[0].Association, p.Matrix.Association[0][1]
	if a == nil || m == nil || math.Abs(a.Value-*m) > 1e-9 || a.Value < 0.7 {
		t.Fatalf("%+v %v", a, *m)
	}
}

func TestPatternsOfTooManyColumnsSayOfWhich(t *testing.T) {
	sql := "SELECT CASE WHEN i % 40 > 0 THEN 1 END AS least"
	for k := range 61 {
		sql += fmt.Sprintf(", CASE WHEN i %% 4 > 0 THEN 1 END AS x%d", k)
	}
	p := must(t, sql+" FROM range(400) t(i)", "", "")
	if p.MissingnessOf != 60 || len(p.Missingness) != 2 || p.Missingness[0].Columns == nil || len(p.Missingness[0].Columns) != 0 || p.Missingness[0].Rows != 300 {
		t.Fatal(p.MissingnessOf, p.Missingness)
	}
	if page := html(t, p); !strings.Contains(page, "none of these columns") || !strings.Contains(page, "of the 60 columns with the most") {
		t.Fatal("the page does not say that columns are left out")
	}
	if p := must(t, "SELECT CASE WHEN i > 0 THEN 1 END AS x FROM range(9) t(i)", "", ""); p.MissingnessOf != 0 {
		t.Fatal(p.MissingnessOf)
	}
}

func TestTheMostAlikePairsAreToldFirst(t *testing.T) {
	// Each column is the number and some noise, less the later it is.
	sql := "SELECT 0 AS none"
	for k := range 8 {
		sql += fmt.Sprintf(", i + (hash(i, %d) %% 100) * %f AS x%d", k, 0.2*float64(8-k), k)
	}
	p := must(t, sql+" FROM range(1000) t(i)", "", "")
	var last string
	told := 0
	for _, w := range p.Warnings {
		if w.Kind == "alike" {
			told++
			last = w.Column + " " + w.Text
			if told == 1 && (w.Column != "x7" || !strings.Contains(w.Text, "as x6 ")) {
				t.Fatal(last)
			}
		}
	}
	if told != 10 {
		t.Fatal(told, last)
	}
}

func html(t *testing.T, p *profile.Profile) string {
	t.Helper()
	var page strings.Builder
	if err := p.HTML(&page, "title", "footer"); err != nil {
		t.Fatal(err)
	}
	return page.String()
}
