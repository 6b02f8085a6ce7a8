package window

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
)

// extend adds the rows of another column of the same kind.
func extend(to, from *frame.Column) {
	to.Numbers = append(to.Numbers, from.Numbers...)
	to.Times = append(to.Times, from.Times...)
	if len(from.Codes) == 0 {
		return
	}
	at := make(map[string]int32, len(to.Dict))
	for i, text := range to.Dict {
		at[text] = int32(i)
	}
	to.Dict, to.Codes = slices.Clone(to.Dict), slices.Grow(to.Codes, len(from.Codes))
	for _, code := range from.Codes {
		if code == frame.MissingCode {
			to.Codes = append(to.Codes, code)
			continue
		}
		text := from.Dict[code]
		mapped, ok := at[text]
		if !ok {
			mapped = int32(len(to.Dict))
			at[text] = mapped
			to.Dict = append(to.Dict, text)
		}
		to.Codes = append(to.Codes, mapped)
	}
}
