package feature

import (
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// fitNumber fits one numeric transform to values, of which NaN are ignored.
// buffer has their capacity.
func fitNumber(t pipeline.Transform, name string, values, buffer []float64) (Step, error) {
	var step Step
	ok := true // the statistics are finite
	switch {
	case t.Log1p != nil:
		step.Log1p = &struct{}{}
	case t.Impute != nil:
		v := fitImpute(*t.Impute, values, buffer)
		step.Impute, ok = &ImputeState{Number: &v}, isFinite(v)
	case t.Standardize != nil:
		m, scale := meanScale(present(values, buffer))
		step.Standardize, ok = &StandardizeState{Mean: m, Scale: scale}, isFinite(m, scale) && scale > 0
	case t.MinMax != nil:
		s := fitMinMax(*t.MinMax, present(values, buffer))
		step.MinMax, ok = s, isFinite(s.Scale, s.Offset)
	case t.Robust != nil:
		s := fitRobust(*t.Robust, present(values, buffer))
		step.Robust, ok = s, isFinite(s.Center, s.Scale)
	case t.Power != nil:
		x := present(values, buffer)
		if t.Power.Method == "box_cox" {
			for _, v := range x {
				if v <= 0 {
					return step, fault.New(fault.FeatureInvalid, "feature %q: box_cox needs positive numbers, and there is %v", name, v).WithRemedy("use yeo_johnson")
				}
			}
		}
		lambda := fitPower(t.Power.Method, x)
		step.Power, ok = &PowerState{Method: t.Power.Method, Lambda: lambda}, isFinite(lambda)
	case t.Clip != nil:
		step.Clip = fitClip(*t.Clip, present(values, buffer))
	case t.Bin != nil:
		step.Bin = fitBin(*t.Bin, present(values, buffer))
		ok = isFinite(step.Bin.Edges...)
	}
	if !ok {
		return step, overflowError(name)
	}
	return step, nil
}

func isFinite(values ...float64) bool {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func fitImpute(imp pipeline.Impute, values, buffer []float64) float64 {
	if imp.Strategy == "constant" {
		return *imp.Value
	}
	x := present(values, buffer)
	if len(x) == 0 {
		return 0 // declared: a column without any value
	}
	v := 0.0
	switch imp.Strategy {
	case "mean":
		v = mean(x)
	case "most_frequent":
		v = mode(x)
	default:
		v = median(x)
	}
	return v + 0 // -0 becomes 0: the order of equal values must not show
}

// fitMinMax follows scikit-learn's MinMaxScaler; a range below ten times the
// precision of float64 counts as constant.
func fitMinMax(m pipeline.MinMax, x []float64) *MinMaxState {
	low, high := 0.0, 1.0
	if len(x) > 0 {
		low, high = x[0], x[0]
		for _, v := range x {
			low, high = min(low, v), max(high, v)
		}
	}
	spread := high - low
	if spread < 10*0x1p-52 {
		spread = 1
	}
	s := &MinMaxState{Scale: (*m.Max - m.Min) / spread}
	s.Offset = m.Min - float64(low*s.Scale) + 0
	if m.Clip {
		s.Low, s.High = &m.Min, m.Max
	}
	return s
}

func fitRobust(r pipeline.Robust, x []float64) *RobustState {
	if len(x) == 0 {
		return &RobustState{Scale: 1}
	}
	q := quantiles(x, *r.Lower/100, *r.Upper/100)
	s := &RobustState{Scale: q[1] - q[0]}
	if s.Scale < 10*0x1p-52 {
		s.Scale = 1
	}
	s.Center = median(x) + 0
	return s
}

func fitClip(c pipeline.Clip, x []float64) *ClipState {
	s := &ClipState{Min: c.Min, Max: c.Max}
	if len(x) == 0 {
		return s
	}
	for _, side := range []struct {
		quantile *float64
		to       **float64
	}{{c.Lower, &s.Min}, {c.Upper, &s.Max}} {
		if side.quantile != nil {
			v := quantiles(x, *side.quantile)[0] + 0
			*side.to = &v
		}
	}
	return s
}

// fitBin follows scikit-learn's KBinsDiscretizer; only the inner edges decide.
func fitBin(b pipeline.Bin, x []float64) *BinState {
	s := &BinState{Edges: []float64{}, OneHot: b.Encode == "onehot"}
	if len(x) == 0 {
		return s
	}
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	if low == high {
		return s
	}
	edges := make([]float64, b.Bins+1)
	for i := range edges {
		edges[i] = float64(i) / float64(b.Bins)
	}
	if b.Strategy == "quantile" {
		edges = quantiles(x, edges...)
	} else {
		step := (high - low) / float64(b.Bins) // as numpy.linspace
		for i := range edges {
			edges[i] = float64(float64(i)*step) + low
		}
	}
	kept := []float64{edges[0]}
	for i, e := range edges[1:] {
		if b.Strategy == "uniform" || e-edges[i] > 1e-8 {
			kept = append(kept, e)
		}
	}
	if len(kept) > 2 {
		s.Edges = kept[1 : len(kept)-1]
	}
	for i := range s.Edges {
		s.Edges[i] += 0
	}
	return s
}
