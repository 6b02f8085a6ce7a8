package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
)

// AuditExport exports the days of the audit log that are over, and drops those beyond
// the retention from Postgres. A schedule starts it daily (esteira audit schedule).
func AuditExport(ctx workflow.Context, in activities.AuditExportParams) (activities.AuditExportResult, error) {
	var res activities.AuditExportResult
	if err := call(ctx, queuesOf(ctx).Data, long, "export the days of the audit log", &res, a.AuditExport, in); err != nil {
		return res, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%d files** exported with %d rows, **%d days** dropped from Postgres after their proof.\n\nHead of the chain: `%s`", res.Exported, res.Rows, res.Dropped, res.Head))
	return res, nil
}
