package activities

import (
	"strconv"
	"strings"
)

// count renders n with thousands separated, as in 3,000,000.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && c != '-' && s[i-1] != '-' && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// number renders x with six significant digits, without trailing zeros.
func number(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
