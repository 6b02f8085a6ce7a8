package evaluation

import "math"

// constantTarget is why r2 is undefined.
const constantTarget = "the target is constant on these rows"

func (p *prepared) prepareRegression() {
	n := len(p.Y)
	p.errors, p.order = make([]float64, n), make([]int32, n)
	for i := range p.Y {
		p.errors[i], p.order[i] = math.Abs(p.Y[i]-p.P[i]), int32(i)
	}
	sortRows(p.order, func(i int32) float64 { return p.errors[i] })
	p.bin(nil)
	// A center that is itself a value of y makes the spread of a constant exactly 0.
	mean := total(p.weights, func(i int) float64 { return p.Y[i] }) / sumOf(p.weights)
	p.center = p.Y[0]
	for _, y := range p.Y {
		if math.Abs(y-mean) < math.Abs(p.center-mean) {
			p.center = y
		}
	}
}

// regressionSums are the sums over rows that the metrics of a regression are
// made of.
type regressionSums struct {
	weight, absolute, square, share, symmetric, low, high, y, yy, deviance float64
}

func (s *regressionSums) add(o *regressionSums) {
	s.weight += o.weight
	s.absolute += o.absolute
	s.square += o.square
	s.share += o.share
	s.symmetric += o.symmetric
	s.low += o.low
	s.high += o.high
	s.y += o.y
	s.yy += o.yy
	s.deviance += o.deviance
}

// regression adds, each a mean over rows weighted by w, with e = y - p:
//
//   - rmse, mae, r2, mape, median_absolute_error and max_error as scikit-learn's
//     root_mean_squared_error, mean_absolute_error, r2_score,
//     mean_absolute_percentage_error, median_absolute_error, max_error. The median
//     under weights is its lower one, as there; max_error is of every row that
//     weighs something;
//   - smape, the mean of 2|e| / (|y| + |p|), 0 where both are 0: from 0 to 2
//     (Makridakis and Hibon, "The M3-Competition", 2000, without the percent);
//   - pinball_10, pinball_50, pinball_90: scikit-learn's mean_pinball_loss with
//     alpha 0.1, 0.5, 0.9, max(alpha e, (alpha - 1) e) (Koenker and Bassett, 1978);
//   - poisson_deviance: scikit-learn's mean_poisson_deviance,
//     2 (y ln(y/p) - y + p), for y of 0 or more and p above 0.
func (p *prepared) regression(s *Scores, w []float64, whole bool) {
	var sums regressionSums
	zero, negative, worst := false, false, 0.0
	for from := 0; from < len(w); from += blockRows {
		var part regressionSums
		for i := from; i < min(from+blockRows, len(w)); i++ {
			v := w[i]
			if v == 0 {
				continue
			}
			y, guess, a := p.Y[i], p.P[i], p.errors[i]
			worst = max(worst, a)
			part.weight += v
			part.absolute += v * a
			part.square += v * a * a
			if y == 0 {
				zero = true
			} else {
				part.share += v * a / math.Abs(y)
			}
			if a > 0 {
				part.symmetric += v * 2 * a / (math.Abs(y) + math.Abs(guess))
			}
			if e := y - guess; e >= 0 {
				part.low += v * 0.1 * e
				part.high += v * 0.9 * e
			} else {
				part.low += v * -0.9 * e
				part.high += v * -0.1 * e
			}
			d := y - p.center
			part.y += v * d
			part.yy += v * d * d
			switch {
			case y < 0 || guess <= 0:
				negative = true
			case !negative && y > 0:
				part.deviance += v * 2 * (y*math.Log(y/guess) - y + guess)
			default:
				part.deviance += v * 2 * guess
			}
		}
		sums.add(&part)
	}
	s.Values["rmse"] = math.Sqrt(sums.square / sums.weight)
	s.Values["mae"] = sums.absolute / sums.weight
	s.Values["smape"] = sums.symmetric / sums.weight
	s.Values["pinball_10"] = sums.low / sums.weight
	s.Values["pinball_50"] = sums.absolute / sums.weight / 2
	s.Values["pinball_90"] = sums.high / sums.weight
	s.Values["max_error"] = worst
	s.Values["median_absolute_error"] = p.medianError(w, whole, sums.weight)
	if zero { // where scikit-learn divides by its epsilon, and says 1e15
		s.undefined("the target is 0 in a row, and no share of it can be taken", "mape")
	} else {
		s.Values["mape"] = sums.share / sums.weight
	}
	if spread := sums.yy - sums.y*sums.y/sums.weight; spread > 0 {
		s.Values["r2"] = 1 - sums.square/spread
	} else {
		s.undefined(constantTarget, "r2")
	}
	if negative {
		s.undefined("it needs a target of 0 or more and predictions above 0", "poisson_deviance")
	} else {
		s.Values["poisson_deviance"] = sums.deviance / sums.weight
	}
}

// medianError is the weighted median of the errors: the least one at which half
// the weight is reached. Where the problem weighs no rows it is the mean of the
// two middle ones. A draw of many rows takes the middle of those of like rank.
func (p *prepared) medianError(w []float64, whole bool, weight float64) float64 {
	half, reached := weight/2, 0.0
	if !whole && p.binned() {
		var sums [maxRankBins]float64
		for i, bin := range p.bins {
			sums[bin] += w[i]
		}
		bin := 0
		for ; bin < p.binCount-1 && reached+sums[bin] < half; bin++ {
			reached += sums[bin]
		}
		return p.errors[p.order[min(bin*p.binRows+p.binRows/2, len(p.order)-1)]]
	}
	for at, i := range p.order {
		if w[i] == 0 {
			continue
		}
		reached += w[i]
		if reached < half {
			continue
		}
		if reached > half || p.Weights != nil {
			return p.errors[i]
		}
		for _, j := range p.order[at+1:] {
			if w[j] > 0 {
				return (p.errors[i] + p.errors[j]) / 2
			}
		}
	}
	return p.errors[p.order[len(p.order)-1]]
}
