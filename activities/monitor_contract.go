package activities

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/quality"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/window"
)

// contract holds rows that a model version answered against the rules of the pipeline
// file that it was made by: those that speak of single values and rows of its inputs,
// and hold where requests are answered. Or it says why nothing was held.
func (a *Activities) contract(ctx context.Context, m window.Model, rows *frame.Frame) (out []window.RuleMeasure, why string, err error) {
	definition := m.Bundle.Lineage.Pipeline
	if definition == "" {
		return nil, "", nil // imported: it has no contract
	}
	out, err = a.hold(ctx, definition, rows)
	if kind := fault.KindOf(err); err != nil && !fault.Retryable(kind) {
		return nil, "the contract could not be held against the requests: " + err.Error(), ctx.Err()
	}
	return out, "", err
}

func (a *Activities) hold(ctx context.Context, definition string, rows *frame.Frame) ([]window.RuleMeasure, error) {
	ref, err := a.Store.Stat(ctx, definition)
	if err != nil {
		return nil, err
	}
	body, err := a.Store.Bytes(ctx, ref, pipeline.MaxBytes)
	if err != nil {
		return nil, err
	}
	p, err := pipeline.Decode(body)
	if err != nil {
		return nil, err
	}
	rules := ofRequests(p.Validation, rows)
	if len(rules) == 0 {
		return nil, nil
	}
	dir, err := os.MkdirTemp(a.ScratchDir, "contract-")
	if err != nil {
		return nil, fault.Wrap(err, fault.ResourceExhausted, "make a scratch directory")
	}
	defer os.RemoveAll(dir)
	e, err := a.engine(dir)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := e.Create(ctx, "requests", rows); err != nil {
		return nil, err
	}
	if err := e.Append(ctx, "requests", rows); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "requests.parquet")
	info, err := e.Write(ctx, "SELECT "+strings.Join(whole(rows), ", ")+" FROM requests", path)
	if err != nil {
		return nil, err
	}
	rules = slices.DeleteFunc(rules, func(r pipeline.Rule) bool { // of columns that are not asked for
		if r.SQL == "" {
			return false
		}
		_, err := e.BindQuery(ctx, map[string]pipeline.Schema{"requests": info.Schema}, "SELECT "+r.SQL+" FROM requests")
		return err != nil
	})
	found, err := quality.Check(ctx, e, path, info.Schema, rules, quality.Options{Environment: pipeline.Serving})
	if err != nil {
		return nil, err
	}
	out := make([]window.RuleMeasure, len(found.Rules))
	for i, r := range found.Rules {
		out[i] = window.RuleMeasure{Rule: r.Rule, Columns: r.Columns, Passed: r.Passed, Failed: r.Failed, Share: r.Share, Observed: r.Observed}
	}
	return out, nil
}

// ofRequests are the rules that requests can be held against: nothing is repaired or put
// aside by a monitor, so that each only tells.
func ofRequests(all []pipeline.Rule, rows *frame.Frame) (rules []pipeline.Rule) {
	there := func(names ...string) bool {
		for _, name := range names {
			if rows.Column(name) == nil {
				return false
			}
		}
		return true
	}
	for _, r := range all {
		switch {
		case !r.Holds(pipeline.Serving) || r.References != nil || r.Unique != nil || r.NoRepeats:
			continue // of other rows
		case !r.ByRow() && r.MaxNullShare == nil:
			continue // of a table as a whole, which a window is not
		case r.SQL == "" && !there(r.Column) || r.AtMost != "" && !there(r.AtMost):
			continue
		}
		r.OnFail, r.Repair, r.Map, r.Value, r.Environment = pipeline.Warn, "", nil, nil, ""
		rules = append(rules, r)
	}
	return rules
}

// whole selects the columns, numbers without a fraction as whole ones: as texts, which
// sets of accepted values are, 3 and 3.0 differ.
func whole(rows *frame.Frame) []string {
	items := make([]string, len(rows.Columns))
	for i := range rows.Columns {
		c := &rows.Columns[i]
		items[i] = table.Ident(c.Name)
		if c.Kind == frame.Number && integral(c.Numbers) {
			items[i] = fmt.Sprintf("CAST(%[1]s AS BIGINT) AS %[1]s", items[i])
		}
	}
	return items
}

// integral reports whether every number that is there is a whole one, of those that
// float64 tells apart.
func integral(numbers []float64) bool {
	for _, x := range numbers {
		if !math.IsNaN(x) && (x != math.Trunc(x) || math.Abs(x) > 1<<53) {
			return false
		}
	}
	return true
}
