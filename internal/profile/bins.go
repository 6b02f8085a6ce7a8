package profile

import (
	"math"
	"slices"
)

// quantileEdges cuts sorted values into at most bins intervals of about as many
// each; fewer where one value fills several.
func quantileEdges(sorted []float64, bins int) []float64 {
	var edges []float64
	for i := 1; i < bins; i++ {
		edges = append(edges, sorted[i*len(sorted)/bins])
	}
	return slices.Compact(edges)
}

// codesBetween numbers each value by its interval: how many of the increasing edges
// are below it, -1 for NaN.
func codesBetween(edges, values []float64) []int32 {
	codes := make([]int32, len(values))
	for i, x := range values {
		codes[i] = -1
		if !math.IsNaN(x) {
			at, _ := slices.BinarySearch(edges, x)
			codes[i] = int32(at)
		}
	}
	return codes
}
