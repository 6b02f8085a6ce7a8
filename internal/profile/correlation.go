package profile

import "math"

// correlation is Pearson's r over the rows that have both.
func correlation(x, y []float64) *float64 {
	n, mx, my := 0.0, 0.0, 0.0
	for i := range x {
		if d := x[i] + y[i]; !math.IsNaN(d) {
			n++
			mx += (x[i] - mx) / n
			my += (y[i] - my) / n
		}
	}
	var sxx, syy, sxy float64
	for i := range x {
		if d := x[i] + y[i]; !math.IsNaN(d) {
			sxx += (x[i] - mx) * (x[i] - mx)
			syy += (y[i] - my) * (y[i] - my)
			sxy += (x[i] - mx) * (y[i] - my)
		}
	}
	return bounded(sxy / math.Sqrt(sxx) / math.Sqrt(syy))
}

func bounded(r float64) *float64 {
	if math.IsNaN(r) || math.IsInf(r, 0) {
		return nil
	}
	return new(round(math.Max(-1, math.Min(1, r))))
}

// ranked is Spearman's correlation over the rows that have both.
func ranked(a, b *vector) *float64 {
	if a.places != nil && b.places != nil {
		return correlation(a.places, b.places)
	}
	return correlation(a.ranks(b.values), b.ranks(a.values))
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
	used := func(margin []float64) (k float64) {
		for _, m := range margin {
			if m > 0 {
				k++
			}
		}
		return k
	}
	chi := 0.0
	for i, row := range cells {
		for j, o := range row {
			if expected := rows[i] * columns[j] / n; expected > 0 {
				chi += (o - expected) * (o - expected) / expected
			}
		}
	}
	return bounded(math.Sqrt(chi / n / (math.Min(used(rows), used(columns)) - 1)))
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
