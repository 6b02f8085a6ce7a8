package evaluation

import (
	"fmt"
	"math"
)

// maxRanked is the most classes macro_roc_auc sorts the rows for.
const maxRanked = 20

// maxRankedDraws is the most rows times classes of which a bootstrap tells an
// interval of macro_roc_auc: every draw walks all of them.
const maxRankedDraws = 300_000

func (p *prepared) prepareMulticlass() {
	p.prepareClasses()
	n, k := len(p.Y), p.Classes
	p.ranks = make([]int32, n)
	for i := range p.Y {
		row, actual := p.P[i*k:(i+1)*k], int(p.Y[i])
		for c, v := range row {
			// Of equals scikit-learn's top_k_accuracy_score takes the later class.
			if v > row[actual] || v == row[actual] && c > actual {
				p.ranks[i]++
			}
		}
	}
	if k > maxRanked {
		return
	}
	p.orders = make([][]int32, k)
	for c := range k {
		order := make([]int32, n)
		for i := range order {
			order[i] = int32(i)
		}
		sortRows(order, func(i int32) float64 { return -p.P[int(i)*k+c] })
		p.orders[c] = order
	}
}

// multiclass adds scikit-learn's log_loss, accuracy_score,
// balanced_accuracy_score; precision_score,
// recall_score and f1_score with average macro and weighted, and micro_f1 (equal
// to accuracy where each row has one class); top_3_accuracy, its
// top_k_accuracy_score, where there are more than 3 classes; and macro_roc_auc,
// its roc_auc_score with multi_class ovr and average macro, for up to 20 classes
// that all occur; and ece, the expected calibration error of the top label (Guo,
// Pleiss, Sun and Weinberger 2017, eq. 3): over 10 bins of equal width of the
// probability of the answered class, the mean, weighted by the rows of a bin, of
// |share answered rightly - mean probability|.
func (p *prepared) multiclass(s *Scores, w []float64, whole bool) {
	weight := sumOf(w)
	s.Values["log_loss"] = total(w, func(i int) float64 { return p.loss[i] }) / weight
	classes := make([]counts, p.Classes) // tn is not counted
	right := 0.0
	var bins [calibrationBins]float64 // of the answer: right less probability
	for i, v := range w {
		if v == 0 {
			continue
		}
		actual, answer := int(p.Y[i]), int(p.hard[i])
		bin := &bins[bucket(p.P[i*p.Classes+answer])]
		*bin -= v * p.P[i*p.Classes+answer]
		if actual == answer {
			*bin += v
			classes[actual].tp += v
			right += v
			continue
		}
		classes[actual].fn += v
		classes[answer].fp += v
	}
	s.Values["accuracy"], s.Values["micro_f1"] = right/weight, right/weight
	gap := 0.0
	for _, b := range bins {
		gap += math.Abs(b)
	}
	s.Values["ece"] = gap / weight
	var present, seen float64
	var macro, weighted [3]float64
	balanced := 0.0
	for _, c := range classes {
		support := c.tp + c.fn
		of := [3]float64{c.precision(), c.recall(), c.f1()}
		if support > 0 {
			present++
			balanced += of[1]
		}
		if support+c.fp > 0 { // scikit-learn averages the labels that occur
			seen++
		}
		for j, v := range of {
			macro[j] += v
			weighted[j] += v * support / weight
		}
	}
	s.Values["balanced_accuracy"] = balanced / present
	for j, name := range []string{"precision", "recall", "f1"} {
		s.Values["macro_"+name], s.Values["weighted_"+name] = macro[j]/seen, weighted[j]
	}
	if p.Classes > 3 {
		s.Values["top_3_accuracy"] = total(w, func(i int) float64 {
			if p.ranks[i] < 3 {
				return 1
			}
			return 0
		}) / weight
	} else {
		s.undefined(fmt.Sprintf("there are only %d classes", p.Classes), "top_3_accuracy")
	}
	if whole || len(w)*p.Classes <= maxRankedDraws {
		p.macroAUC(s, w, classes, weight)
	}
}

func (p *prepared) macroAUC(s *Scores, w []float64, classes []counts, weight float64) {
	if p.orders == nil {
		s.undefined(fmt.Sprintf("there are more than %d classes", maxRanked), "macro_roc_auc")
		return
	}
	sum := 0.0
	above := make([]bool, len(w))
	for c, order := range p.orders {
		positives := classes[c].tp + classes[c].fn
		if positives == 0 || positives >= weight {
			s.undefined("a class does not occur on these rows", "macro_roc_auc")
			return
		}
		for k, i := range order {
			above[k] = k == 0 || p.P[int(i)*p.Classes+c] != p.P[int(order[k-1])*p.Classes+c]
		}
		auc, _ := ranking(order, above, w, func(i int32) bool { return int(p.Y[i]) == c }, positives, weight-positives)
		sum += auc
	}
	s.Values["macro_roc_auc"] = sum / float64(p.Classes)
}
