package drift

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// unit is the exponent of the least square of a double: an Exact counts 2^-2148.
const unit = 2148

// Exact is a sum of finite doubles, or of their squares, without any rounding: an
// integer of 2^-2148, which is why sums of sums are the same in whatever order. As
// text it is a hexadecimal mantissa without trailing zeros and an exponent of 2,
// "-1f3p-20"; a sum of a million values of one size has about 30 digits.
type Exact struct{ n big.Int }

// Add adds another sum.
func (e *Exact) Add(o *Exact) { e.n.Add(&e.n, &o.n) }

// Exactly are the sums of finite values, at most 2^31, and of their squares.
func Exactly(values []float64) (total, squares *Exact) {
	var t, s accumulator
	for _, x := range values {
		t.add(x)
		s.addSquare(x)
	}
	total, squares = &Exact{}, &Exact{}
	t.into(total)
	s.into(squares)
	return total, squares
}

// Mean is the sum over n, rounded once.
func (e *Exact) Mean(n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	mean := new(big.Float).SetPrec(53).Quo(new(big.Float).SetInt(&e.n), new(big.Float).SetInt64(n))
	v, _ := mean.SetMantExp(mean, -unit).Float64()
	return v
}

// Deviation is the population standard deviation of n values by their sum and the
// sum of their squares. Nothing cancels, as both are exact.
func Deviation(sum, squares *Exact, n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	count, top := big.NewInt(n), spread(sum, squares, n)
	// The root of a ratio of integers: its square may be beyond a double.
	root := new(big.Float).SetPrec(128).Quo(new(big.Float).SetInt(top), new(big.Float).SetInt(count.Mul(count, count)))
	root.SetMantExp(root, -2*unit)
	v, _ := root.Sqrt(root).Float64()
	return v
}

// spread is n times the sum of squares less the square of the sum: never negative
// for values there can be.
func spread(sum, squares *Exact, n int64) *big.Int {
	top := new(big.Int).Mul(&squares.n, big.NewInt(n))
	top.Lsh(top, unit)
	return top.Sub(top, new(big.Int).Mul(&sum.n, &sum.n))
}

// MarshalText writes the canonical form.
func (e *Exact) MarshalText() ([]byte, error) {
	zeros := 0
	n := &e.n
	if n.Sign() != 0 {
		zeros = int(n.TrailingZeroBits())
		n = new(big.Int).Rsh(n, uint(zeros))
	}
	return []byte(n.Text(16) + "p" + strconv.Itoa(zeros-unit)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (e *Exact) UnmarshalText(text []byte) error {
	mantissa, exponent, ok := strings.Cut(string(text), "p")
	at, err := strconv.Atoi(exponent)
	if !ok || err != nil || len(mantissa) > 1200 || at < -unit || at > unit {
		return fmt.Errorf("%.40q is no exact sum", text)
	}
	if _, ok := e.n.SetString(mantissa, 16); !ok {
		return fmt.Errorf("%.40q is no exact sum", text)
	}
	e.n.Lsh(&e.n, uint(at+unit))
	return nil
}

// accumulator is an Exact under way: limbs of 32 bits with room for 2^31 carries
// that nobody took (the small superaccumulator of Neal 2015).
type accumulator struct{ limbs [2*unit/32 + 4]int64 }

const maxTerms = 1 << 31 // before a limb could overflow

// parts are sign (0 or -1), mantissa and exponent over 2^-1075 of a finite value.
func parts(x float64) (sign int64, m uint64, exponent uint) {
	b := math.Float64bits(x)
	exponent = uint(b>>52) & 0x7ff
	m = b & (1<<52 - 1)
	if exponent == 0 {
		exponent = 1
	} else {
		m |= 1 << 52
	}
	return int64(b) >> 63, m, exponent
}

func (a *accumulator) add(x float64) {
	sign, m, exponent := parts(x)
	shift := exponent + unit - 1075
	l := a.limbs[shift/32:]
	l = l[:3]
	shift %= 32
	low := m << shift
	l[0] += (int64(low&(1<<32-1)) ^ sign) - sign
	l[1] += (int64(low>>32) ^ sign) - sign
	l[2] += (int64(m>>(64-shift)) ^ sign) - sign
}

func (a *accumulator) addSquare(x float64) {
	_, m, exponent := parts(x)
	high, low := bits.Mul64(m, m)
	shift := 2*exponent + unit - 2*1075
	l := a.limbs[shift/32:]
	l = l[:5]
	shift %= 32
	top := high >> (64 - shift)
	high, low = high<<shift|low>>(64-shift), low<<shift
	l[0] += int64(low & (1<<32 - 1))
	l[1] += int64(low >> 32)
	l[2] += int64(high & (1<<32 - 1))
	l[3] += int64(high >> 32)
	l[4] += int64(top)
}

func (a *accumulator) into(e *Exact) {
	var total, limb big.Int
	for i := len(a.limbs) - 1; i >= 0; i-- {
		total.Lsh(&total, 32)
		total.Add(&total, limb.SetInt64(a.limbs[i]))
	}
	e.n.Add(&e.n, &total)
}
