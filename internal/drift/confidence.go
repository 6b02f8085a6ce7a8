package drift

import (
	"cmp"
	"math"
	"slices"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Estimate is a metric that nobody has measured, with the interval of 95 % in which
// it would be measured if the probabilities it rests on are right.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Confidence are the answers of a classifier, whose metrics are estimated without
// labels from how sure it is.
type Confidence struct {
	Classes    int
	Predicted  []float64 // rows × Classes, as answered
	Calibrated []float64 // the same, as often as each is right; nil: as answered
	Seed       int64     // of the draws for the intervals
}

// Bounds of an estimate: rows times draws, and what macro_roc_auc sorts for.
const (
	drawnLabels  = 20_000_000
	mostDraws    = 200
	leastDraws   = 40
	rankedAtMost = 20
)

// Metrics estimates, as NannyML's CBPE does, what evaluation would measure: labels
// are taken to be each class as often as Calibrated says. Of two classes, the
// second being the positive one: accuracy, precision, recall, f1, roc_auc,
// average_precision, log_loss, brier; of more: accuracy, macro_precision,
// macro_recall, macro_f1, log_loss and, of up to 20, macro_roc_auc. The answer is
// the more probable class. Equal probabilities share their rank, where NannyML
// takes them in the order of the rows.
//
// It assumes that the inputs alone have changed, not what follows from them.
//
// Errors: DatasetEmpty without rows; Internal for lengths that do not fit;
// RequestInvalid for a probability outside 0 to 1.
func (c Confidence) Metrics() (map[string]Estimate, error) {
	rows := len(c.Predicted) / max(1, c.Classes)
	if c.Calibrated == nil {
		c.Calibrated = c.Predicted
	}
	switch {
	case c.Classes < 2 || rows*c.Classes != len(c.Predicted) || len(c.Calibrated) != len(c.Predicted):
		return nil, fault.New(fault.Internal, "%d and %d probabilities of %d classes", len(c.Predicted), len(c.Calibrated), c.Classes)
	case rows == 0:
		return nil, fault.New(fault.DatasetEmpty, "no answers to estimate performance from")
	}
	for _, list := range [][]float64{c.Predicted, c.Calibrated} {
		for i, p := range list {
			if !(p >= 0 && p <= 1) {
				return nil, fault.New(fault.RequestInvalid, "the answer to row %d has probability %v", i/c.Classes, p)
			}
		}
	}
	e := c.prepare(rows)
	values := e.metrics(c.Calibrated)
	draws := min(max(drawnLabels/rows, leastDraws), mostDraws)
	drawnValues := make([]map[string]float64, draws)
	parallel(draws, func(d int) { drawnValues[d] = e.metrics(c.draw(rows, d)) })
	out := map[string]Estimate{}
	for name, v := range values {
		if v-v != 0 {
			continue
		}
		var all []float64
		for _, of := range drawnValues {
			if d := of[name]; d-d == 0 {
				all = append(all, d)
			}
		}
		half := 1.959964 * math.Sqrt(variance(all))
		out[name] = Estimate{v, v - half, v + half}
	}
	return out, nil
}

// draw is one set of labels, each class as probable as calibrated, as shares.
func (c *Confidence) draw(rows, draw int) []float64 {
	labels := make([]float64, len(c.Calibrated))
	stream := mix(uint64(c.Seed)) + uint64(draw)<<32
	for i := range rows {
		u := float64(mix(stream+uint64(i))>>11) / (1 << 53)
		at := i * c.Classes
		total := sum(c.Calibrated[at : at+c.Classes])
		k := 0
		for u *= total; k < c.Classes-1 && u >= c.Calibrated[at+k]; k++ {
			u -= c.Calibrated[at+k]
		}
		labels[at+k] = 1
	}
	return labels
}

type confidence struct {
	Confidence
	rows   int
	hard   []int32
	orders [][]int32 // of the classes that are ranked, by falling probability
	losses []float64 // -log of what was predicted
}

func (c Confidence) prepare(rows int) *confidence {
	e := &confidence{Confidence: c, rows: rows, hard: make([]int32, rows), losses: make([]float64, len(c.Predicted))}
	for i := range rows {
		row := c.Predicted[i*c.Classes : (i+1)*c.Classes]
		for k, p := range row {
			if p > row[e.hard[i]] {
				e.hard[i] = int32(k)
			}
			const eps = 0x1p-52 // as evaluation's log_loss
			e.losses[i*c.Classes+k] = -math.Log(min(max(p, eps), 1-eps))
		}
	}
	if c.Classes > rankedAtMost {
		return e
	}
	e.orders = make([][]int32, c.Classes)
	parallel(c.Classes, func(k int) {
		if c.Classes == 2 && k == 0 {
			return
		}
		order := make([]int32, rows)
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(i, j int32) int {
			return cmp.Or(cmp.Compare(c.Predicted[int(j)*c.Classes+k], c.Predicted[int(i)*c.Classes+k]), cmp.Compare(i, j))
		})
		e.orders[k] = order
	})
	return e
}

// metrics are those of labels that are shares of the classes of each row.
func (e *confidence) metrics(labels []float64) map[string]float64 {
	k := e.Classes
	tp, answered, actual := make([]float64, k), make([]float64, k), make([]float64, k)
	var loss, brier compensated
	for i, hard := range e.hard {
		row := labels[i*k : (i+1)*k]
		tp[hard] += row[hard]
		answered[hard]++
		for c, share := range row {
			actual[c] += share
			loss.add(share * e.losses[i*k+c])
		}
		if k == 2 {
			p := e.Predicted[i*2+1]
			brier.add(row[1]*(1-p)*(1-p) + (1-row[1])*p*p)
		}
	}
	n := float64(e.rows)
	out := map[string]float64{"accuracy": sum(tp) / n, "log_loss": loss.value() / n}
	if k == 2 {
		out["brier"] = brier.value() / n
		out["precision"], out["recall"], out["f1"] = over(tp[1], answered[1]), over(tp[1], actual[1]), over(2*tp[1], answered[1]+actual[1])
		out["roc_auc"], out["average_precision"] = e.ranking(labels, 1, actual[1])
		return out
	}
	var precision, recall, f1, auc float64
	for c := range k {
		precision, recall, f1 = precision+over(tp[c], answered[c]), recall+over(tp[c], actual[c]), f1+over(2*tp[c], answered[c]+actual[c])
		if e.orders != nil {
			a, _ := e.ranking(labels, c, actual[c])
			auc += a
		}
	}
	out["macro_precision"], out["macro_recall"], out["macro_f1"] = precision/float64(k), recall/float64(k), f1/float64(k)
	if e.orders != nil {
		out["macro_roc_auc"] = auc / float64(k)
	}
	return out
}

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// ranking is the area under the ROC curve of one class against the others, and the
// average precision; NaN where all rows are of one side.
func (e *confidence) ranking(labels []float64, class int, positives float64) (auc, precision float64) {
	var seen, seenOthers float64
	order, k := e.orders[class], e.Classes
	for lo := 0; lo < len(order); {
		p := e.Predicted[int(order[lo])*k+class]
		var tp, fp float64
		for ; lo < len(order) && e.Predicted[int(order[lo])*k+class] == p; lo++ {
			share := labels[int(order[lo])*k+class]
			tp, fp = tp+share, fp+1-share
		}
		auc += fp * (seen + tp/2)
		seen, seenOthers = seen+tp, seenOthers+fp
		precision += tp * over(seen, seen+seenOthers)
	}
	return auc / (positives * (float64(e.rows) - positives)), precision / positives
}
