package parity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
)

// baseRows is how many held-out rows adversarial ones are made from.
const baseRows = 4

// made is rows and where each comes from.
type made struct {
	frame   *frame.Frame
	from    []int32  // row of the held-out rows
	changed []string // what was changed in it; nil if nothing was in any
}

// extremes are numbers that transforms tend to get wrong: the edges of log1p,
// what cancels, what loses digits, the denormal numbers of float64 and float32 and the
// greatest of float32, between which trees compare.
var extremes = []float64{
	0, math.Copysign(0, -1), 1, -1, -1 + 1e-9, 1e-12, -1e-12, 0.5, -2.5, 1e6, -1e6, 1e9, math.NaN(),
	math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 1e-310, math.SmallestNonzeroFloat32, -1e-40, math.MaxFloat32, -math.MaxFloat32, 1e39, 1e100, -1e100,
}

// instants are times that calendars tend to get wrong, in microseconds.
var instants = func() []int64 {
	micros := []int64{frame.MissingTime, 0, -1, 1, -86_400_000_000, 86_399_999_999}
	for _, text := range []string{
		"2000-02-29T23:59:59.999999Z", "1900-02-28T00:00:00Z", "1900-03-01T00:00:00Z", "2024-02-29T12:00:00Z",
		"2100-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "1582-10-15T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
	} {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err) // a typing error in this file
		}
		micros = append(micros, t.UnixMicro())
	}
	return micros
}()

// unknown are texts no training row has, or ought to have.
var unknown = []string{"", " ", "\u00e9\u2708 no such category", "NULL", strings.Repeat("x", 300)}

// adversaries changes one column at a time in a few rows of f, and all at once
// to missing.
func adversaries(f *frame.Frame) *made {
	m := &made{changed: []string{}}
	var rows []int32
	bases := min(baseRows, f.Rows)
	type change struct {
		column int
		number float64
		micros int64
		text   string
		what   string
	}
	var changes []*change
	add := func(base int32, c *change) {
		rows, changes = append(rows, base), append(changes, c)
		m.changed = append(m.changed, c.what)
	}
	for b := range bases {
		base := int32(b * f.Rows / bases)
		for j := range f.Columns {
			c := &f.Columns[j]
			switch c.Kind {
			case frame.Text:
				texts := unknown
				for _, code := range c.Codes[:min(len(c.Codes), 64)] {
					if code != frame.MissingCode && c.Dict[code] != strings.ToUpper(c.Dict[code]) {
						texts = append(texts[:len(texts):len(texts)], strings.ToUpper(c.Dict[code]), c.Dict[code]+" ")
						break
					}
				}
				for _, t := range texts {
					add(base, &change{column: j, text: t, what: fmt.Sprintf("%q set to %s", c.Name, strconv.Quote(t))})
				}
			case frame.Time:
				for _, t := range instants {
					what := fmt.Sprintf("%q set to %s", c.Name, time.UnixMicro(t).UTC().Format(time.RFC3339Nano))
					if t == frame.MissingTime {
						what = fmt.Sprintf("%q missing", c.Name)
					}
					add(base, &change{column: j, micros: t, what: what})
				}
			default:
				for _, x := range extremes {
					add(base, &change{column: j, number: x, what: fmt.Sprintf("%q set to %v", c.Name, x)})
				}
			}
		}
		add(base, &change{column: -1, number: math.NaN(), micros: frame.MissingTime, what: "every column missing"})
	}
	m.from = rows
	m.frame = f.Take(rows)
	for j := range m.frame.Columns {
		c := &m.frame.Columns[j]
		dict := append([]string{}, c.Dict...) // Take shares it with f
		for i, ch := range changes {
			if ch.column != j && ch.column != -1 {
				continue
			}
			switch c.Kind {
			case frame.Text:
				if c.Codes[i] = frame.MissingCode; ch.text != "" {
					c.Codes[i] = int32(len(dict))
					dict = append(dict, ch.text)
				}
			case frame.Time:
				c.Times[i] = ch.micros
			default:
				c.Numbers[i] = ch.number
			}
		}
		c.Dict = dict
	}
	return m
}
