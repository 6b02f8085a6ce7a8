package profile

import "math"

// moments are the mean of some numbers and the sum of the squares of what they are
// from it.
type moments struct{ mean, squares float64 }

// momentsOf is over the rows that have both numbers.
func momentsOf(x, other []float64) (m moments) {
	n := 0.0
	for i := range x {
		if !math.IsNaN(x[i] + other[i]) {
			n++
			m.mean += (x[i] - m.mean) / n
		}
	}
	for i := range x {
		if !math.IsNaN(x[i] + other[i]) {
			m.squares += (x[i] - m.mean) * (x[i] - m.mean)
		}
	}
	return m
}

// correlation is Pearson's r over the rows that have both numbers; mx and my are theirs
// over these rows.
func correlation(x, y []float64, mx, my moments) *float64 {
	sxy := 0.0
	for i := range x {
		if !math.IsNaN(x[i] + y[i]) {
			sxy += (x[i] - mx.mean) * (y[i] - my.mean)
		}
	}
	return bounded(sxy / math.Sqrt(mx.squares) / math.Sqrt(my.squares))
}

// linear is Pearson's correlation of two columns.
func linear(a, b *vector) *float64 {
	if a.places != nil && b.places != nil {
		return correlation(a.values, b.values, a.moments, b.moments)
	}
	return correlation(a.values, b.values, momentsOf(a.values, b.values), momentsOf(b.values, a.values))
}

func bounded(r float64) *float64 {
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return nil
	}
	return new(round(math.Max(-1, math.Min(1, r))))
}

// monotone is Spearman's correlation of two columns.
func monotone(a, b *vector) *float64 {
	if a.places != nil && b.places != nil {
		return correlation(a.places, b.places, a.ranked, b.ranked)
	}
	x, y := a.ranks(b.values), b.ranks(a.values)
	return correlation(x, y, momentsOf(x, y), momentsOf(y, x))
}

// contingency counts the pairs of classes.
func contingency(a, b *vector) (cells [][]float64, rows, columns []float64, n float64) {
	cells, rows, columns = make([][]float64, a.classes), make([]float64, a.classes), make([]float64, b.classes)
	for i := range cells {
		cells[i] = make([]float64, b.classes)
	}
	for i := range a.codes {
		if x, y := a.codes[i], b.codes[i]; x >= 0 && y >= 0 {
			cells[x][y]++
			rows[x]++
			columns[y]++
			n++
		}
	}
	return cells, rows, columns, n
}

func cramer(a, b *vector) *float64 {
	cells, rows, columns, n := contingency(a, b)
	chi := 0.0
	for i, row := range cells {
		for j, o := range row {
			if expected := rows[i] * columns[j] / n; expected > 0 {
				chi += (o - expected) * (o - expected) / expected
			}
		}
	}
	return bounded(math.Sqrt(chi / n / float64(min(used(rows), used(columns))-1)))
}

func etaOf(classes *vector, values []float64) *float64 {
	n, sum := make([]float64, classes.classes), make([]float64, classes.classes)
	mean, seen := 0.0, 0.0
	for i, x := range values {
		if c := classes.codes[i]; c >= 0 && !math.IsNaN(x) {
			seen++
			mean += (x - mean) / seen
		}
	}
	total := 0.0
	for i, x := range values {
		if c := classes.codes[i]; c >= 0 && !math.IsNaN(x) {
			n[c]++
			sum[c] += x - mean
			total += (x - mean) * (x - mean)
		}
	}
	between := 0.0
	for c := range n {
		if n[c] > 0 {
			between += sum[c] * sum[c] / n[c]
		}
	}
	return bounded(math.Sqrt(between / total))
}
