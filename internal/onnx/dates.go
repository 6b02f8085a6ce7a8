package onnx

import (
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
)

// date holds what the parts of one time column share, so that six parts of one
// column cost one calendar. All values are int64 [N,1].
type date struct {
	missing string            // bool: the time is missing
	micros  string            // the time, 0 where missing
	parts   map[string]string // by name of the part or of an intermediate value
}

func (g *graph) date(column string) *date {
	if d, ok := g.dates[column]; ok {
		return d
	}
	defer func(scope string) { g.scope = scope }(g.scope)
	g.scope = column
	missing := g.op("Equal", column, g.int(frame.MissingTime))
	d := &date{missing: missing, micros: g.op("Where", missing, g.int(0), column), parts: map[string]string{}}
	g.dates[column] = d
	return d
}

// part returns one part of a time, the arithmetic of feature's datePart node by
// node. Mod is floored (fmod=0: the sign of the divisor) and Div truncated, so a
// floored quotient is (a - a mod b) / b.
func (g *graph) part(c *feature.Chain, part string) (string, error) {
	d := g.date(c.Column)
	defer func(scope string) { g.scope = scope }(g.scope)
	g.scope = c.Column
	memo := func(name string, make func() string) string {
		if v, ok := d.parts[name]; ok {
			return v
		}
		v := make()
		d.parts[name] = v
		return v
	}
	const minute, hour, day = 60_000_000, 3_600_000_000, 86_400_000_000
	days := func() string { return memo("days", func() string { return g.floorDiv(d.micros, day) }) }
	switch part {
	case "hour":
		return memo(part, func() string { return g.op("Div", g.mod(d.micros, day), g.int(hour)) }), nil
	case "minute":
		return memo(part, func() string { return g.op("Div", g.mod(d.micros, hour), g.int(minute)) }), nil
	case "day_of_week":
		return memo(part, func() string { return g.mod(g.op("Add", days(), g.int(3)), 7) }), nil
	case "year", "month", "day":
		return memo(part, func() string {
			g.civil(d, days())
			return d.parts[part]
		}), nil
	}
	return "", inexpressible(c, "unknown date part %q", part)
}

// civil adds year, month and day from days since the epoch (Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", civil_from_days).
func (g *graph) civil(d *date, days string) {
	div := func(a string, b int64) string { return g.op("Div", a, g.int(b)) }
	mul := func(a string, b int64) string { return g.op("Mul", a, g.int(b)) }
	plus := func(a string, b int64) string { return g.op("Add", a, g.int(b)) }
	add := func(a, b string) string { return g.op("Add", a, b) }
	sub := func(a, b string) string { return g.op("Sub", a, b) }

	z := plus(days, 719468)
	era := g.floorDiv(z, 146097)
	doe := sub(z, mul(era, 146097))
	yoe := div(sub(add(sub(doe, div(doe, 1460)), div(doe, 36524)), div(doe, 146096)), 365)
	doy := sub(doe, sub(add(mul(yoe, 365), div(yoe, 4)), div(yoe, 100)))
	mp := div(plus(mul(doy, 5), 2), 153)
	late := div(mp, 10) // 1 in January and February, which end the year that began in March
	d.parts["day"] = plus(sub(doy, div(plus(mul(mp, 153), 2), 5)), 1)
	d.parts["month"] = sub(plus(mp, 3), mul(late, 12))
	d.parts["year"] = add(add(yoe, mul(era, 400)), late)
}

func (g *graph) mod(a string, b int64) string { return g.op("Mod", a, g.int(b)) }

func (g *graph) floorDiv(a string, b int64) string {
	return g.op("Div", g.op("Sub", a, g.mod(a, b)), g.int(b))
}
