package table

import (
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Table is a source as Integrate sees it: Parquet parts, read in order as one.
type Table struct {
	// Schema is that of the whole. nil: that of the only group.
	Schema pipeline.Schema
	Groups []Group
}

// Group is parts that follow each other and have the same columns.
type Group struct {
	Paths  []string
	Schema pipeline.Schema // nil: that of the whole
}

// Parts is a table of parts that all have the same columns.
func Parts(paths ...string) Table { return Table{Groups: []Group{{Paths: paths}}} }

// paths lists the files of the table.
func (t Table) paths() []string {
	var out []string
	for _, g := range t.Groups {
		out = append(out, g.Paths...)
	}
	return out
}

// query reads the table. Columns that a group has otherwise are cast, those it
// does not have are NULL.
func (t Table) query() string {
	if len(t.Groups) == 0 { // a source that has given no row yet
		list := make([]string, len(t.Schema))
		for i, c := range t.Schema {
			list[i] = "CAST(NULL AS " + c.SQL + ") AS " + Ident(c.Name)
		}
		return "SELECT " + strings.Join(list, ", ") + " LIMIT 0"
	}
	selects := make([]string, len(t.Groups))
	for i, g := range t.Groups {
		selects[i] = "SELECT " + t.columns(g) + " FROM " + Scan(g.Paths...)
	}
	return strings.Join(selects, "\nUNION ALL ")
}

func (t Table) columns(g Group) string {
	if g.Schema == nil || slices.Equal(g.Schema, t.Schema) {
		return "*"
	}
	list := make([]string, len(t.Schema))
	for i, c := range t.Schema {
		name := Ident(c.Name)
		switch own := g.Schema.Column(c.Name); {
		case own == nil:
			list[i] = "CAST(NULL AS " + c.SQL + ") AS " + name
		case own.SQL != c.SQL:
			list[i] = "CAST(" + name + " AS " + c.SQL + ") AS " + name
		default:
			list[i] = name
		}
	}
	return strings.Join(list, ", ")
}

// Unify returns the columns that hold the values of all layouts, in order of
// first appearance, and the names of those whose values have no type in common
// but text. A column that is empty somewhere says nothing there.
func Unify(layouts []Info) (schema pipeline.Schema, mixed []string) {
	type state struct {
		at    int
		empty bool
	}
	seen := map[string]state{}
	for _, layout := range layouts {
		for _, c := range layout.Schema {
			empty := slices.Contains(layout.Empty, c.Name) || layout.Rows == 0
			was, there := seen[c.Name]
			switch {
			case !there:
				seen[c.Name] = state{len(schema), empty}
				schema = append(schema, c)
			case was.empty && !empty:
				schema[was.at] = c
				seen[c.Name] = state{was.at, false}
			case !empty:
				sql := common(schema[was.at].SQL, c.SQL)
				if sql == "VARCHAR" && schema[was.at].SQL != c.SQL && !slices.Contains(mixed, c.Name) {
					mixed = append(mixed, c.Name)
				}
				schema[was.at] = column(c.Name, sql)
			}
		}
	}
	return schema, mixed
}

// signed are the whole numbers, each within the next.
var signed = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}

// common is the narrowest type that keeps the values of both.
func common(a, b string) string {
	if a == b {
		return a
	}
	i, j := slices.Index(signed, a), slices.Index(signed, b)
	number := func(t string) bool {
		kind, ok := kindOf(t)
		return ok && kind == frame.Number && t != "BOOLEAN"
	}
	switch {
	case i >= 0 && j >= 0:
		return signed[max(i, j)]
	case whole(a) && whole(b):
		return wholeNumber
	case number(a) && number(b):
		return "DOUBLE"
	case temporal(a) && temporal(b):
		if a == "TIMESTAMP WITH TIME ZONE" || b == "TIMESTAMP WITH TIME ZONE" {
			return "TIMESTAMP WITH TIME ZONE"
		}
		return "TIMESTAMP"
	}
	return "VARCHAR"
}

func temporal(t string) bool { return t == "DATE" || strings.HasPrefix(t, "TIMESTAMP") }
