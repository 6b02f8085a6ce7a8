package table

import "strings"

// RowNumber is the engine's own column of every Parquet scan: the position of
// the row in its file. SELECT * leaves it out; no table may have such a column.
// A query that drops rows and is written must ORDER BY it, or the row groups of
// what is written depend on threads.
const RowNumber = "file_row_number"

// Ident quotes a name for SQL, whatever is in it.
func Ident(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Literal quotes a text for SQL, whatever is in it.
func Literal(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// Scan is the table function that reads Parquet parts as one table, in order.
func Scan(paths ...string) string {
	return "read_parquet(" + literals(paths) + ")"
}

func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = Literal(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
