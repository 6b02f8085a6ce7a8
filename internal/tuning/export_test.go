package tuning

// SobolPoint is a point of the sequence without a shift.
func SobolPoint(n uint32, dimensions int) []float64 {
	return sobolPoint(n, dimensions, func(int) uint32 { return 0 })
}
