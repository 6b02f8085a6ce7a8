package report_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/report"
)

const hostile = "<script>alert('x')</script>\" onload=\"x\n\x01😀"

var bins = []report.Bin{{From: 0, To: 10, Count: 3}, {From: 10, To: 20, Count: 1_000_000}, {From: 20, To: 30, Count: 1}}

func plots(name string) map[string]template.HTML {
	p := report.Plot{Title: name, Note: name, X: name, Y: name}
	return map[string]template.HTML{
		"histogram":       report.Histogram(p, bins, 12),
		"one value":       report.Histogram(p, []report.Bin{{From: 5, To: 5, Count: 2}}),
		"time":            report.Histogram(report.Plot{Title: name, FormatX: report.Time}, []report.Bin{{From: 0, To: 1e15, Count: 2}}),
		"no bins":         report.Histogram(p, nil),
		"bars":            report.Bars(p, []report.Bar{{Label: name, Value: -2}, {Label: "b", Value: math.NaN(), Text: name}, {Label: "c", Value: math.Inf(1)}}),
		"zero bars":       report.Bars(p, []report.Bar{{Label: "a"}}),
		"no bars":         report.Bars(p, nil),
		"scatter":         report.Scatter(p, []float64{1, 2, math.NaN(), 3, math.Inf(1)}, []float64{1, 2, 3, math.NaN(), 4}, true),
		"one point":       report.Scatter(p, []float64{1e300}, []float64{-1e300}, false),
		"no points":       report.Scatter(p, []float64{math.NaN()}, []float64{1}, false),
		"line":            report.Line(p, report.Series{Name: name, X: []float64{1, 2, 3}, Y: []float64{1, math.NaN(), 3}}, report.Series{Name: "b", X: []float64{1}, Y: []float64{0}}),
		"heat map":        report.Heatmap(report.Plot{Title: name, Low: -1, High: 1}, []string{name, "b", "c"}, [][]*float64{{nil, new(0.5), nil}, {new(0.5), nil, new(-0.9)}, {nil, new(-0.9), nil}}),
		"no heat":         report.Heatmap(p, nil, nil),
		"no line":         report.Line(p),
		"band":            report.Line(report.Plot{Title: name, Low: -1, High: 9}, report.Series{Name: name, X: []float64{1, 2, 3, 4}, Y: []float64{1, 2, 3, 4}, Low: []float64{0, 1, math.NaN(), 3}, High: []float64{2, 3, 4, math.Inf(1)}, Dots: true}, report.Series{Name: "b", X: []float64{1, 4}, Y: []float64{1, 1}, Dashed: true}),
		"dots":            report.Dots(report.Plot{Title: name, Wide: true}, []report.Dot{{Label: name, Value: 1, Low: 0, High: 2, Off: true}, {Label: "b", Value: 3, Low: math.NaN(), High: math.NaN(), Text: name}, {Label: "c", Value: math.NaN(), Low: math.Inf(-1)}}, 1.5),
		"no dots":         report.Dots(p, nil, math.NaN()),
		"matrix":          report.Matrix(p, []string{name, "b"}, []string{name, "b"}, [][]float64{{0.9, 0.1}, {math.NaN(), 1}}, [][]string{{name, "1"}, {"2", "3"}}),
		"no matrix":       report.Matrix(p, nil, nil, nil, nil),
		"enormous values": report.Line(p, report.Series{X: []float64{-math.MaxFloat64, math.MaxFloat64}, Y: []float64{0, 1}}),
	}
}

// TestPlotsAreWellFormedAndSpeak parses every drawing as XML, so that no name
// can break out of it, and asks for the words a screen reader needs.
func TestPlotsAreWellFormedAndSpeak(t *testing.T) {
	for name, drawing := range plots(hostile) {
		d := xml.NewDecoder(strings.NewReader(string(drawing)))
		var title string
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, drawing)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if start.Name.Local == "script" {
				t.Fatalf("%s: a name became an element", name)
			}
			for _, a := range start.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") && a.Name.Local != "aria-label" || strings.Contains(a.Value, "Inf") {
					t.Fatalf("%s: attribute %s=%q", name, a.Name.Local, a.Value)
				}
				if start.Name.Local == "svg" && a.Name.Local == "aria-label" {
					title = a.Value
				}
			}
		}
		if !strings.Contains(title, "alert") || !strings.Contains(string(drawing), `role="img"`) || !strings.Contains(string(drawing), "<title>") {
			t.Fatalf("%s says nothing: %s", name, drawing)
		}
	}
}

// What bars show is said where nobody looks at them: the first, and how many more.
func TestBarsSpeak(t *testing.T) {
	var bars []report.Bar
	for k := range 12 {
		bars = append(bars, report.Bar{Label: fmt.Sprintf("column %d", k), Value: .5, Text: "50 %"})
	}
	if drawing := string(report.Bars(report.Plot{Title: "Missing", Note: "Of all rows."}, bars)); !strings.Contains(drawing, "<desc>Of all rows. column 0: 50 %; ") || !strings.Contains(drawing, "column 9: 50 %; and 2 more.</desc>") {
		t.Fatal(drawing[:600])
	}
}

