package profile

import "slices"

// quantileEdges cuts sorted values into at most bins intervals of about as many
// each; fewer where one value fills several.
func quantileEdges(sorted []float64, bins int) []float64 {
	var edges []float64
	for i := 1; i < bins; i++ {
		edges = append(edges, sorted[i*len(sorted)/bins])
	}
	return slices.Compact(edges)
}
