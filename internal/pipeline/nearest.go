package pipeline

import "strings"

// nearest returns the name most like word, or "" if none is near: at most a
// third of its letters differ (Levenshtein distance, case ignored).
func nearest(word string, names []string) string {
	best, bestDistance := "", len([]rune(word))/3+1
	for _, name := range names {
		if d := distance(strings.ToLower(word), strings.ToLower(name), bestDistance); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b, or limit if it is not less.
func distance(a, b string, limit int) int {
	if len(a) > 200 || len(b) > 200 {
		return limit
	}
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return min(row[len(y)], limit)
}

// oneOf lists names for a remedy: "a, b or c".
func oneOf(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// instead is the remedy for a name that is not one of names.
func instead(word string, names []string) string {
	if near := nearest(word, names); near != "" {
		return "did you mean " + near + "? Accepted: " + oneOf(names)
	}
	return "write " + oneOf(names)
}
