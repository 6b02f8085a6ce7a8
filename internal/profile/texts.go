package profile

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// texts takes distinct texts with their counts, in any order, and keeps what the
// figures need.
type texts struct {
	figures  Text
	lengths  int64
	seen     int64
	distinct int64
	top      []Value
}

func newTexts() *texts { return &texts{} }

func (t *texts) add(text string, n int64) {
	length := int64(utf8.RuneCountInString(text))
	if t.distinct == 0 || length < t.figures.MinLength {
		t.figures.MinLength = length
	}
	t.figures.MaxLength = max(t.figures.MaxLength, length)
	t.lengths += length * n
	t.seen += n
	t.distinct++
	switch trimmed := strings.TrimFunc(text, func(r rune) bool { return unicode.Is(unicode.Zs, r) }); {
	case trimmed == "":
		t.figures.Empty += n
	case trimmed != text:
		t.figures.Padded += n
	}
	if isNumber(text) {
		t.figures.Numeric += n
	}
	v := Value{text, n}
	if len(t.top) == top && byCount(t.top[top-1], v) < 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(t.top, v, byCount)
	if t.top = slices.Insert(t.top, at, v); len(t.top) > top {
		t.top = t.top[:top]
	}
}

// byCount orders the most frequent first, ties by value.
func byCount(a, b Value) int {
	switch {
	case a.Count > b.Count:
		return -1
	case a.Count < b.Count:
		return 1
	}
	return strings.Compare(a.Value, b.Value)
}

func (t *texts) fill(c *Column) {
	c.Distinct = t.distinct
	if t.seen == 0 {
		return
	}
	f := t.figures
	f.MeanLength = round(float64(t.lengths) / float64(t.seen))
	c.Text = &f
	for _, v := range t.top {
		c.Top = append(c.Top, Value{firstRunes(v.Value, 200), v.Count})
	}
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// isNumber reports whether a text reads as a number in decimal notation, blanks
// around it aside.
func isNumber(s string) bool {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "+-.0123456789eE") != "" || strings.ContainsAny(s, "xX_pP") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
