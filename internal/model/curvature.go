package model

// curvature adds the Hessian: for classes k >= l the weights p_k(δ_kl - p_l)
// (of counts, the expected ones) times the products of the columns. A block adds to one column a row.
func (o *objective) curvature(e *evaluation, lo, n int) {
	size := o.size()
	for k := range o.rows {
		for l := 0; l <= k; l++ {
			h := e.h[:n]
			for i := range h {
				p := e.p[k*tileRows+i]
				switch {
				case o.loss == counts:
					h[i] = p
				case k == l:
					h[i] = p * (1 - p)
				default:
					h[i] = -p * e.p[l*tileRows+i]
				}
			}
			o.weigh(h, lo)
			o.products(e, h, k*o.stride*size+l*o.stride, lo, k == l)
		}
	}
}

// products adds Σ h·x·xᵀ to the sub-matrix that starts at origin. On the
// diagonal (half) only its lower triangle is needed.
func (o *objective) products(e *evaluation, h []float64, origin, lo int, half bool) {
	n, size := len(h), o.size()
	put := func(i, j int, v float64) { // spread positions, the intercept is 0
		if i < j {
			i, j = j, i
		}
		e.hessian[origin+i*size+j] += v
	}
	if !half {
		put = func(i, j int, v float64) {
			e.hessian[origin+i*size+j] += v
			if i != j {
				e.hessian[origin+j*size+i] += v
			}
		}
	}
	place := func(j int) int { // of dense row j of e.x
		if j == 0 {
			return 0
		}
		return 1 + o.denseAt[j-1]
	}
	var weighted [tileRows]float64
	for j := range len(o.dense) + 1 {
		x := e.x[j*tileRows : j*tileRows+n]
		for i, v := range x {
			weighted[i] = h[i] * v
		}
		w := weighted[:n]
		dotRows(e.row[:j+1], w, e.x)
		for i, v := range e.row[:j+1] {
			put(place(j), place(i), v)
		}
		for b, codes := range o.codes {
			for i, c := range codes[lo : lo+n] {
				if c >= 0 {
					put(1+o.codesAt[b]+int(c), place(j), w[i])
				}
			}
		}
	}
	for b, codes := range o.codes {
		for i, c := range codes[lo : lo+n] {
			if c < 0 {
				continue
			}
			at := 1 + o.codesAt[b] + int(c)
			put(at, at, h[i])
			for other := range b {
				if d := o.codes[other][lo+i]; d >= 0 {
					put(at, 1+o.codesAt[other]+int(d), h[i])
				}
			}
		}
	}
}
