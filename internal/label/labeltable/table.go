package labeltable

import (
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/label"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
)

// batch is how many labels one transaction keeps.
const batch = 10_000

// Keep keeps the labels of a table with the columns label, prediction_id or
// request_id and, if it has one, observed_at. It reads the table twice: every row is
// checked before the first is kept. scratch is a path for its rows as Parquet.
//
// Errors: ColumnMissing, those of label.Target.Read and of metadata's AddLabels.
func Keep(ctx context.Context, db *metadata.DB, e *table.Engine, target label.Target, in metadata.AddLabels, source table.Source, scratch string) (counts label.Counts, err error) {
	sql, err := query(ctx, e, target, source, scratch)
	if err != nil {
		return counts, err
	}
	now := time.Now()
	each := func(take func(metadata.Label, bool) error) error {
		n := 0
		return e.Stream(ctx, sql, func(row []any) error {
			r := label.Row{Label: row[2]}
			r.PredictionID, _ = row[0].(string)
			r.RequestID, _ = row[1].(string)
			r.ObservedAt, _ = row[3].(string)
			l, unseen, err := target.Read(n, r, now)
			n++
			if err != nil {
				return err
			}
			return take(l, unseen)
		})
	}
	if err := each(func(metadata.Label, bool) error { return nil }); err != nil {
		return counts, err
	}
	var unseen []bool
	keep := func() error {
		outcomes, err := db.AddLabels(ctx, in)
		for i, o := range outcomes {
			counts.Add(o, unseen[i])
		}
		in.Labels, unseen = in.Labels[:0], unseen[:0]
		return err
	}
	err = each(func(l metadata.Label, u bool) error {
		if in.Labels, unseen = append(in.Labels, l), append(unseen, u); len(in.Labels) < batch {
			return nil
		}
		return keep()
	})
	if err == nil {
		err = keep()
	}
	return counts, err
}

// query makes a table of the source and returns the SELECT of prediction_id,
// request_id, label and observed_at, whatever of them it has.
func query(ctx context.Context, e *table.Engine, target label.Target, source table.Source, out string) (string, error) {
	schema, err := e.Describe(ctx, source)
	if err != nil {
		return "", err
	}
	if source.Format == "csv" {
		// 007 is a key, and may be a class.
		for _, name := range []string{"prediction_id", "request_id", "label"} {
			if schema.Column(name) != nil && (name != "label" || target.Classes != nil) {
				source.Texts = append(source.Texts, name)
			}
		}
	}
	info, err := e.Convert(ctx, source, out)
	if err != nil {
		return "", err
	}
	if info.Schema.Column("label") == nil {
		return "", table.MissingColumn("label", info.Schema, source.Paths[0])
	}
	if info.Schema.Column("prediction_id") == nil && info.Schema.Column("request_id") == nil {
		return "", table.MissingColumn("prediction_id", info.Schema, source.Paths[0])
	}
	list := ""
	for _, name := range []string{"prediction_id", "request_id", "label", "observed_at"} {
		c := info.Schema.Column(name)
		switch {
		case c == nil:
			list += "NULL, "
		case name == "label" && c.SQL != "BOOLEAN" && c.Kind == frame.Number:
			list += "CAST(label AS DOUBLE), "
		case name == "label" && c.Kind == frame.Number:
			list += "label, "
		case name == "observed_at" && c.Kind == frame.Time:
			list += "strftime(CAST(observed_at AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'), "
		default:
			list += "CAST(" + table.Ident(name) + " AS VARCHAR), "
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s", list[:len(list)-2], table.Scan(out)), nil
}
