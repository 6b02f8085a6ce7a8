// Command onerow measures how long a bundle's model takes to answer one row in
// process, features included, and prints one line of JSON.
//
//	go run ./bench/onerow serving-1.bundle
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/esteira-ml/esteira/internal/bundle"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: onerow BUNDLE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "onerow:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b, err := bundle.Open(body)
	if err != nil {
		return err
	}
	p, err := b.Predictor()
	if err != nil {
		return err
	}
	record := map[string]any{}
	for _, in := range p.Signature().Inputs {
		record[in.Name] = in.Example
	}
	f, err := bundle.FrameFromRecords(p.Signature(), []map[string]any{record})
	if err != nil {
		return err
	}
	out := make([]float64, p.Outputs())
	measured := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Predict(f, out); err != nil {
				b.Fatal(err)
			}
		}
	})
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"ns": measured.NsPerOp(), "allocations": measured.AllocsPerOp()})
}
