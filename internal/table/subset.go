package table

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Subset names rows and columns of a Parquet file to be written to another, in the
// types that people elsewhere read without knowing the engine: DOUBLE, VARCHAR and
// TIMESTAMP in UTC.
type Subset struct {
	Columns []string
	Rows    []int32 // in increasing order

	// Class is a further column: of each row the text that Codes, one for each of
	// Rows, says. "" is none.
	Class   string
	Codes   []int32
	Classes []string
}

// WriteSubset writes the rows and columns of path that s names to out. Dir is for
// what it needs on the way.
//
// Faults: ColumnMissing, TypeMismatch (lists, structs, bytes), SourceUnreadable.
func (e *Engine) WriteSubset(ctx context.Context, path string, s Subset, dir, out string) (Info, error) {
	schema, err := e.Schema(ctx, path)
	if err != nil {
		return Info{}, err
	}
	var selected []string
	for _, name := range s.Columns {
		c := schema.Column(name)
		if c == nil {
			return Info{}, MissingColumn(name, schema, path)
		}
		sql, ok := plainly(*c)
		if !ok {
			return Info{}, fault.New(fault.TypeMismatch, "column %q is a %s, which no step can use", name, c.SQL).WithRemedy("leave it out")
		}
		selected = append(selected, sql+" AS "+Ident(name))
	}
	if s.Class != "" {
		selected = append(selected, literals(s.Classes)+"[__esteira_rows.code + 1] AS "+Ident(s.Class))
	}
	list, err := os.CreateTemp(dir, "rows-*.csv")
	if err != nil {
		return Info{}, fault.Wrap(err, fault.ResourceExhausted, "make a file of rows")
	}
	defer os.Remove(list.Name())
	defer list.Close()
	var text []byte
	for i, row := range s.Rows {
		text = strconv.AppendInt(text, int64(row), 10)
		text = append(text, ',')
		code := int32(0)
		if s.Class != "" {
			code = s.Codes[i]
		}
		text = append(strconv.AppendInt(text, int64(code), 10), '\n')
	}
	if _, err := list.Write(text); err != nil {
		return Info{}, fault.Wrap(err, fault.ResourceExhausted, "write a file of rows")
	}
	rows := "read_csv(" + Literal(list.Name()) + ", header=false, auto_detect=false, columns={'row': 'BIGINT', 'code': 'BIGINT'})"
	if len(s.Rows) == 0 { // no file without a line is read
		rows = "(SELECT 0::BIGINT AS row, 0::BIGINT AS code WHERE false)"
	}
	query := fmt.Sprintf("SELECT %s, __esteira_rows.row AS __esteira_place FROM %s AS __esteira_all JOIN %s AS __esteira_rows ON __esteira_all.%s = __esteira_rows.row",
		strings.Join(selected, ", "), Scan(path), rows, RowNumber)
	return e.WriteBy(ctx, query, "__esteira_place", out, path)
}

// plainly is the SQL of a column in its plain type: the values are those that Read
// gives.
func plainly(c pipeline.Column) (string, bool) {
	kind, ok := kindOf(c.SQL)
	x := "__esteira_all." + Ident(c.Name)
	switch {
	case !ok:
		return "", false
	case kind == frame.Number:
		return "CAST(" + x + " AS DOUBLE)", true
	case kind == frame.Text:
		return "CAST(" + x + " AS VARCHAR)", true
	case c.SQL == "TIMESTAMP WITH TIME ZONE":
		return "CASE WHEN isfinite(" + x + ") THEN make_timestamp(epoch_us(" + x + ")) END", true
	}
	x = "CAST(" + x + " AS TIMESTAMP)"
	return "CASE WHEN isfinite(" + x + ") THEN " + x + " END", true
}
