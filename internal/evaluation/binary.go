package evaluation

import "math"

// needsCosts is why the metrics at a threshold are undefined.
const needsCosts = "it needs problem.costs"

// calibrationBins is how many bins the calibration curve and ece have.
const calibrationBins = 10

func (p *prepared) prepareBinary() {
	n := len(p.Y)
	p.prepareClasses()
	p.order, p.above = make([]int32, n), make([]bool, n)
	for i := range p.order {
		p.order[i] = int32(i)
	}
	sortRows(p.order, func(i int32) float64 { return -p.P[2*i+1] })
	for k, i := range p.order {
		p.above[k] = k == 0 || p.P[2*i+1] != p.P[2*p.order[k-1]+1]
	}
	p.bin(p.above)
}

// prepareClasses computes what binary and multiclass share.
func (p *prepared) prepareClasses() {
	n, k := len(p.Y), p.Classes
	p.loss, p.hard = make([]float64, n), make([]int32, n)
	for i := range p.Y {
		row := p.P[i*k : (i+1)*k]
		best := 0
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		p.hard[i], p.loss[i] = int32(best), logLoss(row[int(p.Y[i])])
	}
}

// logLoss clips the probability of the actual class to [eps, 1-eps], as
// scikit-learn's.
func logLoss(probability float64) float64 {
	const eps = 0x1p-52
	return -math.Log(min(max(probability, eps), 1-eps))
}

// counts are the weights of the four outcomes of a binary decision.
type counts struct{ tp, fp, tn, fn float64 }

