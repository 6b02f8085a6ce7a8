package table

import (
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// sortKey is how rows are made to keys, bytes in whose order the rows are, and back.
type sortKey struct {
	expression string   // SQL of a row's key
	fields     []field  // what follows in it
	names      []string // of the columns that come back
	types      []string // and theirs
	items      []string // SQL of the rows, of those columns
}

// field is a value in a key.
type field struct {
	column int // of those that come back; -1: the value is passed over
	width  int // bytes; of one that is passed over, 0: a text
}

// sortKeyOf is the key of rows with these columns, ordered by some and then by all
// others. It has all of them, so that it is all that needs sorting; but for the hidden
// one, if there is one, they come back. ok is false where a column's type has no key
// that gives its value back.
func sortKeyOf(schema pipeline.Schema, first []string, hidden string) (k sortKey, ok bool) {
	var parts []string
	add := func(sql string, f field) {
		parts = append(parts, sql+", 'ASC NULLS LAST'")
		k.fields = append(k.fields, f)
	}
	at := map[string]int{}
	for i, c := range schema {
		at[c.Name] = i
		sql, item := c.SQL, Ident(c.Name)
		switch {
		case blurred(c.SQL) > 0:
			sql, item = "VARCHAR", "CAST("+item+" AS "+c.SQL+") AS "+item
		case !sortable(c.SQL):
			return sortKey{}, false
		}
		k.names = append(k.names, c.Name)
		k.types = append(k.types, sql)
		if c.Name != hidden {
			k.items = append(k.items, item)
		}
	}
	for _, name := range sortOrder(schema, first) {
		f := field{column: at[name]}
		if width := blurred(schema[f.column].SQL); width > 0 {
			f = field{column: -1, width: width}
		}
		add(Ident(name), f)
	}
	for i, c := range schema {
		if blurred(c.SQL) > 0 {
			add(exactly(c), field{column: i})
		}
	}
	// Of few and short columns alone the engine makes a number.
	add("''", field{column: -1})
	k.expression = "create_sort_key(" + strings.Join(parts, ", ") + ")"
	return k, true
}

// sortOrder is the columns by which rows are sorted: some, and then all others.
func sortOrder(schema pipeline.Schema, first []string) []string {
	order := slices.Clone(first)
	for _, c := range schema {
		if !slices.Contains(first, c.Name) {
			order = append(order, c.Name)
		}
	}
	return order
}

// blurred is the width in a key of a type whose values may be equal and not the same,
// such as an hour here and the hour before to the west; 0 of any other.
func blurred(sql string) int {
	switch sql {
	case "INTERVAL":
		return 16
	case "TIME WITH TIME ZONE":
		return 8
	}
	return 0
}

// exactly is SQL of a blurred column's value, unlike any other's.
func exactly(c pipeline.Column) string { return "CAST(" + Ident(c.Name) + " AS VARCHAR)" }

// sortable reports whether a key gives the values of a type back.
func sortable(sql string) bool {
	name, _, _ := strings.Cut(sql, "(")
	switch strings.TrimSpace(name) {
	case "VARCHAR", "JSON", "ENUM", "UUID", "TIME", "TIME_NS", "BLOB":
		return !strings.HasSuffix(sql, "]")
	}
	kind, ok := kindOf(sql)
	return ok && kind != frame.Text
}
