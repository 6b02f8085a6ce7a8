package pmml

import (
	"strconv"

	"github.com/esteira-ml/esteira/internal/feature"
)

// date holds the fields that parts of one time column share, by name.
type date struct{ parts map[string]string }

func (d *document) time(c *feature.Chain) (column, error) {
	if len(c.Steps) == 0 || c.Steps[0].DatePart == nil {
		return column{}, inexpressible(c, "a time column must start with date_parts")
	}
	p := c.Steps[0].DatePart
	part, err := d.part(c, p.Part)
	if err != nil {
		return column{}, err
	}
	first, last, _ := feature.PartRange(p.Part)
	switch {
	case p.AsCategories && (len(c.Steps) > 1 || last == 0):
		return column{}, inexpressible(c, "a date part that is a block has a closed list of categories and no steps after it")
	case p.AsCategories:
		field := d.code("features/"+c.Name, apply("-", ref(part), number(float64(first))))
		return column{name: c.Name, field: field, categories: last - first + 1, block: true}, nil
	case p.Cycle != "":
		points := tag("InlineTable")
		for i, v := range feature.PartCycle(p.Part, p.Cycle) {
			key, value := tag("part"), tag("point")
			key.text, value.text = strconv.Itoa(first+i), double(v)
			points.add(tag("row").add(key, value))
		}
		whole := d.code("features/"+c.Name+"/part", ref(part))
		part = d.define("features/"+c.Name+"/point", tag("MapValues", "outputColumn", "point").add(tag("FieldColumnPair", "field", whole, "column", "part"), points))
	}
	return d.number(c, part, c.Steps[1:])
}

// part returns one part of a time, by the arithmetic of feature's datePart in floors
// of doubles, which are exact for these whole numbers.
func (d *document) part(c *feature.Chain, part string) (string, error) {
	at := d.dates[c.Column]
	if at == nil {
		at = &date{map[string]string{}}
		d.dates[c.Column] = at
	}
	whole := func(a *element, b float64) *element { return apply("floor", apply("/", a, number(b))) }
	memo := func(name string, value func() *element) string {
		if _, ok := at.parts[name]; !ok {
			at.parts[name] = d.define("dates/"+c.Column+"/"+name, known(c.Column, value()))
		}
		return at.parts[name]
	}
	rest := func(a string, b float64) *element {
		return apply("-", ref(a), apply("*", number(b), whole(ref(a), b)))
	}
	year := number(1970)
	year.attributes[1], year.text = "integer", "1970"
	days := func() string {
		return memo("days", func() *element { return apply("dateDaysSinceYear", ref(c.Column), year) })
	}
	seconds := func() string {
		return memo("seconds", func() *element { return apply("dateSecondsSinceMidnight", ref(c.Column)) })
	}
	switch part {
	case "hour":
		return memo(part, func() *element { return whole(ref(seconds()), 3600) }), nil
	case "minute":
		left := memo("seconds of the hour", func() *element { return rest(seconds(), 3600) })
		return memo(part, func() *element { return whole(ref(left), 60) }), nil
	case "day_of_week":
		shifted := memo("days since a Monday", func() *element { return apply("+", ref(days()), number(3)) })
		return memo(part, func() *element { return rest(shifted, 7) }), nil
	case "year", "month", "day":
	default:
		return "", inexpressible(c, "unknown date part %q", part)
	}
	// Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
	z := memo("days since 0000-03-01", func() *element { return apply("+", ref(days()), number(719468)) })
	era := memo("era", func() *element { return whole(ref(z), 146097) })
	doe := memo("day of era", func() *element { return rest(z, 146097) })
	yoe := memo("year of era", func() *element {
		leap := apply("-", apply("+", apply("-", ref(doe), whole(ref(doe), 1460)), whole(ref(doe), 36524)), whole(ref(doe), 146096))
		return whole(leap, 365)
	})
	doy := memo("day of year", func() *element {
		before := apply("-", apply("+", apply("*", number(365), ref(yoe)), whole(ref(yoe), 4)), whole(ref(yoe), 100))
		return apply("-", ref(doe), before)
	})
	mp := memo("month from March", func() *element {
		return whole(apply("+", apply("*", number(5), ref(doy)), number(2)), 153)
	})
	switch part {
	case "day":
		return memo(part, func() *element {
			return apply("+", apply("-", ref(doy), whole(apply("+", apply("*", number(153), ref(mp)), number(2)), 5)), number(1))
		}), nil
	case "month":
		return memo(part, func() *element {
			return apply("-", apply("+", ref(mp), number(3)), apply("*", number(12), whole(ref(mp), 10)))
		}), nil
	}
	return memo(part, func() *element {
		return apply("+", apply("+", ref(yoe), apply("*", number(400), ref(era))), whole(ref(mp), 10))
	}), nil
}