func (c *counts) add(positive, answered bool, w float64) {
	switch {
	case positive && answered:
		c.tp += w
	case positive:
		c.fn += w
	case answered:
		c.fp += w
	default:
		c.tn += w
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (c counts) all() float64       { return c.tp + c.fp + c.tn + c.fn }
func (c counts) accuracy() float64  { return ratio(c.tp+c.tn, c.all()) }
func (c counts) precision() float64 { return ratio(c.tp, c.tp+c.fp) }
func (c counts) recall() float64    { return ratio(c.tp, c.tp+c.fn) }
func (c counts) f1() float64        { return ratio(2*c.tp, 2*c.tp+c.fp+c.fn) }

// mcc is the correlation of answer and truth (Matthews 1975), 0 where one of them
// is constant.
func (c counts) mcc() float64 {
	d := math.Sqrt(c.tp+c.fp) * math.Sqrt(c.tp+c.fn) * math.Sqrt(c.tn+c.fp) * math.Sqrt(c.tn+c.fn)
	return ratio(c.tp*c.tn-c.fp*c.fn, d)
}

// binary adds, under weights w and with class 1 as the positive one:
//
//   - scikit-learn's log_loss, brier_score_loss, roc_auc_score,
//     average_precision_score of its probability;
//   - accuracy_score, precision_score, recall_score, f1_score,
//     balanced_accuracy_score, matthews_corrcoef of the answer an endpoint gives,
//     the more probable class (the negative one of equals);
//   - ece, the expected calibration error over 10 bins of equal width: the mean,
//     weighted by the rows of a bin, of |share of positives - mean probability|
//     (Naeini, Cooper and Hauskrecht 2015);
//   - with a Decision: cost, what the errors cost a row on average, and accuracy,
//     precision, recall and f1 "_at_threshold", of the answer that is positive from
//     that probability on.
func (p *prepared) binary(s *Scores, w []float64, whole bool) {
	var answered, decided counts
	var weight, loss, brier float64
	var bins [calibrationBins]struct{ y, p float64 }
	for from := 0; from < len(w); from += blockRows {
		var partWeight, partLoss, partBrier float64
		for i := from; i < min(from+blockRows, len(w)); i++ {
			v := w[i]
			if v == 0 {
				continue
			}
			y, q := p.Y[i], p.P[2*i+1]
			partWeight += v
			partLoss += v * p.loss[i]
			partBrier += v * (q - y) * (q - y)
			answered.add(y == 1, p.hard[i] == 1, v)
			if p.Decision != nil {
				decided.add(y == 1, q >= p.Decision.Threshold, v)
			}
			bin := &bins[bucket(q)]
			bin.y += v * y
			bin.p += v * q
		}
		weight, loss, brier = weight+partWeight, loss+partLoss, brier+partBrier
	}
	s.Values["log_loss"], s.Values["brier"] = loss/weight, brier/weight
	s.Values["accuracy"], s.Values["precision"] = answered.accuracy(), answered.precision()
	gap := 0.0
	for _, b := range bins {
		gap += math.Abs(b.y - b.p)
	}
	s.Values["ece"] = gap / weight
	positives, negatives := answered.tp+answered.fn, answered.tn+answered.fp
	if d := p.Decision; d != nil {
		s.Values["cost"] = (decided.fp*d.FalsePositive + decided.fn*d.FalseNegative) / weight
		s.Values["accuracy_at_threshold"], s.Values["precision_at_threshold"] = decided.accuracy(), decided.precision()
		if positives > 0 {
			s.Values["recall_at_threshold"], s.Values["f1_at_threshold"] = decided.recall(), decided.f1()
		}
	} else {
		s.undefined(needsCosts, "cost", "accuracy_at_threshold", "precision_at_threshold", "recall_at_threshold", "f1_at_threshold")
	}
	if positives == 0 {
		s.undefined("no row is of the positive class", "recall", "f1", "roc_auc", "average_precision", "balanced_accuracy", "mcc")
		if p.Decision != nil {
			s.undefined("no row is of the positive class", "recall_at_threshold", "f1_at_threshold")
		}
		return
	}
	s.Values["recall"], s.Values["f1"] = answered.recall(), answered.f1()
	auc, precision := p.ranking(w, whole, positives, negatives)
	s.Values["average_precision"] = precision
	if negatives == 0 {
		s.undefined("every row is of the positive class", "roc_auc", "balanced_accuracy", "mcc")
		return
	}
	s.Values["roc_auc"], s.Values["mcc"] = auc, answered.mcc()
	s.Values["balanced_accuracy"] = (answered.recall() + answered.tn/negatives) / 2
}

// bucket is the bin of equal width a probability falls in.
func bucket(q float64) int {
	return min(max(int(q*calibrationBins), 0), calibrationBins-1)
}

// ranking returns the area under the ROC curve (the probability that a positive
// outranks a negative, ties counting half) and the average precision, the sum of
// precision times the gain in recall over distinct thresholds.
//
// A draw of many rows takes those of like rank for ties.
func (p *prepared) ranking(w []float64, whole bool, positives, negatives float64) (auc, precision float64) {
	if !whole && p.binned() {
		var tp, fp [maxRankBins]float64
		for i, bin := range p.bins {
			if p.Y[i] == 1 {
				tp[bin] += w[i]
			} else {
				fp[bin] += w[i]
			}
		}
		var r ranker
		for bin := range p.binCount {
			r.tp, r.fp = tp[bin], fp[bin]
			r.flush()
		}
		return ratio(r.area, positives*negatives), ratio(r.precision, positives)
	}
	return ranking(p.order, p.above, w, func(i int32) bool { return p.Y[i] == 1 }, positives, negatives)
}

// ranker walks down the rows by falling score, one group of ties after another.
type ranker struct {
	tp, fp                     float64 // of the group that is open
	seenPositive, seenNegative float64
	area, precision            float64
}

func (r *ranker) flush() {
	r.area += r.fp * (r.seenPositive + r.tp/2)
	r.seenPositive, r.seenNegative = r.seenPositive+r.tp, r.seenNegative+r.fp
	if r.tp > 0 {
		r.precision += r.tp * r.seenPositive / (r.seenPositive + r.seenNegative)
	}
	r.tp, r.fp = 0, 0
}

func ranking(order []int32, above []bool, w []float64, positive func(int32) bool, positives, negatives float64) (auc, precision float64) {
	var r ranker
	for k, i := range order {
		if above[k] {
			r.flush()
		}
		if positive(i) {
			r.tp += w[i]
		} else {
			r.fp += w[i]
		}
	}
	r.flush()
	return ratio(r.area, positives*negatives), ratio(r.precision, positives)
}
