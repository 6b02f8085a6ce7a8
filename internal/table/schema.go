package table

import (
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// kindOf says how a column of the engine's type is held in a frame; ok is false
// for types that have no place there (lists, structs, bytes).
func kindOf(sql string) (kind frame.Kind, ok bool) {
	if strings.HasSuffix(sql, "]") {
		return frame.Text, false
	}
	name, _, _ := strings.Cut(sql, "(")
	switch strings.TrimSpace(name) {
	case "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
		"UBIGINT", "UHUGEINT", "BIGNUM", "FLOAT", "DOUBLE", "DECIMAL":
		return frame.Number, true
	case "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE":
		return frame.Time, true
	case "STRUCT", "MAP", "UNION", "BLOB", "BIT", "GEOMETRY", "VARIANT":
		return frame.Text, false
	default: // VARCHAR, ENUM, UUID, JSON, TIME, INTERVAL
		return frame.Text, true
	}
}

// IsFloat reports whether a column can hold NaN and infinities.
func IsFloat(c pipeline.Column) bool { return c.SQL == "FLOAT" || c.SQL == "DOUBLE" }

func column(name, sql string) pipeline.Column {
	kind, _ := kindOf(sql)
	return pipeline.Column{Name: name, Kind: kind, Type: kind.String(), SQL: sql}
}

// checkNames refuses names that later steps, which compare without case as SQL
// does, could not tell apart.
func checkNames(names []string, kind fault.Kind, where string) error {
	seen := make(map[string]string, len(names))
	for i, name := range names {
		lower := strings.ToLower(name)
		switch {
		case strings.TrimSpace(name) == "":
			return fault.New(kind, "%s: column %d has no name", where, i+1).WithRemedy("name every column")
		case strings.HasPrefix(lower, pipeline.ReservedPrefix):
			return fault.New(kind, "%s: column %s uses the reserved prefix %s", where, strconv.Quote(name), pipeline.ReservedPrefix).WithRemedy("rename it")
		case lower == RowNumber:
			return fault.New(kind, "%s: column %s has a name that the engine needs itself", where, strconv.Quote(name)).WithRemedy("rename it")
		}
		if other, twice := seen[lower]; twice {
			if other == name {
				return fault.New(kind, "%s: two columns are named %s", where, strconv.Quote(name)).WithRemedy("rename one of them")
			}
			return fault.New(kind, "%s: columns %s and %s differ only in case", where, strconv.Quote(other), strconv.Quote(name)).WithRemedy("rename one of them")
		}
		seen[lower] = name
	}
	return nil
}

// MissingColumn is the fault of a column that a table does not have; it names
// the columns there are, the nearest first.
func MissingColumn(name string, schema pipeline.Schema, where string) error {
	names := make([]string, len(schema))
	for i, c := range schema {
		names[i] = c.Name
		if strings.EqualFold(c.Name, name) {
			return fault.New(fault.ColumnMissing, "%s: there is no column %s", where, strconv.Quote(name)).
				WithRemedy("write %s: names are compared with their case", strconv.Quote(c.Name)).WithDetails(map[string]any{"column": name})
		}
	}
	const most = 30
	list := names
	if len(list) > most {
		list = append(append([]string(nil), list[:most]...), "…")
	}
	return fault.New(fault.ColumnMissing, "%s: there is no column %s", where, strconv.Quote(name)).
		WithRemedy("use one of: %s", strings.Join(list, ", ")).WithDetails(map[string]any{"column": name})
}
