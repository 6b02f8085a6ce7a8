package model

import "golang.org/x/sys/cpu"

var wide = cpu.X86.HasAVX

// lanes sets the four running sums of dot(a, b) for four b, stride bytes apart,
// over n values, a multiple of 4. It multiplies and adds as dot does, without
// fusing the two, so that the sums are the same bit for bit.
//
//go:noescape
func lanes(a, b *float64, stride, n int, sums *[16]float64)

// dotRows sets out[k] to dot(a, rows[k·tileRows:]).
func dotRows(out, a, rows []float64) {
	k, n := 0, len(a)&^3
	if wide && n > 0 {
		var sums [16]float64
		for ; k+4 <= len(out); k += 4 {
			block := rows[k*tileRows : (k+3)*tileRows+len(a)]
			lanes(&a[0], &block[0], tileRows*8, n, &sums)
			for r := range 4 {
				s := sums[4*r : 4*r+4]
				for i := n; i < len(a); i++ {
					s[0] += a[i] * block[r*tileRows+i]
				}
				out[k+r] = (s[0] + s[1]) + (s[2] + s[3])
			}
		}
	}
	for ; k < len(out); k++ {
		out[k] = dot(a, rows[k*tileRows:k*tileRows+len(a)])
	}
}
