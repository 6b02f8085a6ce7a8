package drift

import "math"

// KolmogorovSmirnov is the two-sample test of sorted finite values: the largest
// difference of their distribution functions, and p by the exact distribution of
// the one-sample statistic for nm/(n+m) rows, rounded (Hodges 1958; Simard and
// L'Ecuyer 2011), as scipy.stats.ks_2samp(method="asymp"). scipy's default takes
// another, exact, p where neither side has more than 10,000 values. Nil if a side
// is empty.
func KolmogorovSmirnov(a, b []float64) *Test {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	d := 0.0
	n, m := float64(len(a)), float64(len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		d = max(d, math.Abs(float64(i)/n-float64(j)/m))
	}
	return &Test{Statistic: d, P: kolmogorovP(d, n, m)}
}

// kolmogorovOfBins is the statistic of counts over the same bins. It is never above that of
// the values, and below it by at most the largest share a bin has on either side.
func kolmogorovOfBins(p, q []float64) *Test {
	n, m := sum(p), sum(q)
	if n == 0 || m == 0 {
		return nil
	}
	d, a, b := 0.0, 0.0, 0.0
	for i := range p {
		a, b = a+p[i], b+q[i]
		d = max(d, math.Abs(a/n-b/m))
	}
	return &Test{Statistic: d, P: kolmogorovP(d, n, m)}
}

func kolmogorovP(d, n, m float64) float64 {
	large, small := max(n, m), min(n, m)
	return kolmogorovTail(int(math.RoundToEven(large*small/(large+small))), d)
}

// kolmogorovTail is P(D > x) of the two-sided one-sample statistic of n values, by
// the methods of Simard and L'Ecuyer (2011) where they are scipy's too.
func kolmogorovTail(n int, x float64) float64 {
	t := float64(n) * x
	squared := t * x
	bound := func(p float64) float64 { return min(max(p, 0), 1) }
	switch {
	case n <= 0 || x <= 0 || t <= .5:
		return 1
	case x >= 1:
		return 0
	case t <= 1: // Ruben and Gambino 1982
		p := 0.0
		for i := 1; i <= n; i++ {
			p += math.Log(float64(i) / float64(n))
		}
		return bound(1 - math.Exp(p+float64(n)*math.Log(2*t-1)))
	case t >= float64(n)-1:
		return bound(2 * math.Pow(1-x, float64(n)))
	case squared >= 370:
		return 0
	case n > 100_000 && squared >= 2.2:
		return bound(2 * smirnovOfMany(float64(n), x))
	case x >= .5 || squared >= 2.2: // Miller 1956
		return bound(2 * smirnov(n, x))
	case n <= 140 || n <= 100_000 && float64(n)*math.Pow(x, 1.5) <= 1.4:
		return bound(1 - durbin(n, x))
	default:
		return bound(1 - pelzGood(float64(n), x))
	}
}

// smirnov is P(D+ > x) of n values: the finite sum of Smirnov (1944), in
// logarithms.
func smirnov(n int, x float64) float64 {
	m := float64(n)
	all, _ := math.Lgamma(m + 1)
	total := 0.0
	for j := 0; j <= int(math.Floor(m*(1-x))); j++ {
		v := float64(j)
		below := 1 - x - v/m
		if below <= 0 {
			if j == n { // 0⁰
				total += math.Exp((v - 1) * math.Log(x+v/m))
			}
			continue
		}
		a, _ := math.Lgamma(v + 1)
		b, _ := math.Lgamma(m - v + 1)
		total += math.Exp(all - a - b + (m-v)*math.Log(below) + (v-1)*math.Log(x+v/m))
	}
	return x * total
}

// smirnovOfMany is smirnov without its long sum, by the expansion of Lauwerier
// (1963); its error falls with n².
func smirnovOfMany(n, x float64) float64 {
	root := math.Sqrt(n)
	z := root * x
	z2 := z * z
	return math.Exp(-2*z2) * (1 - 2*z/(3*root) + 2*z2/(3*n)*(1-2*z2/3) + 4*z/(9*n*root)*(1./5-19*z2/15+2*z2*z2/3))
}

