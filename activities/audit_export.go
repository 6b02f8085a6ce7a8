package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/archive"
)

// AuditExportParams say how long Postgres keeps the audit log.
type AuditExportParams struct {
	Retain int `json:"retain"` // days; 0: for good
}

// AuditExportResult is what one export did.
type AuditExportResult struct {
	Exported int    `json:"exported"` // files
	Rows     int64  `json:"rows"`     // in them
	Dropped  int    `json:"dropped"`  // days
	Head     string `json:"head,omitempty"`
}

// AuditExport exports every day of the audit log that is over and has rows that are
// not exported, and drops the days beyond the retention. Again, it does what is left.
func (a *Activities) AuditExport(ctx context.Context, p AuditExportParams) (*AuditExportResult, error) {
	res := &AuditExportResult{}
	r := &archive.Archive{DB: a.DB, Store: a.Store, Dir: a.ScratchDir, Open: a.engine}
	each := func(o archive.Outcome) {
		if o.Dropped {
			res.Dropped++
		} else if o.Export != nil {
			res.Exported++
			res.Rows += o.Rows
			res.Head = o.Export.Manifest.Digest
		}
		a.Log.Info().Str("workflow", activity.GetInfo(ctx).WorkflowExecution.ID).Str("day", o.Day).Int64("rows", o.Rows).Str("state", o.State).Msg("audit log")
	}
	days, err := r.Days(ctx, time.Now())
	if err == nil {
		err = r.ExportDays(ctx, days, each)
	}
	if err == nil && p.Retain > 0 {
		err = r.Retain(ctx, p.Retain, each)
	}
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	return res, nil
}
