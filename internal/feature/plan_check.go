package feature

import (
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

// checkTransform refuses parameters that cannot be used. A pipeline file was
// checked for the same before, with lines; a plan may come from elsewhere.
func checkTransform(t pipeline.Transform, refuse refusal) error {
	within := func(name string, v, low, high int) error {
		if v < low || v > high {
			return refuse.because("choose another", "%s of %s is %d, which is not from %d to %d", name, t.Name(), v, low, high)
		}
		return nil
	}
	finite := func(values ...*float64) bool {
		return !slices.ContainsFunc(values, func(v *float64) bool { return v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) })
	}
	switch {
	case t.OneHot != nil:
		if h := t.OneHot; h.MaxCategories < 2 || h.MaxCategories > maxMaxCategories || h.MinCount < 0 {
			return refuse.because("use max_categories of 2 to 10000 and min_count of at least 0", "one_hot with max_categories %d and min_count %d", h.MaxCategories, h.MinCount)
		}
		return checkUnknown(t.OneHot.Unknown, refuse, "infrequent", "ignore", "error")
	case t.Ordinal != nil:
		return checkUnknown(t.Ordinal.Unknown, refuse, "ignore", "error")
	case t.Frequency != nil:
		return checkUnknown(t.Frequency.Unknown, refuse, "ignore", "error")
	case t.TargetEncode != nil:
		e := t.TargetEncode
		if s := e.Smoothing; s != nil && !(*s >= 0 && *s < math.MaxFloat64) {
			return refuse.because("use 0 or more", "target_encode with smoothing %v", *s)
		}
		if err := within("folds", e.Folds, 2, 20); err != nil {
			return err
		}
		return checkUnknown(e.Unknown, refuse, "ignore", "error")
	case t.Hash != nil:
		return within("bits", t.Hash.Bits, 1, 16)
	case t.NGrams != nil:
		n := t.NGrams
		for _, err := range []error{within("min", n.Min, 1, 8), within("max", n.Max, n.Min, 8), within("bits", n.Bits, 1, 10)} {
			if err != nil {
				return err
			}
		}
	case t.Bin != nil:
		if !slices.Contains([]string{"quantile", "uniform"}, t.Bin.Strategy) || !slices.Contains([]string{"onehot", "ordinal"}, t.Bin.Encode) {
			return refuse.because("use quantile or uniform, and onehot or ordinal", "bin with strategy %q and encode %q", t.Bin.Strategy, t.Bin.Encode)
		}
		return within("bins", t.Bin.Bins, 2, 256)
	case t.MinMax != nil:
		if !finite(&t.MinMax.Min, t.MinMax.Max) || t.MinMax.Min >= *t.MinMax.Max {
			return refuse.because("write min below max", "min_max from %v to %v", t.MinMax.Min, *t.MinMax.Max)
		}
	case t.Robust != nil:
		if lo, hi := *t.Robust.Lower, *t.Robust.Upper; !(lo >= 0 && lo < hi && hi <= 100) {
			return refuse.because("write percentiles such as 25 and 75", "robust from %v to %v", lo, hi)
		}
	case t.Power != nil:
		if !slices.Contains([]string{"yeo_johnson", "box_cox"}, t.Power.Method) {
			return refuse.because("use yeo_johnson or box_cox", "power has no method %q", t.Power.Method)
		}
	case t.Clip != nil:
		c := t.Clip
		share := func(v *float64) bool { return v == nil || *v >= 0 && *v <= 1 }
		switch {
		case c.Min == nil && c.Max == nil && c.Lower == nil && c.Upper == nil, c.Min != nil && c.Lower != nil, c.Max != nil && c.Upper != nil:
			return refuse.because("give clip min or lower, max or upper, or one of each pair", "clip has no bound, or two of one side")
		case !finite(c.Min, c.Max) || !share(c.Lower) || !share(c.Upper), c.Min != nil && c.Max != nil && *c.Min >= *c.Max, c.Lower != nil && c.Upper != nil && *c.Lower >= *c.Upper:
			return refuse.because("write the lower bound below the upper one, quantiles from 0 to 1", "clip has impossible bounds")
		}
	}
	return nil
}

func checkUnknown(unknown string, refuse refusal, known ...string) error {
	if unknown != "" && !slices.Contains(known, unknown) {
		return refuse.because("use "+known[0]+" or "+known[len(known)-1], "unknown: %q is not an outcome", unknown)
	}
	return nil
}
