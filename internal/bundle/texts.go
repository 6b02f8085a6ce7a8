package bundle

import (
	"cmp"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

type textCount struct {
	text  string
	count int
}

// missingText reports whether a text is missing; an empty one counts as such, as
// it does to the features.
func missingText(c *frame.Column, i int) bool {
	return c.Codes[i] == frame.MissingCode || c.Dict[c.Codes[i]] == ""
}

// textCounts counts the texts present, most frequent first, then by name.
func textCounts(c *frame.Column) []textCount {
	byCode := make([]int, len(c.Dict))
	for i, code := range c.Codes {
		if !missingText(c, i) {
			byCode[code]++
		}
	}
	counts := make([]textCount, 0, len(c.Dict))
	for code, n := range byCode {
		if n > 0 {
			counts = append(counts, textCount{c.Dict[code], n})
		}
	}
	slices.SortFunc(counts, func(a, b textCount) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.text, b.text))
	})
	return counts
}

// timeText prints microseconds since the epoch as RFC 3339 with as many digits
// as it needs.
func timeText(micros int64) string {
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// timeValue is a time as a JSON value that FrameFromRecords reads back exactly:
// a text for the years RFC 3339 has, else the number of microseconds.
func timeValue(micros int64) any {
	if y := time.UnixMicro(micros).UTC().Year(); y < 0 || y > 9999 {
		return micros
	}
	return timeText(micros)
}
