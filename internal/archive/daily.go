package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Outcome is what was done to one day.
type Outcome struct {
	Day     string                `json:"day"`
	Export  *metadata.AuditExport `json:"export,omitempty"`
	Dropped bool                  `json:"dropped,omitempty"`
	Rows    int64                 `json:"rows"`
	State   string                `json:"state"`
}

// ExportDays exports these days, in their order, and tells each what came of it.
func (a *Archive) ExportDays(ctx context.Context, days []time.Time, each func(Outcome)) error {
	for _, day := range days {
		e, done, err := a.Export(ctx, day)
		if err != nil {
			return err
		}
		o := Outcome{Day: day.Format(time.DateOnly), State: "nothing new"}
		if done {
			o.Export, o.Rows, o.State = &e, e.Rows, "exported"
			if e.Part > 0 {
				o.State = fmt.Sprintf("supplement %d", e.Part)
			}
		}
		each(o)
	}
	return nil
}

// Retain drops the days that began more than so many days ago, each once verified,
// and forgets answers that are not repeated any more. A day that is not exported whole
// is an error: nothing is dropped without its proof.
func (a *Archive) Retain(ctx context.Context, days int, each func(Outcome)) error {
	partitions, err := a.DB.PartitionDays(ctx)
	if err != nil {
		return err
	}
	for _, day := range partitions {
		if !day.Before(time.Now().UTC().AddDate(0, 0, -days)) {
			continue
		}
		rows, err := a.Drop(ctx, day)
		if err != nil {
			return err
		}
		each(Outcome{Day: day.Format(time.DateOnly), Rows: rows, Dropped: true, State: "verified and dropped"})
	}
	_, err = a.DB.ForgetAnswers(ctx)
	return err
}
