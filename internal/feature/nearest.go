package feature

// nearest returns the candidate closest to name by edit distance, if it is close
// enough to be what was meant, else "".
func nearest(name string, candidates []string) string {
	best, bound := "", len(name)/2+2
	for _, c := range candidates {
		if len(c) > 256 {
			continue
		}
		if d := distance(name, c); d < bound {
			best, bound = c, d
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
