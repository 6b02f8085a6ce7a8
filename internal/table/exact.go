package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// wholeNumber is the type of whole numbers beyond BIGINT: the widest that Parquet
// keeps as it is. HUGEINT is written as DOUBLE.
var wholeNumber = fmt.Sprintf("DECIMAL(%d,0)", maxDigits)

// exactly is the info of a file that the i-th scan of a source was written to, after
// writing it again if the engine read whole numbers beyond BIGINT as DOUBLE: ids of
// twenty digits that differ must not become one.
func (e *Engine) exactly(ctx context.Context, s Source, i int, out string) (Info, error) {
	info, vast, err := e.converted(ctx, out)
	if err != nil || len(vast) == 0 || s.Format == "parquet" || s.Columns != nil {
		return info, err
	}
	if s.exact, err = e.wholes(ctx, s, i, vast); err != nil || len(s.exact) == 0 {
		return info, err
	}
	scans, err := s.scans()
	if err != nil {
		return info, err
	}
	if err := e.convert(ctx, s, scans[i], out); err != nil {
		if fault.KindOf(err) != "" || ctx.Err() != nil {
			return info, err
		}
		return info, e.unreadable(ctx, err, s)
	}
	info, _, err = e.converted(ctx, out)
	return info, err
}

// wholes tells which columns, read as DOUBLE, have nothing but whole numbers in the
// source, and the type that keeps them. Where some are fractions the column measures,
// and may be rounded.
func (e *Engine) wholes(ctx context.Context, s Source, i int, columns []string) (map[string]string, error) {
	s.exact = map[string]string{}
	items := make([]string, 0, 2*len(columns))
	for _, name := range columns {
		s.exact[name] = "VARCHAR"
		items = append(items, "bool_and(regexp_full_match(trim("+Ident(name)+"), '[+-]?[0-9]+'))",
			"bool_and(TRY_CAST("+Ident(name)+" AS "+wholeNumber+") IS NOT NULL) FILTER ("+Ident(name)+" IS NOT NULL)")
	}
	scans, err := s.scans()
	if err != nil {
		return nil, err
	}
	row, err := e.QueryRow(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+scans[i])
	if err != nil {
		return nil, failure(err, fault.SourceUnreadable, "%s does not read as %s", s.Paths[0], s.Format)
	}
	found := map[string]string{}
	for j, name := range columns {
		whole, _ := row[2*j].(bool)
		fits, _ := row[2*j+1].(bool)
		switch {
		case whole && fits:
			found[name] = wholeNumber
		case whole:
			found[name] = "VARCHAR"
		}
	}
	return found, nil
}

// besideExact is a scan of JSON whose exact columns are read as their types: by a scan
// of their own, for the engine guesses the types of all columns or of none.
func (s *Source) besideExact(scan string) string {
	if len(s.exact) == 0 {
		return scan
	}
	var columns, replaced []string
	for _, name := range names(s.exact) {
		columns = append(columns, Literal(name)+": "+Literal(s.exact[name]))
		replaced = append(replaced, "own."+Ident(name)+" AS "+Ident(name))
	}
	own := "read_json(" + literals(s.Paths) + ", format = 'auto', records = true, columns = {" + strings.Join(columns, ", ") + "})"
	return "(SELECT guessed.* REPLACE (" + strings.Join(replaced, ", ") + ") FROM " + scan + " AS guessed POSITIONAL JOIN " + own + " AS own)"
}

// converted is info of a file that Convert wrote, and the DOUBLE columns with a finite
// value that BIGINT could not hold.
func (e *Engine) converted(ctx context.Context, path string) (info Info, vast []string, err error) {
	info, err = e.info(ctx, path)
	if err != nil || info.Rows == 0 {
		return info, nil, err
	}
	// A group with NaN or an infinity among its values has no extremes.
	rows, err := e.query(ctx, `SELECT path_in_schema, sum(stats_null_count) = sum(num_values) FROM (SELECT *,
			type = 'DOUBLE' AND stats_null_count < num_values AND NOT coalesce(greatest(abs(TRY_CAST(stats_min_value AS DOUBLE)), abs(TRY_CAST(stats_max_value AS DOUBLE))) < 9223372036854775808, false) AS vast
		FROM parquet_metadata(`+Literal(path)+`))
		GROUP BY path_in_schema HAVING sum(stats_null_count) = sum(num_values) OR bool_or(vast) ORDER BY min(column_id)`)
	if err != nil {
		return info, nil, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
	}
	for _, row := range rows {
		// A nested column's path has its parts joined; only whole columns count.
		name, _ := row[0].(string)
		c := info.Schema.Column(name)
		switch empty, _ := row[1].(bool); {
		case c == nil || strings.HasSuffix(c.SQL, "]"):
		case empty:
			info.Empty = append(info.Empty, name)
		case c.SQL == "DOUBLE":
			vast = append(vast, name)
		}
	}
	vast, err = e.vast(ctx, path, vast)
	return info, vast, err
}

// vast picks the columns with a finite value that BIGINT could not hold.
func (e *Engine) vast(ctx context.Context, path string, columns []string) (found []string, err error) {
	if len(columns) == 0 {
		return nil, nil
	}
	items := make([]string, len(columns))
	for i, name := range columns {
		items[i] = "bool_or(isfinite(" + Ident(name) + ") AND abs(" + Ident(name) + ") >= 9223372036854775808)"
	}
	row, err := e.QueryRow(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+Scan(path))
	if err != nil {
		return nil, failure(err, fault.SourceUnreadable, "%s does not read as parquet", path)
	}
	for i, name := range columns {
		if is, _ := row[i].(bool); is {
			found = append(found, name)
		}
	}
	return found, nil
}

// whole tells the types of whole numbers.
func whole(sql string) bool {
	switch sql {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		return true
	}
	return strings.HasPrefix(sql, "DECIMAL(") && scaleOf(sql) == 0
}
