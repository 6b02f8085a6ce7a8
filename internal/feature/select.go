package feature

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// choose applies the conditions of a selection, one after the other, to what is
// left. Products keep their factors as hidden chains.
func (fit *fitting) choose(all []*made, s pipeline.Select) (kept []*made, dropped []Dropped, err error) {
	if fit.labels == nil && (s.MutualInformation != nil || s.Top != nil || s.Correlation != nil) {
		return nil, nil, fault.New(fault.Internal, "features are selected without the target")
	}
	gone := make([]bool, len(all))
	drop := func(i int, d Dropped) {
		d.Name, gone[i] = all[i].chain.Name, true
		d.Value = rounded(d.Value)
		dropped = append(dropped, d)
	}
	left := func() (at []int) {
		for i := range all {
			if !gone[i] {
				at = append(at, i)
			}
		}
		return at
	}
	safe := func(i int) bool {
		return !slices.ContainsFunc(all[i].columns, func(c string) bool { return !slices.Contains(s.Keep, c) })
	}
	for i, m := range all {
		if slices.ContainsFunc(m.columns, func(c string) bool { return slices.Contains(s.Drop, c) }) && m.chain.Factors == nil {
			drop(i, Dropped{By: "drop"})
		}
	}
	if s.Variance != nil {
		at := left()
		variances := fit.measure(all, at, variance)
		for k, i := range at {
			if !(variances[k] > *s.Variance) && !safe(i) {
				drop(i, Dropped{By: "variance", Value: variances[k]})
			}
		}
	}
	if s.Correlation != nil {
		fit.uncorrelate(all, left(), *s.Correlation, safe, drop)
	}
	for _, best := range []struct {
		by    string
		count *int
		score func(*made) float64
	}{
		{"mutual_information", s.MutualInformation, fit.mutualInformation},
		{"top", s.Top, fit.explained},
	} {
		if best.count == nil {
			continue
		}
		at := left()
		scores := fit.measure(all, at, best.score)
		order := make([]int, len(at))
		for k := range order {
			order[k] = k
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch { // ties keep the order of the list
			case scores[a] > scores[b]:
				return -1
			case scores[a] < scores[b]:
				return 1
			}
			return 0
		})
		var out []int
		for _, k := range order[min(*best.count, len(order)):] {
			if !safe(at[k]) {
				out = append(out, k)
			}
		}
		slices.Sort(out)
		for _, k := range out {
			drop(at[k], Dropped{By: best.by, Value: scores[k]})
		}
	}
	used := map[string]bool{}
	for i, m := range all {
		if !gone[i] {
			for _, name := range m.chain.Factors {
				used[name] = true
			}
		}
	}
	for i, m := range all {
		m.chain.Hidden = gone[i]
		if !gone[i] || used[m.chain.Name] {
			kept = append(kept, m)
		}
	}
	if len(left()) == 0 {
		return nil, nil, fault.New(fault.FeatureInvalid, "select drops every one of %d features", len(all)).WithRemedy("loosen its conditions; the first drops %q by %s", dropped[0].Name, dropped[0].By)
	}
	return kept, dropped, nil
}

// measure scores some features, on as many cores as there are.
func (fit *fitting) measure(all []*made, at []int, score func(*made) float64) []float64 {
	scores := make([]float64, len(at))
	_ = parallel(len(at), fit.frame.Rows, func(k int) error { scores[k] = score(all[at[k]]); return nil }) // never fails
	return scores
}

// rounded keeps ten digits: enough to judge by, and the same on every machine.
func rounded(v float64) float64 {
	if v == 0 || !isFinite(v) {
		return 0
	}
	unit := math.Pow(10, 10-math.Ceil(math.Log10(math.Abs(v))))
	if r := math.Round(v*unit) / unit; isFinite(r) {
		return r
	}
	return v
}

// variance is that of the values; of a block or n-grams, the largest of their
// columns.
func variance(m *made) float64 {
	most := 0.0
	for i := range m.features {
		f := &m.features[i]
		if !f.Block() {
			most = max(most, varianceOf(f.Numbers))
			continue
		}
		for _, n := range occurrences(f) {
			p := n / float64(len(f.Codes))
			most = max(most, p*(1-p))
		}
	}
	return most
}

func varianceOf(x []float64) float64 {
	m := mean(x)
	return sum(x, func(v float64) float64 { return (v - m) * (v - m) }) / float64(len(x))
}

func occurrences(f *frame.Feature) []float64 {
	counts := make([]float64, len(f.Categories))
	for _, c := range f.Codes {
		if c >= 0 {
			counts[c]++
		}
	}
	return counts
}

// uncorrelate drops, of each pair of numbers whose correlation is above most,
// the one that explains less of the target, going through the features from the
// one that explains most.
func (fit *fitting) uncorrelate(all []*made, at []int, most float64, safe func(int) bool, drop func(int, Dropped)) {
	at = slices.DeleteFunc(at, func(i int) bool { return len(all[i].features) != 1 || all[i].features[0].Block() })
	scores := fit.measure(all, at, fit.explained)
	order := make([]int, len(at))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	out := map[int]Dropped{}
	for rank, a := range order {
		if _, gone := out[a]; gone {
			continue
		}
		later := order[rank+1:]
		x := all[at[a]].features[0].Numbers
		rs := make([]float64, len(later))
		_ = parallel(len(later), fit.frame.Rows, func(k int) error {
			rs[k] = math.Abs(correlation(x, all[at[later[k]]].features[0].Numbers))
			return nil
		})
		for k, b := range later {
			if _, gone := out[b]; !gone && rs[k] > most && !safe(at[b]) {
				out[b] = Dropped{By: "correlation", Value: rs[k], With: all[at[a]].chain.Name}
			}
		}
	}
	for k := range at {
		if d, gone := out[k]; gone {
			drop(at[k], d)
		}
	}
}

// correlation is Pearson's, 0 where one side is constant.
func correlation(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	sxy, sxx, syy := 0.0, 0.0, 0.0
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		sxy += float64(dx * dy)
		sxx += float64(dx * dx)
		syy += float64(dy * dy)
	}
	if sxx == 0 || syy == 0 {
		return 0
	}
	return sxy / math.Sqrt(sxx) / math.Sqrt(syy)
}
