package bundle

import (
	"encoding/json"
	"testing"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// BenchmarkRequest is one record from parsed JSON to the answer.
func BenchmarkRequest(b *testing.B) {
	p := predictor(b, pipeline.Binary)
	record := map[string]any{"distance": json.Number("741.5"), "origin": "JFK", "departs": "2024-02-29T12:00:00Z"}
	out := make([]float64, p.Outputs())
	b.ReportAllocs()
	for b.Loop() {
		f, err := FrameFromRecords(p.signature, []map[string]any{record})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Predict(f, out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPredict answers a table row by row and in one call.
func BenchmarkPredict(b *testing.B) {
	for name, rows := range map[string]int{"1": 1, "100000": 100_000} {
		b.Run(name, func(b *testing.B) {
			p, f := predictor(b, pipeline.Binary), flights(1, rows)
			out := make([]float64, rows*p.Outputs())
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Predict(f, out); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}
