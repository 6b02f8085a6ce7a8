package profile

import (
	"context"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// Options are what is known of a dataset beside its rows.
type Options struct {
	// EventTime is the column that says when a row was known; "" if none does.
	EventTime string

	// Key is the columns that identify a row.
	Key []string

	// Previous is the profile of an earlier run, nil without one, and
	// PreviousRun its name.
	Previous    *Profile
	PreviousRun string

	// Split is the method by which rows are dealt.
	Split string

	// Target is the column to predict, "" if there is none. Columns are set in
	// relation to it, as numbers if Task is regression and as classes otherwise.
	Target string
	Task   pipeline.Task
}

// survey is a profile being made.
type survey struct {
	*Profile
	engine  *table.Engine
	in      string
	schema  pipeline.Schema
	options Options
	scales  []scale // of the columns, where they have one
	hashes  *hashes
	keeper  *keeper
}

// Compute profiles a Parquet file.
//
// Faults: ColumnMissing (the target or a key), ResourceExhausted.
func Compute(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, o Options) (*Profile, error) {
	s, err := begin(ctx, e, in, schema, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, step := range []func(context.Context) error{s.count, s.compare, s.repeats} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if o.Previous != nil {
		s.Previous = o.PreviousRun
	}
	s.warn(o)
	return s.Profile, nil
}

// begin begins a survey, which is to be closed.
func begin(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, o Options) (*survey, error) {
	if o.Target != "" && schema.Column(o.Target) == nil {
		return nil, table.MissingColumn(o.Target, schema, "problem.target")
	}
	row, err := e.QueryRow(ctx, "SELECT count(*) FROM "+table.Scan(in))
	if err != nil {
		return nil, err
	}
	s := &survey{
		Profile: &Profile{Version: Version, Rows: row[0].(int64), Target: o.Target, Task: o.Task, Columns: make([]Column, len(schema)), Warnings: []Warning{}},
		engine:  e, in: in, schema: schema, options: o, scales: make([]scale, len(schema)),
	}
	if err := s.tellApart(ctx); err != nil {
		return nil, err
	}
	for i, c := range s.schema {
		s.Columns[i] = Column{Name: c.Name, Type: c.Type, SQL: c.SQL}
	}
	if s.hashes, err = newHashes(e, s.Rows, s.schema, o.Key); err != nil {
		return nil, err
	}
	s.keeper = newKeeper(e, s.Rows, len(schema))
	return s, nil
}

// tellApart takes columns of whole numbers beyond 2⁵³, of which float64 cannot tell every
// one from the next, for texts: such numbers are identifiers. The target, which is
// learnt as it is, stays what it is.
func (s *survey) tellApart(ctx context.Context) error {
	s.schema = slices.Clone(s.schema)
	rows, err := s.engine.Query(ctx, "SELECT DISTINCT path_in_schema FROM parquet_metadata("+table.Literal(s.in)+
		") WHERE type = 'INT64' AND greatest(abs(TRY_CAST(stats_min_value AS HUGEINT)), abs(TRY_CAST(stats_max_value AS HUGEINT))) > 9007199254740992")
	for _, row := range rows {
		name, _ := row[0].(string)
		if c := s.schema.Column(name); c != nil && name != s.Target && (c.SQL == "BIGINT" || c.SQL == "UBIGINT") {
			c.Kind, c.Type = frame.Text, frame.Text.String()
		}
	}
	return err
}

func (s *survey) close() {
	s.hashes.close()
	s.keeper.shelf.Close()
}

// compare looks at columns together once each of them is known: with the target,
// with the event time, pair by pair in a sample, and what is missing together.
func (s *survey) compare(ctx context.Context) error {
	sample, patterns := s.sample(), s.newPatterns()
	looks, first := s.associations()
	for _, more := range [][]look{s.future(), sample.looks(), s.restLooks(sample), patterns.looks(), s.hashes.compared(s.keeper)} {
		looks = append(looks, more...)
	}
	if err := s.scan(ctx, looks, first); err != nil {
		return err
	}
	s.relate(sample)
	return s.list(ctx, patterns)
}
