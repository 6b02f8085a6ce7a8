package drift_test

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// flights are the rows of the example, read once a test.
func flights(t testing.TB) *frame.Frame {
	t.Helper()
	engine, err := table.Open(table.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	f, err := engine.Read(context.Background(), "../../examples/flights/flights.parquet", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func between(f *frame.Frame, lo, hi int) *frame.Frame {
	rows := make([]int32, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, int32(i))
	}
	return f.Take(rows)
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// answers are what a simple model would predict of the rows' distances.
func answers(f *frame.Frame) *frame.Frame {
	c := frame.Column{Name: "prediction", Numbers: make([]float64, f.Rows)}
	for i, d := range f.Column("distance").Numbers {
		c.Numbers[i] = 4 + math.Sqrt(d)/8
	}
	return &frame.Frame{Rows: f.Rows, Columns: []frame.Column{c}}
}

// reported is the report of a window of flights that were moved on purpose.
func reported(t testing.TB) *drift.Report {
	all := flights(t)
	reference := between(all, 0, all.Rows/2)
	l := drift.LayoutOf(reference, answers(reference))
	base := must[*drift.Summary](t)(drift.Summarize(l, reference, answers(reference)))
	r := &drift.Report{Endpoint: "flights", Model: "flights:7", Footer: "Bundle sha256:8d1f…, layout " + l.Digest() + "."}
	const windows, day = 12, 86_400_000_000
	rmse := 31.4
	size := all.Rows / 2 / windows
	var previous *drift.Summary
	for w := range windows {
		at := all.Rows/2 + w*size
		f := between(all, at, at+size)
		distance, origin := f.Column("distance"), f.Column("origin")
		if w >= 9 { // longer flights, from a new airport, some without a delay
			codes := origin.Codes
			origin.Dict = append(append([]string(nil), origin.Dict...), "BER")
			for i := range distance.Numbers {
				distance.Numbers[i] = distance.Numbers[i]*1.5 + 400
				if i%4 == 0 {
					codes[i] = int32(len(origin.Dict) - 1)
				}
				if i%9 == 0 {
					f.Column("delay").Numbers[i] = math.NaN()
				}
			}
		}
		s := must[*drift.Summary](t)(drift.Summarize(l, f, answers(f)))
		c := must[*drift.Comparison](t)(drift.Compare(l, base, s, drift.Options{}))
		past := drift.Past{At: 1_700_006_400_000_000 + int64(w)*day, Rows: s.Rows, Effects: map[string]float64{}}
		for _, list := range [][]drift.Result{c.Features, c.Outputs} {
			for _, column := range list {
				past.Effects[column.Name] = column.Effect
			}
		}
		e := rmse + float64(max(0, w-7))*2 + math.Sin(float64(w))
		past.Metrics = map[string]*drift.Estimate{"rmse": {Value: e, Low: e - 1.4, High: e + 1.4}}
		r.History = append(r.History, past)
		if w == windows-1 {
			c.SharpenAll(reference, f)
			r.Baseline, r.Previous = c, must[*drift.Comparison](t)(drift.Compare(l, previous, s, drift.Options{}))
			r.Together = must[*drift.Separation](t)(drift.Separate(context.Background(), reference, f, drift.SeparationOptions{Rows: 2000}))
			r.From, r.To = past.At, past.At+day
			r.Performance = []drift.Performance{{Metric: "rmse", Reference: &rmse, Estimated: &drift.Estimate{Value: 37.9, Low: 36.2, High: 39.6}, Measured: past.Metrics["rmse"]}, {Metric: "mae", Estimated: &drift.Estimate{Value: 21.3, Low: 20.9, High: 21.7}}}
			for i := range 4000 {
				s.Service.Add(map[bool]int{true: 503, false: 200}[i%400 == 0], int64(700+i%97*40+i*i%50_000), map[bool]string{true: "AuditUnavailable"}[i%400 == 0])
			}
			r.Service, r.Labelled = &s.Service, 612
		}
		previous = s
	}
	r.Calibration = &drift.CalibrationDrift{Outcome: drift.Insufficient, Reason: "the window has 112 rows, fewer than 500"}
	r.Changes = []drift.Change{{Detector: "ADWIN", At: r.From - 2*day, Mean: 28.4}}
	r.Quality = []drift.Check{{Rule: "distance between 1 and 6,000", Observed: "3 of 833 rows are not", Passed: false}, {Rule: "origin is never null", Observed: "no row is", Passed: true}}
	return r
}

// TestPage writes the page into ESTEIRA_PAGES, to be looked at, where that is set.
func TestPage(t *testing.T) {
	r := reported(t)
	var page, again bytes.Buffer
	if err := r.Write(&page); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(&again); err != nil || !bytes.Equal(page.Bytes(), again.Bytes()) {
		t.Fatal("the same report gives another page")
	}
	if dir := os.Getenv("ESTEIRA_PAGES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "drift.html"), page.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := page.String()
	for _, want := range []string{
		"Predictions have drifted:", "Features have drifted:", "distance", "BER (", "The error has changed:", "1 of 2 rules of the contract", "AUC",
		"Distribution of distance in the reference and in this window", "Drift of features over time", "AuditUnavailable", "the window has 112 rows",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"NaN", "<script", "http://", "https://"} {
		if strings.Contains(text, not) {
			t.Errorf("the page holds %q", not)
		}
	}
}

func TestPageOfLittle(t *testing.T) {
	all := flights(t)
	reference := between(all, 0, 1000)
	l := drift.LayoutOf(reference, answers(reference))
	base := must[*drift.Summary](t)(drift.Summarize(l, reference, answers(reference)))
	for rows, want := range map[int]string{0: "the window has 0 rows", 1: "the window has 1 rows", 1000: "No drift."} {
		f := between(all, 0, rows)
		s := must[*drift.Summary](t)(drift.Summarize(l, f, answers(f)))
		r := &drift.Report{Endpoint: "e", Model: "m:1", Baseline: must[*drift.Comparison](t)(drift.Compare(l, base, s, drift.Options{}))}
		var page bytes.Buffer
		if err := r.Write(&page); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page.String(), want) || rows < 500 && (!strings.Contains(page.String(), "Insufficient data.") || strings.Contains(page.String(), "No drift.")) {
			t.Errorf("%d rows: the page does not say %q, or says that all is well", rows, want)
		}
	}
	var page bytes.Buffer
	if err := (&drift.Report{Endpoint: "<b>", Model: "m"}).Write(&page); err != nil || strings.Contains(page.String(), "<b>") {
		t.Errorf("an empty report: %v", err)
	}
}
