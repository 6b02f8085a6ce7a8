//go:build !amd64

package model

// dotRows sets out[k] to dot(a, rows[k·tileRows:]).
func dotRows(out, a, rows []float64) {
	for k := range out {
		out[k] = dot(a, rows[k*tileRows:k*tileRows+len(a)])
	}
}
