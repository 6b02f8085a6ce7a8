package workflows

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/activities"
)

func TestTheAuditLogIsExportedAndABreakEndsIt(t *testing.T) {
	for name, broken := range map[string]error{"exported": nil, "broken": temporal.NewNonRetryableApplicationError("row 3 was altered", "AuditBroken", errors.New("altered"))} {
		t.Run(name, func(t *testing.T) {
			suite := quiet()
			env := suite.NewTestWorkflowEnvironment()
			env.RegisterWorkflow(AuditExport)
			env.RegisterActivity(&activities.Activities{})
			env.OnActivity(a.AuditExport, mock.Anything, activities.AuditExportParams{Retain: 90}).Return(&activities.AuditExportResult{Exported: 2, Rows: 7, Head: "ab"}, broken).Once()
			env.ExecuteWorkflow(AuditExport, activities.AuditExportParams{Retain: 90})
			env.AssertExpectations(t)
			if broken != nil {
				require.ErrorContains(t, env.GetWorkflowError(), "row 3 was altered")
				return
			}
			require.NoError(t, env.GetWorkflowError())
			var res activities.AuditExportResult
			require.NoError(t, env.GetWorkflowResult(&res))
			require.Equal(t, int64(7), res.Rows)
		})
	}
}
