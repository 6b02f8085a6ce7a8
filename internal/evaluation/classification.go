package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// binary adds scikit-learn's log_loss, brier_score_loss, accuracy_score,
// precision_score, recall_score, f1_score, roc_auc_score and
// average_precision_score; p holds [1-p, p] of each row, and class 1 is positive.
func binary(s *Scores, y, p []float64) {
	n := len(y)
	s.Values["log_loss"] = logLoss(y, p, 2)
	s.Values["brier"] = average(n, func(i int) float64 { return (p[2*i+1] - y[i]) * (p[2*i+1] - y[i]) })
	c := Confuse(y, p, 2)
	s.Values["accuracy"] = c.accuracy()
	positive := c.class(1)
	s.Values["precision"] = positive.Precision
	if positive.Support == 0 {
		s.undefined("no row is of the positive class", "recall", "f1", "roc_auc", "average_precision")
		return
	}
	s.Values["recall"], s.Values["f1"] = positive.Recall, positive.F1
	scores := make([]scored, n)
	for i := range scores {
		scores[i] = scored{p[2*i+1], y[i] == 1}
	}
	auc, precision := ranking(scores)
	s.Values["average_precision"] = precision
	if positive.Support == n {
		s.undefined("every row is of the positive class", "roc_auc")
		return
	}
	s.Values["roc_auc"] = auc
}

// multiclass adds scikit-learn's log_loss, accuracy_score,
// balanced_accuracy_score and f1_score with average macro and weighted.
func multiclass(s *Scores, y, p []float64, classes int) {
	s.Values["log_loss"] = logLoss(y, p, classes)
	c := Confuse(y, p, classes)
	s.Values["accuracy"] = c.accuracy()
	var recall, f1, weighted float64
	present, seen := 0, 0
	for k := range classes {
		one := c.class(k)
		if one.Support > 0 {
			present++
			recall += one.Recall
			weighted += one.F1 * float64(one.Support) / float64(len(y))
		}
		if one.Support+one.Predicted > 0 { // scikit-learn averages the labels that occur
			seen++
			f1 += one.F1
		}
	}
	s.Values["balanced_accuracy"] = recall / float64(present)
	s.Values["macro_f1"] = f1 / float64(seen)
	s.Values["weighted_f1"] = weighted
}

// logLoss clips probabilities to [eps, 1-eps], as scikit-learn's.
func logLoss(y, p []float64, classes int) float64 {
	const eps = 0x1p-52
	return average(len(y), func(i int) float64 {
		return -math.Log(min(max(p[i*classes+int(y[i])], eps), 1-eps))
	})
}

type scored struct {
	score    float64
	positive bool
}

// ranking returns the area under the ROC curve (the probability that a positive
// outranks a negative, ties counting half) and the average precision, the sum of
// precision times the gain in recall over distinct thresholds.
func ranking(rows []scored) (auc, precision float64) {
	slices.SortFunc(rows, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var positives, negatives, area float64
	for i := 0; i < len(rows); {
		tp, fp, j := 0.0, 0.0, i
		for ; j < len(rows) && rows[j].score == rows[i].score; j++ {
			if rows[j].positive {
				tp++
			} else {
				fp++
			}
		}
		area += fp * (positives + tp/2)
		positives, negatives = positives+tp, negatives+fp
		precision += tp * positives / (positives + negatives)
		i = j
	}
	return area / positives / negatives, precision / positives
}

// Confusion counts rows by actual and predicted class.
type Confusion struct {
	Rows [][]int `json:"rows"` // [actual][predicted]
}

// Confuse predicts the most probable class, the first of equals.
func Confuse(y, p []float64, classes int) *Confusion {
	c := &Confusion{Rows: make([][]int, classes)}
	for k := range c.Rows {
		c.Rows[k] = make([]int, classes)
	}
	for i, actual := range y {
		best := 0
		for k, v := range p[i*classes : (i+1)*classes] {
			if v > p[i*classes+best] {
				best = k
			}
		}
		c.Rows[int(actual)][best]++
	}
	return c
}

func (c *Confusion) accuracy() float64 {
	right, all := 0, 0
	for k, row := range c.Rows {
		right += row[k]
		for _, n := range row {
			all += n
		}
	}
	return float64(right) / float64(all)
}

// Class is how one class was predicted, against all others.
type Class struct {
	Name      string  `json:"name"`
	Precision float64 `json:"precision"` // 0 if it was never predicted
	Recall    float64 `json:"recall"`    // 0 if it does not occur
	F1        float64 `json:"f1"`
	Support   int     `json:"support"`   // rows of the class
	Predicted int     `json:"predicted"` // rows predicted as the class
}

func (c *Confusion) class(k int) Class {
	var one Class
	for i, row := range c.Rows {
		one.Predicted += row[k]
		one.Support += c.Rows[k][i]
	}
	right := float64(c.Rows[k][k])
	if one.Predicted > 0 {
		one.Precision = right / float64(one.Predicted)
	}
	if one.Support > 0 {
		one.Recall = right / float64(one.Support)
	}
	if one.Predicted+one.Support > 0 {
		one.F1 = 2 * right / float64(one.Predicted+one.Support)
	}
	return one
}