// TestBarsOfAFixedScaleDoNotExaggerate compares the longest bar's width with the
// room its scale gives it.
func TestBarsOfAFixedScaleDoNotExaggerate(t *testing.T) {
	widest := func(p report.Plot) float64 {
		d := xml.NewDecoder(strings.NewReader(string(report.Bars(p, []report.Bar{{Label: "a", Value: 0.01}}))))
		for {
			token, err := d.Token()
			if err != nil {
				t.Fatal("there is no bar")
			}
			var class, width string
			if start, ok := token.(xml.StartElement); ok {
				for _, a := range start.Attr {
					switch a.Name.Local {
					case "class":
						class = a.Value
					case "width":
						width = a.Value
					}
				}
			}
			if class == "bar" {
				w, err := strconv.ParseFloat(width, 64)
				if err != nil {
					t.Fatal(err)
				}
				return w
			}
		}
	}
	own, fixed := widest(report.Plot{Title: "t"}), widest(report.Plot{Title: "t", High: 1})
	if fixed > own*0.02 {
		t.Fatalf("0.01 of 1 is drawn %v wide of %v", fixed, own)
	}
}

// TestAHeatMapSaysItsStrongestPairs: what colours show must be told in words too.
func TestAHeatMapSaysItsStrongestPairs(t *testing.T) {
	got := string(report.Heatmap(report.Plot{Title: "t", Low: -1, High: 1}, []string{"a", "b", "c"}, [][]*float64{{nil, new(0.5), nil}, {new(0.5), nil, new(-0.9)}, {nil, new(-0.9), nil}}))
	for _, needed := range []string{"<desc>Strongest: b and c −0.9; a and b 0.5.</desc>", "<title>c and b: −0.9</title>", "a and c: nothing can be said", `class="cold"`, ">0.50</text>"} {
		if !strings.Contains(got, needed) {
			t.Errorf("the heat map lacks %s", needed)
		}
	}
}

// TestDotsShowTheirIntervals: the whisker spans the interval, and what is off is
// marked.
func TestDotsShowTheirIntervals(t *testing.T) {
	got := string(report.Dots(report.Plot{Title: "t"}, []report.Dot{{Label: "a", Value: 1, Low: 0, High: 2}, {Label: "b", Value: 5, Low: math.NaN(), High: math.NaN(), Off: true}}, 3))
	if strings.Count(got, `class="whisker"`) != 1 || strings.Count(got, "<circle") != 2 || strings.Count(got, `class="off"`) != 1 || strings.Count(got, `class="mark"`) != 1 {
		t.Fatal(got)
	}
}

func samplePage() report.Page {
	p := report.Page{
		Kicker: "Exploration", Title: hostile, Subtitle: "A subtitle", Footer: hostile,
		Facts:    []report.Fact{{Name: "Rows", Value: report.Count(3_000_000), Note: hostile}},
		Sections: []report.Section{{ID: "one", Title: "One", Intro: hostile}, {ID: "two", Title: "Two"}},
	}
	blocks := []report.Block{
		{Text: hostile},
		{Notice: &report.Notice{Level: report.Bad, Title: "Constant", Text: hostile}},
		{Table: &report.Table{Caption: hostile, Columns: []report.Column{{Name: "a"}, {Name: "b", Numeric: true}}, Rows: [][]string{{hostile, "1"}}}},
		{Plot: report.Histogram(report.Plot{Title: "h"}, bins)},
		{Plots: []report.Figure{{Caption: "c", Plot: report.Bars(report.Plot{Title: "b"}, []report.Bar{{Label: "x", Value: 1}})}}},
		{Cards: []report.Card{{ID: "c", Title: hostile, Badge: "number", Facts: []report.Fact{{Name: "n", Value: "1"}}, Notices: []report.Notice{{Level: report.Warn, Text: "w"}}}}},
	}
	p.Sections[0].Blocks = blocks
	return p
}

func render(t *testing.T, p report.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageStandsAloneAndEscapes(t *testing.T) {
	got := render(t, samplePage())
	for _, banned := range []string{"<script", "http://", "https://", "src=", "@import", "url(", `" onload="`} {
		if strings.Contains(got, banned) {
			t.Errorf("the page contains %s", banned)
		}
	}
	for _, needed := range []string{"prefers-color-scheme:dark", "width=device-width", `<html lang="en">`, `href="#two"`, `class="notice bad"`, `class="n"`, "3,000,000"} {
		if !strings.Contains(got, needed) {
			t.Errorf("the page lacks %s", needed)
		}
	}
	if got != render(t, samplePage()) {
		t.Fatal("the same page gives other bytes")
	}
}

func TestNumbersForPeople(t *testing.T) {
	for got, want := range map[string]string{
		report.Number(1234567.8): "1,234,568", report.Number(-12.3456): "−12.35", report.Number(0): "0", report.Number(0.00001234): "1.234e-05",
		report.Number(999.96): "1000", report.Number(math.NaN()): "–", report.Number(math.Inf(-1)): "−∞", report.Number(0.5): "0.5", report.Number(1e20): "1e+20",
		report.Count(-1000): "−1,000", report.Count(999): "999", report.Percent(0.125): "12.5 %", report.Percent(0): "0 %", report.Percent(1e-9): "< 0.01 %",
		report.Percent(0.999999): "> 99.99 %", report.Percent(1): "100 %", report.Percent(0.001): "0.10 %", report.Time(86400e6): "1970-01-02", report.Time(60e6): "1970-01-01 00:01",
		report.Cut("a\nbcdef", 4): "a␣b…", report.Cut("abcd", 4): "abcd",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTheLegendOfADashedLineIsDashed: two marks for it, one for a line.
func TestTheLegendOfADashedLineIsDashed(t *testing.T) {
	drawn := string(plots("x")["band"])
	if whole, dashed := strings.Count(drawn, `<rect class="f0"`), strings.Count(drawn, `<rect class="f1"`); whole != 1 || dashed != 2 || strings.Contains(drawn, `fill-opacity="0"`) {
		t.Fatalf("%d marks and %d", whole, dashed)
	}
}
