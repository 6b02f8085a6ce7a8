package evaluation

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of the bootstrap: maxDraws resamples, fewer where there are many rows,
// so that rows times draws stay near maxDrawnRows, but at least minDraws.
const (
	maxDraws     = 1000
	minDraws     = 200
	maxDrawnRows = 40_000_000
)

// Interval is the middle 95 % of a metric over resampled test rows.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Difference is how far one value is from another over the same rows, value minus
// reference, with the middle 95 % over resamples of them, the same resample for
// both. Interval is nil where too few resamples define it.
type Difference struct {
	Value    float64   `json:"value"`
	Interval *Interval `json:"interval,omitempty"`
}

// resampling draws rows with replacement. The Poisson bootstrap (Chamandy et al.,
// "Estimating Uncertainty for Massive Data Streams", 2012) gives each row a
// count of its own, independent of all others: nothing is kept between draws,
// and a part of the rows is resampled as it is within the whole.
type resampling struct {
	seed  uint64
	draws int
}

func resamplingOf(rows int, seed int64) resampling {
	return resampling{seed: mix(uint64(seed) + 0x65737465), draws: min(max(maxDrawnRows/max(rows, 1), minDraws), maxDraws)}
}

// poisson maps 16 random bits to a Poisson variate of mean 1: quantised to 2^-16,
// which leaves 9 as the largest.
var poisson = sync.OnceValue(func() *[1 << 16]uint8 {
	table := new([1 << 16]uint8)
	p, below, k := math.Exp(-1), 0.0, 0
	for at := range table {
		for float64(at) >= math.Round((below+p)*(1<<16)) && k < 9 {
			below += p
			k++
			p /= float64(k)
		}
		table[at] = uint8(k)
	}
	return table
})

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// weigh writes the weights of one draw: base times the count of each row. rows
// names the rows of the whole that base holds; nil is all of them.
func (r resampling) weigh(draw int, base []float64, rows []int32, out []float64) {
	table := poisson()
	stream := mix(r.seed + uint64(draw+1)*0x9e3779b97f4a7c15)
	count := func(row int) float64 {
		bits := mix(stream + uint64(row>>2)*0x9e3779b97f4a7c15)
		return float64(table[uint16(bits>>(16*(row&3)))])
	}
	if rows != nil {
		for i, row := range rows {
			out[i] = base[i] * count(int(row))
		}
		return
	}
	n := len(base)
	for i := 0; i+4 <= n; i += 4 {
		bits := mix(stream + uint64(i>>2)*0x9e3779b97f4a7c15)
		out[i] = base[i] * float64(table[uint16(bits)])
		out[i+1] = base[i+1] * float64(table[uint16(bits>>16)])
		out[i+2] = base[i+2] * float64(table[uint16(bits>>32)])
		out[i+3] = base[i+3] * float64(table[uint16(bits>>48)])
	}
	for i := n &^ 3; i < n; i++ {
		out[i] = base[i] * count(i)
	}
}

// replicates are the metrics of one sample under each draw; nil where a draw has
// no row.
type replicates []map[string]float64

// replicate scores samples of the same rows under the same draws. The result does
// not depend on the number of threads.
func (r resampling) replicate(ctx context.Context, rows []int32, samples ...*prepared) ([]replicates, error) {
	out := make([]replicates, len(samples))
	for i := range out {
		out[i] = make(replicates, r.draws)
	}
	base := samples[0].weights
	for _, s := range samples {
		if len(s.weights) != len(base) {
			return nil, fault.New(fault.Internal, "samples of %d and %d rows are resampled together", len(s.weights), len(base))
		}
	}
	var wg sync.WaitGroup
	threads := min(runtime.GOMAXPROCS(0), r.draws)
	for t := range threads {
		wg.Go(func() {
			w := make([]float64, len(base))
			for draw := t; draw < r.draws && ctx.Err() == nil; draw += threads {
				r.weigh(draw, base, rows, w)
				if !slices.ContainsFunc(w, func(v float64) bool { return v > 0 }) {
					continue
				}
				for i, s := range samples {
					out[i][draw] = s.under(w, false).Values
				}
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// interval is that of a metric, nil if it is undefined in a tenth of the draws or
// more. Of max_error there is none: no resample exceeds the largest error.
func (r replicates) interval(metric string) *Interval {
	if metric == "max_error" {
		return nil
	}
	return middle(len(r), func(draw int) (float64, bool) {
		v, ok := r[draw][metric]
		return v, ok
	})
}

// minus is the interval of the paired difference of a metric.
func (r replicates) minus(o replicates, metric string) *Interval {
	if metric == "max_error" {
		return nil
	}
	return middle(len(r), func(draw int) (float64, bool) {
		a, ok := r[draw][metric]
		b, ok2 := o[draw][metric]
		return a - b, ok && ok2
	})
}

func (r replicates) intervals() map[string]Interval {
	out := map[string]Interval{}
	for _, scores := range r {
		for metric := range scores {
			if _, done := out[metric]; done {
				continue
			}
			if i := r.interval(metric); i != nil {
				out[metric] = *i
			}
		}
		if len(scores) > 0 {
			break
		}
	}
	return out
}

func middle(draws int, value func(draw int) (float64, bool)) *Interval {
	values := make([]float64, 0, draws)
	for draw := range draws {
		if v, ok := value(draw); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) == 0 || len(values)*10 <= draws*9 {
		return nil
	}
	slices.Sort(values)
	return &Interval{quantile(values, 0.025), quantile(values, 0.975)}
}

// quantile interpolates between order statistics, as numpy's default does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// differences compares the metrics two results share.
func differences(a, b Result, ra, rb replicates) map[string]Difference {
	out := map[string]Difference{}
	for metric, v := range a.Scores {
		if reference, ok := b.Scores[metric]; ok {
			out[metric] = Difference{Value: v - reference, Interval: ra.minus(rb, metric)}
		}
	}
	return out
}
