package profile_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
)

func explore(t *testing.T, sql string, o profile.Options) *profile.Profile {
	t.Helper()
	p, err := computed(t, 2, sql, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func warned(p *profile.Profile) map[string]string {
	out := map[string]string{}
	for _, w := range p.Warnings {
		out[strings.TrimSpace(w.Kind+" "+w.Column)] = w.Text
	}
	return out
}

func TestSkewAndOutliers(t *testing.T) {
	// pandas.Series([1, 2, 2, 3, 3, 3, 4, 4, 100]).skew() = 2.9948; quartiles 2 and 4, fences −1 and 7; MAD 1.
	n := must(t, "SELECT unnest([1, 2, 2, 3, 3, 3, 4, 4, 100, NULL])::DOUBLE AS x", "", "").Columns[0].Number
	if n.Outliers.IQR != 1 || n.Outliers.Low != -1 || n.Outliers.High != 7 || n.Outliers.RobustZ != 1 {
		t.Fatalf("%+v", n.Outliers)
	}
	if n.Skew == nil || math.Abs(*n.Skew-2.9948337190) > 1e-9 {
		t.Fatal(*n.Skew)
	}
	n = must(t, "SELECT unnest([-1, 0, 0, 0, 0, 1])::BIGINT AS x", "", "").Columns[0].Number
	if n.Negative != 1 || n.Outliers.RobustZ != 0 || n.Outliers.IQR != 2 || *n.Skew != 0 {
		t.Fatalf("%+v %+v", n, n.Outliers)
	}
}

func TestTextsAndTheirLengths(t *testing.T) {
	x := must(t, "SELECT unnest(['a', 'a', ' bcd', '  ', '12', NULL]) AS s", "", "").Columns[0].Text
	if *x != (profile.Text{MinLength: 1, MaxLength: 4, MeanLength: 2, Empty: 1, Padded: 1, Numeric: 1}) {
		t.Fatalf("%+v", x)
	}
}

func TestDatesCoverageAndGaps(t *testing.T) {
	c := must(t, "SELECT TIMESTAMP '2024-01-01 12:00:00' + INTERVAL (i + CASE WHEN i > 5 THEN 20 ELSE 0 END) DAY AS t FROM range(10) t(i)", "", "")
	v := c.Columns[0].Time.Coverage
	if v.Days != 10 || v.SpanDays != 30 || v.GapHours != 21*24 || v.GapFrom != "2024-01-06T12:00:00Z" || v.GapTo != "2024-01-27T12:00:00Z" {
		t.Fatalf("%+v", v)
	}
	if warned(c)["time_gap t"] == "" {
		t.Fatal("the gap is not told of")
	}
}

func TestDuplicatesAndMissingnessPatterns(t *testing.T) {
	p := explore(t, `SELECT i % 90 AS id, CASE WHEN i % 90 < 30 THEN NULL ELSE i % 90 END AS a, CASE WHEN i % 90 < 30 THEN 'nan'::DOUBLE ELSE 1.5 END AS b,
		CASE WHEN i % 90 = 50 THEN NULL ELSE 'x' END AS c FROM range(100) t(i)`, profile.Options{Key: []string{"id"}, Split: "time"})
	if p.DuplicateRows != 10 || *p.RepeatedKeys != 10 {
		t.Fatal(p.DuplicateRows, *p.RepeatedKeys)
	}
	want := []profile.Pattern{{Columns: []string{}, Rows: 59}, {Columns: []string{"a", "b"}, Rows: 40}, {Columns: []string{"c"}, Rows: 1}}
	got, _ := json.Marshal(p.Missingness)
	expected, _ := json.Marshal(want)
	if string(got) != string(expected) {
		t.Fatal(string(got))
	}
	if w := warned(p); w["duplicate_rows"] == "" || w["shared_key"] == "" {
		t.Fatal(w)
	}
}

func TestMatrix(t *testing.T) {
	// By the formulas, in Python, over x = 1..6 and the lists below.
	p := must(t, `SELECT unnest([1, 2, 3, 4, 5, 6])::DOUBLE AS x, unnest([1, 4, 9, 16, 25, 36])::DOUBLE AS square, unnest([2, 1, 2, NULL, 4, 4])::DOUBLE AS y,
		unnest(['a', 'a', 'a', 'b', 'b', 'b']) AS g, unnest(['u', 'u', 'v', 'v', 'v', 'v']) AS h`, "x", pipeline.Regression)
	m := p.Matrix
	at := func(names []string, cells [][]*float64, a, b string) float64 {
		for i := range names {
			for j := range names {
				if names[i] == a && names[j] == b && cells[i][j] != nil {
					return *cells[i][j]
				}
			}
		}
		return math.NaN()
	}
	for name, c := range map[string][2]float64{
		"pearson":           {at(m.Numbers, m.Pearson, "x", "square"), 0.9789172637},
		"spearman":          {at(m.Numbers, m.Spearman, "square", "x"), 1},
		"spearman, ties":    {at(m.Numbers, m.Spearman, "x", "y"), 0.7905694150}, // over five pairs
		"cramer":            {at(m.Columns, m.Association, "g", "h"), 0.7071067812},
		"correlation ratio": {at(m.Columns, m.Association, "x", "g"), 0.8783100657},
	} {
		if math.Abs(c[0]-c[1]) > 1e-9 {
			t.Errorf("%s is %.10f, want %.10f", name, c[0], c[1])
		}
	}
	if m.Rows != 6 || m.Columns[0] != "x" {
		t.Fatalf("%+v", m)
	}
}

func TestInformationTellsWhatCorrelationDoesNot(t *testing.T) {
	p := explore(t, "SELECT (i % 19 - 9) * (i % 19 - 9) AS y, i % 19 - 9 AS x, i * 7919 % 13 AS noise FROM range(4200) t(i)", profile.Options{Target: "y", Task: pipeline.Regression})
	x, noise := p.Column("x"), p.Column("noise")
	if math.Abs(x.Association.Value) > 0.01 || x.Information.Share < 0.999 || noise.Information.Share > 0.05 {
		t.Fatalf("%+v %+v %+v", x.Association, x.Information, noise.Information)
	}
	if warned(p)["leakage_suspect x"] == "" {
		t.Fatal("a column that alone tells the target is no suspect")
	}
	// Two fair classes that a column tells without fail: ln 2 nats.
	q := explore(t, "SELECT i % 2 = 0 AS y, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END AS x FROM range(1000) t(i)", profile.Options{Target: "y", Task: pipeline.Binary})
	if i := q.Column("x").Information; math.Abs(i.Nats-math.Ln2) > 1e-9 || i.Share != 1 {
		t.Fatalf("%+v", i)
	}
}

// The delay of which the classes are made has a moderate correlation ratio, and the
// tenths of it that information is told by hide where it is cut.
func TestAColumnThatAlonePredictsTheTargetIsASuspect(t *testing.T) {
	const rows = "SELECT (i * 7919 % 1009 - 300) ** 3 / 1e4 AS delay, CASE WHEN delay > 37 THEN 'late' ELSE 'on time' END AS arrival, i * 31 % 997 + CASE WHEN delay > 37 THEN 300 ELSE 0 END AS rain, 'f' || i AS flight FROM range(6000) t(i)"
	p := explore(t, rows, profile.Options{Target: "arrival", Task: pipeline.Binary})
	delay := p.Column("delay")
	if delay.Association.Value > 0.9 || delay.Information.Share > 0.95 || delay.Power.Measure != "errors" || delay.Power.Value < 0.98 {
		t.Fatalf("%+v %+v %+v", delay.Association, delay.Information, delay.Power)
	}
	if first := p.Warnings[0]; first.Kind != "leakage_suspect" || first.Column != "delay" || first.Level != "bad" || !strings.Contains(first.Text, "of the errors in rows it has not seen") {
		t.Fatalf("%+v", p.Warnings)
	}
	// A number that bears on the target, and a name of each row, do not.
	if w := warned(p); w["leakage_suspect rain"] != "" || w["leakage_suspect flight"] != "" || p.Column("rain").Power.Value > 0.8 {
		t.Fatalf("%+v %+v", w, p.Column("rain").Power)
	}
	q := explore(t, "SELECT sin(i * 7919 % 1009 / 80) AS y, i * 7919 % 1009 AS x, i * 31 % 997 AS noise FROM range(6000) t(i)", profile.Options{Target: "y", Task: pipeline.Regression})
	if x := q.Column("x"); math.Abs(x.Association.Value) > 0.5 || x.Power.Measure != "r2" || x.Power.Value < 0.98 || warned(q)["leakage_suspect x"] == "" || q.Column("noise").Power.Value > 0.1 {
		t.Fatalf("%+v %+v %+v", x.Association, x.Power, q.Column("noise").Power)
	}
}

func TestWhatIsKnownOnlyAfterTheEventIsASuspect(t *testing.T) {
	p := explore(t, "SELECT TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS departed, departed + INTERVAL (i % 4) HOUR AS landed, departed - INTERVAL 1 DAY AS booked FROM range(100) t(i)", profile.Options{EventTime: "departed"})
	if p.Column("landed").AfterEvent != 75 || p.Column("booked").AfterEvent != 0 || !strings.Contains(warned(p)["after_event landed"], "75 rows") {
		t.Fatalf("%+v", p.Warnings)
	}
}

func TestDriftAgainstThePreviousProfile(t *testing.T) {
	const rows = "SELECT i %% 100 AS x, 'k' || (i %% 5) AS s, i / 3 AS many, CASE WHEN i %% 10 < %s THEN NULL ELSE i END AS gone FROM range(%s) t(i)"
	sql := func(missing, n string) string {
		return strings.Replace(strings.Replace(strings.ReplaceAll(rows, "%%", "%"), "%s", missing, 1), "%s", n, 1)
	}
	before := explore(t, sql("1", "1000"), profile.Options{})
	// By way of JSON, as runs have it.
	data, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var previous profile.Profile
	if err := json.Unmarshal(data, &previous); err != nil {
		t.Fatal(err)
	}
	again := explore(t, sql("1", "1000"), profile.Options{Previous: &previous, PreviousRun: "p/run/1"})
	for _, c := range again.Columns {
		if c.Drift == nil || *c.Drift != 0 {
			t.Errorf("%s drifted from itself: %v", c.Name, c.Drift)
		}
	}
	now := explore(t, strings.Replace(strings.Replace(sql("9", "1000"), "i % 100", "i % 40", 1), "'k' || (i % 5)", "CASE WHEN i % 2 = 0 THEN 'new' ELSE 'k' || (i % 5) END", 1), profile.Options{Previous: &previous, PreviousRun: "p/run/1"})
	w := warned(now)
	for _, column := range []string{"x", "s", "gone"} {
		if !strings.Contains(w["drift "+column], "p/run/1") {
			t.Errorf("%s: %v %v", column, now.Column(column).Drift, w)
		}
	}
	if w["drift many"] != "" {
		t.Error("what did not change is told of")
	}
}

func TestWarningsAreRanked(t *testing.T) {
	p := explore(t, "SELECT i AS y, i * 2 AS leak, 1 AS constant, ' a ' || i % 3 AS padded, CASE WHEN i % 3 = 0 THEN i END AS sparse FROM range(1000) t(i)", profile.Options{Target: "y", Task: pipeline.Regression})
	for i := 1; i < len(p.Warnings); i++ {
		if p.Warnings[i].Weight > p.Warnings[i-1].Weight {
			t.Fatalf("%+v", p.Warnings)
		}
	}
	if p.Warnings[0].Kind != "leakage_suspect" || p.Warnings[len(p.Warnings)-1].Kind != "padded" {
		t.Fatalf("%+v", p.Warnings)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := profile.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(profile.SchemaID, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(profile.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryProfileFitsThePublishedSchema(t *testing.T) {
	schema := compiled(t)
	for _, sql := range []string{
		"SELECT 1 AS y, 'x' AS s, now() AS t WHERE false", "SELECT 1 AS y", "SELECT NULL::DOUBLE AS y, NULL::VARCHAR AS s FROM range(3)",
		"SELECT i AS y, i / 3 AS x, 'k' || i % 4 AS s, TIMESTAMP '2024-01-01' + INTERVAL (i) DAY AS t, i % 5 = 0 AS b FROM range(300) t(i)",
	} {
		p := explore(t, sql, profile.Options{Target: "y", Task: pipeline.Regression, Key: []string{"y"}})
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := schema.Validate(map[string]any{"version": 2}); err == nil {
		t.Error("a profile without columns fits")
	}
}

func TestPublishedSchemaIsCurrent(t *testing.T) {
	data, err := profile.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../examples/profile.schema.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(file)
	if err != nil || string(published) != string(data) {
		t.Fatal("write it again: bin/esteira schema profile > examples/profile.schema.json", err)
	}
}
