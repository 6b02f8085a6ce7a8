package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/archive"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/trace"
)

// traceSource prints what a source's bytes had a part in, or with list every
// prediction.
func (a *app) traceSource(ctx context.Context, digest string, list bool) error {
	var t metadata.Touched
	err := a.withDatabase(ctx, func(db *metadata.DB) (err error) {
		t, err = db.TraceSource(ctx, digest)
		return err
	})
	if err != nil {
		return err
	}
	if !list {
		return a.print(t, func() { a.say("%s", strings.TrimSuffix(touchedTree(t).String(), "\n")) })
	}
	if len(t.Models) == 0 {
		return fault.New(fault.NotFound, "no model version was made from %s", t.Digest)
	}
	var versions []string
	for _, m := range t.Models {
		versions = append(versions, fmt.Sprintf("(%s, %d)", table.Literal(m.Name), m.Version))
	}
	return a.withArchive(ctx, func(r *archive.Archive) error {
		return a.answer(ctx, r, archive.Question{SQL: "SELECT id, prediction_at, endpoint, model_name, model_version, role, request_id FROM predictions " +
			"WHERE status = 200 AND (model_name, model_version) IN (" + strings.Join(versions, ", ") + ") ORDER BY id"}, "")
	})
}

// touchedTree is a trace from the source down to the answers.
func touchedTree(t metadata.Touched) *trace.Node {
	root := trace.New("source %s: %d predictions", trace.Checksum(t.Digest), t.Total)
	for _, s := range t.Snapshots {
		in := root.Add("snapshot of %s, taken %s by run %s", s.Source, moment(s.Taken), s.Run)
		for _, f := range s.Files {
			in.Add("file %s", f)
		}
	}
	for _, d := range t.Datasets {
		root.Add("dataset sha256:%s of run %s, %d rows", d.Artifact.Digest, d.Run, d.Rows)
	}
	for _, m := range t.Models {
		model := root.Add("model %s %d of run %s", m.Name, m.Version, m.Run)
		for _, r := range t.Revisions {
			for _, v := range servedBy(r) {
				if v.ModelName == m.Name && v.ModelVersion == m.Version {
					model.Add("revision %d of %s, since %s by %s", r.Revision, r.Endpoint, moment(r.Created), r.Actor)
				}
			}
		}
		for _, c := range t.Counts {
			if c.ModelName == m.Name && c.ModelVersion == m.Version {
				model.Add("%d %s predictions of %s, %s to %s", c.Rows, c.Role, c.Endpoint, c.From.Format(time.DateOnly), c.To.Format(time.DateOnly))
			}
		}
	}
	return root
}

// servedBy lists the versions of a revision.
func servedBy(r metadata.Revision) []metadata.Variant {
	out := []metadata.Variant{{ModelName: r.ModelName, ModelVersion: r.ModelVersion}}
	for _, v := range []*metadata.Variant{r.Canary, r.Shadow} {
		if v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// tracePrediction follows a prediction in the table, or else in the exported days.
func (a *app) tracePrediction(ctx context.Context, id string) (t metadata.Trace, err error) {
	key, err := metadata.ParsePrediction(id)
	if err != nil {
		return t, err
	}
	err = a.withDatabase(ctx, func(db *metadata.DB) error {
		t, err = db.Trace(ctx, id)
		return err
	})
	if fault.KindOf(err) != fault.NotFound {
		return t, err
	}
	return t, a.withArchive(ctx, func(r *archive.Archive) error {
		p, err := r.Find(ctx, key)
		if err != nil {
			return err
		}
		t, err = r.DB.TracePrediction(ctx, p)
		return err
	})
}
