package model

import (
	"context"
	"fmt"
	"testing"
)

// 3,000,000 rows of 20 numbers, beside bench/peers/linear.py, and of 5 numbers and
// 2 blocks of 50, as flights have them.
func BenchmarkFit3M(b *testing.B) {
	for _, c := range []struct {
		kind                               string
		dense, blocks, categories, classes int
	}{{"ols", 20, 0, 0, 0}, {"ridge", 20, 0, 0, 0}, {"lasso", 20, 0, 0, 0}, {"poisson", 20, 0, 0, 0}, {"ols", 5, 2, 50, 0}, {"logistic", 5, 2, 50, 2}} {
		d := random(1, 3_000_000, c.dense, c.blocks, c.categories, c.classes)
		if c.kind == "poisson" {
			d = counted(d)
		}
		learner, err := For(c.kind)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%s/%d_numbers_%d_blocks", c.kind, c.dense, c.blocks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := learner.Fit(context.Background(), d, Settings{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Another alpha on rows whose moments a memo has.
func BenchmarkAnotherAlpha(b *testing.B) {
	for _, kind := range []string{"ridge", "lasso", "elastic_net"} {
		d := random(1, 100_000, 20, 0, 0, 0)
		d.Memo = &Memo{}
		learner, err := For(kind)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := learner.Fit(context.Background(), d, Settings{Params: Params{"alpha": 1e-3}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
