package activities

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Columns that a scoring needs beside the input's. The reserved prefix keeps them
// apart from those of any source.
const (
	rowColumn    = pipeline.ReservedPrefix + "row"    // position within the part
	fileColumn   = pipeline.ReservedPrefix + "file"   // whose row it is
	placeColumn  = pipeline.ReservedPrefix + "place"  // its position there
	reasonColumn = pipeline.ReservedPrefix + "reason" // why it has no answer
	answered     = pipeline.ReservedPrefix + "answers"
)

// The columns that a scoring adds.
const (
	predictionColumn  = "prediction"
	labelColumn       = "label"
	probabilityPrefix = "probability_"
	explainedPrefix   = "contribution_"
	expectedColumn    = "contribution_expected"
	modelColumn       = "model"
	versionColumn     = "model_version"
)

// rejectColumns lead the columns of the rejects: whose row, which (from 0), why.
var rejectColumns = []string{"rejected_file", "rejected_row", "rejected_reason"}

// rowsOf is the SELECT of a part's rows, numbered, in the columns of the whole. The
// files it reads stay until release is called, which is never nil.
func (a *Activities) rowsOf(ctx context.Context, plan scoringPlan, part int) (query string, release func(), err error) {
	var releases []func()
	release = func() {
		for _, r := range releases {
			r()
		}
	}
	var selects []string
	var before int64
	for _, piece := range plan.Parts[part] {
		path, letGo, err := a.Store.File(ctx, piece.Data)
		releases = append(releases, letGo)
		if err != nil {
			return "", release, err
		}
		selects = append(selects, fmt.Sprintf("SELECT %s, %s + %d AS %s, %s AS %s, %s AS %s FROM %s WHERE %s >= %d AND %s < %d",
			plan.columns(plan.Layouts[piece.Layout]), table.RowNumber, before-piece.From, rowColumn, table.Literal(piece.Name), fileColumn, table.RowNumber, placeColumn,
			table.Scan(path), table.RowNumber, piece.From, table.RowNumber, piece.To))
		before += piece.To - piece.From
	}
	if len(selects) == 0 { // a table without a row has its columns all the same
		return fmt.Sprintf("SELECT %s, 0::BIGINT AS %s, '' AS %s, 0::BIGINT AS %s LIMIT 0", plan.columns(nil), rowColumn, fileColumn, placeColumn), release, nil
	}
	return strings.Join(selects, "\nUNION ALL "), release, nil
}

// columns selects the columns of the whole from those that a file has.
func (p *scoringPlan) columns(own pipeline.Schema) string {
	list := make([]string, len(p.Schema))
	for i, c := range p.Schema {
		name := table.Ident(c.Name)
		switch has := own.Column(c.Name); {
		case has == nil:
			list[i] = "CAST(NULL AS " + c.SQL + ") AS " + name
		case has.SQL != c.SQL:
			list[i] = "CAST(" + name + " AS " + c.SQL + ") AS " + name
		default:
			list[i] = name
		}
	}
	return strings.Join(list, ", ")
}

// question is what a model asks of each row, in SQL.
type question struct{ values, wrongs []string }

// questionOf matches the columns of a table with what the model reads. A text where
// a number or a time is read is looked at row by row; any other mismatch is one of
// the whole column: ColumnMissing, TypeMismatch.
func questionOf(sig bundle.Signature, schema pipeline.Schema) (question, error) {
	var q question
	for _, in := range sig.Inputs {
		c := schema.Column(in.Name)
		if c == nil {
			return q, table.MissingColumn(in.Name, schema, "the input")
		}
		x, text := table.Ident(in.Name), c.Type == frame.Text.String() // a schema from the store has no Kind
		if c.Type != in.Kind && (!text || in.Kind == frame.Text.String()) {
			return q, fault.New(fault.TypeMismatch, "column %q of the input is a %s (%s), and the model reads a %s", in.Name, c.Type, c.SQL, in.Kind).
				WithRemedy("write the column with the type that the model was trained on").WithDetails(map[string]any{"column": in.Name})
		}
		value, wrong, missing := x, "", x+" IS NULL"
		switch in.Kind {
		case frame.Number.String():
			switch {
			case text:
				value = "TRY_CAST(" + x + " AS DOUBLE)"
				wrong = "(nullif(" + x + ", '') IS NOT NULL AND NOT coalesce(isfinite(" + value + "), false))"
				missing = "nullif(" + x + ", '') IS NULL"
			case table.IsFloat(*c):
				wrong, missing = "isinf("+x+")", "("+missing+" OR isnan("+x+"))"
			}
			value = "CAST(" + value + " AS DOUBLE)"
		case frame.Time.String():
			if text {
				value = "TRY_CAST(" + x + " AS TIMESTAMP)"
				wrong = "(nullif(" + x + ", '') IS NOT NULL AND " + value + " IS NULL)"
				missing = "nullif(" + x + ", '') IS NULL"
			}
			value = "CAST(" + value + " AS TIMESTAMP)"
		default:
			value = "CAST(" + x + " AS VARCHAR)"
			missing = "nullif(" + value + ", '') IS NULL"
		}
		q.values = append(q.values, value+" AS "+x)
		if wrong != "" {
			q.wrongs = append(q.wrongs, "WHEN "+wrong+" THEN "+table.Literal(fmt.Sprintf("column %q: got ", in.Name))+" || left(CAST("+x+" AS VARCHAR), 64) || "+table.Literal(", expected a "+in.Kind))
		}
		if !in.Nullable {
			q.wrongs = append(q.wrongs, "WHEN "+missing+" THEN "+table.Literal(fmt.Sprintf("column %q: got null, expected a %s", in.Name, in.Kind)))
		}
	}
	return q, nil
}

// over asks the rows: the inputs in the signature's order, then the row's number and
// what is wrong with it.
func (q question) over(rows string) string {
	reason := "CAST(NULL AS VARCHAR)"
	if len(q.wrongs) > 0 {
		reason = "CASE " + strings.Join(q.wrongs, " ") + " END"
	}
	return "SELECT " + strings.Join(append(q.values, rowColumn, reason+" AS "+reasonColumn), ", ") + " FROM (" + rows + ")"
}
