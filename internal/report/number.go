package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Number writes a value with about four significant digits and thousands apart:
// 1,234,567; 12.35; 0.00123; 1.2e-7. A value that is not a number is a dash.
func Number(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 0):
		return map[bool]string{true: "∞", false: "−∞"}[x > 0]
	case a >= 1e15 || a > 0 && a < 1e-4:
		return minus(strconv.FormatFloat(x, 'g', 4, 64))
	case a >= 1000:
		return minus(thousands(strconv.FormatFloat(x, 'f', 0, 64)))
	default:
		s := strconv.FormatFloat(x, 'g', 4, 64)
		if strings.Contains(s, "e") { // 9.9999e+02 after rounding
			s = strconv.FormatFloat(x, 'f', 0, 64)
		}
		return minus(s)
	}
}

// Count writes a whole number with thousands apart.
func Count(n int64) string { return minus(thousands(strconv.FormatInt(n, 10))) }

// Percent writes a share: 0.125 is "12.5 %". What is neither none nor all never
// rounds to it.
func Percent(share float64) string {
	switch p := 100 * share; {
	case math.IsNaN(p):
		return "–"
	case p > 0 && p < 0.01:
		return "< 0.01 %"
	case p < 100 && p > 99.99:
		return "> 99.99 %"
	case p == math.Trunc(p):
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	case p < 1:
		return strconv.FormatFloat(p, 'f', 2, 64) + " %"
	default:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
}

// Time writes microseconds since the epoch, UTC; midnight as a date alone.
func Time(micros float64) string {
	t := time.UnixMicro(int64(micros)).UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

func minus(s string) string {
	if strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	}
	return s
}

// Cut shortens a text to n characters and makes control characters visible.
func Cut(text string, n int) string {
	out := make([]rune, 0, n)
	for _, r := range text {
		if len(out) == n-1 && len([]rune(text)) > n {
			return string(out) + "…"
		}
		if r < ' ' || r == 0x7f {
			r = '␣'
		}
		out = append(out, r)
	}
	return string(out)
}