// durbin is P(D ≤ x) by powers of a matrix (Marsaglia, Tsang and Wang 2003).
func durbin(n int, x float64) float64 {
	nd := float64(n) * x
	k := int(math.Ceil(nd))
	h, m := float64(k)-nd, 2*k-1
	matrix := make([]float64, m*m)
	v, factor := make([]float64, m), 1.0
	for j := 1; j <= m; j++ {
		for i := j - 1; i < m && j < m; i++ {
			matrix[i*m+j] = 1 // divided below
		}
		factor /= float64(j)
		v[j-1] = (1 - math.Pow(h, float64(j))) * factor
	}
	v[m-1] = (1 + math.Pow(max(2*h-1, 0), float64(m)) - 2*math.Pow(h, float64(m))) * factor
	for j := 1; j < m; j++ {
		w := 1.0
		for i := j - 1; i < m; i++ {
			matrix[i*m+j] = w
			w /= float64(i - j + 2)
		}
	}
	for i := range m {
		matrix[i*m] = v[i]
	}
	for j := range m {
		matrix[(m-1)*m+j] = v[m-1-j]
	}
	power := make([]float64, m*m)
	for i := range m {
		power[i*m+i] = 1
	}
	exponent, ofMatrix := 0, 0
	const scale = 128
	for left := n; left > 0; left /= 2 {
		if left%2 == 1 {
			power = product(power, matrix, m)
			exponent += ofMatrix
		}
		matrix = product(matrix, matrix, m)
		ofMatrix *= 2
		if math.Abs(matrix[(k-1)*m+k-1]) > 0x1p128 {
			for i := range matrix {
				matrix[i] /= 0x1p128
			}
			ofMatrix += scale
		}
	}
	p := power[(k-1)*m+k-1]
	for i := 1; i <= n; i++ {
		if p = float64(i) * p / float64(n); math.Abs(p) < 0x1p-128 {
			p, exponent = p*0x1p128, exponent-scale
		}
	}
	return math.Ldexp(p, exponent)
}

func product(a, b []float64, m int) []float64 {
	out := make([]float64, m*m)
	for i := range m {
		for k := range m {
			if v := a[i*m+k]; v != 0 {
				for j := range m {
					out[i*m+j] += v * b[k*m+j]
				}
			}
		}
	}
	return out
}

// pelzGood is P(D ≤ x) by the expansion of Pelz and Good (1976), Journal of the
// Royal Statistical Society B 38.
func pelzGood(n, x float64) float64 {
	const (
		pi2 = math.Pi * math.Pi
		pi4 = pi2 * pi2
		pi6 = pi4 * pi2
	)
	z := math.Sqrt(n) * x
	z2 := z * z
	z3, z4, z6 := z2*z, z2*z2, z2*z2*z2
	if -pi2/8/z2 < -708 {
		return 0
	}
	q := math.Exp(-pi2 / 8 / z2)
	most := int(math.Ceil(16 * z / math.Pi))
	var k [4]float64
	for i := most; i > 0; i-- {
		m := float64(2*i - 1)
		m2 := m * m
		m4, m6 := m2*m2, m2*m2*m2
		power := math.Pow(q, float64(8*i))
		for j, c := range [4]float64{
			1,
			-z2 + pi2/4*m2,
			6*z6 + 2*z4 + (2*z4-5*z2)*pi2/4*m2 + pi4*(1-2*z2)/16*m4,
			-30*z6 - 90*z4*z4 + pi2*(135*z4-96*z6)/4*m2 + pi4*(-60*z2+212*z4)/16*m4 + pi6*(5-30*z2)/64*m6,
		} {
			k[j] = k[j]*power + c
		}
	}
	root := math.Sqrt(2 * math.Pi)
	for j, by := range [4]float64{z, 6 * z4, 72 * z6 * z, 6480 * z6 * z4} {
		k[j] *= q * root / by
	}
	q = math.Exp(-pi2 / 2 / z2)
	var second, third float64
	for i := most; i > 0; i-- {
		v := float64(i)
		p := v * v * math.Pow(q, v*v)
		second += p
		third += p * (3*z2 - pi2*v*v)
	}
	k[2] += second * pi2 * root / (-36 * z3)
	k[3] += third * pi2 * root / (216 * z6)
	return k[0] + k[1]/math.Sqrt(n) + k[2]/n + k[3]/(n*math.Sqrt(n))
}
