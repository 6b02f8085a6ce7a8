package activities

import (
	"context"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// setAuditPolicy makes what the file says of audit the endpoint's policy; the same
// again changes nothing.
func (a *Activities) setAuditPolicy(ctx context.Context, endpoint string, audit *pipeline.Audit, run string) error {
	p := auditPolicy(endpoint, audit, run)
	if p == nil {
		return nil
	}
	_, err := a.DB.SetAuditPolicy(ctx, *p)
	return err
}

// auditPolicy is what the file says of audit, as the endpoint's policy; nil: nothing.
func auditPolicy(endpoint string, audit *pipeline.Audit, run string) *metadata.AuditPolicy {
	if audit == nil {
		return nil
	}
	p := metadata.AuditPolicy{
		Endpoint: endpoint, Mode: metadata.AuditMode(audit.Mode), Columns: audit.Columns, Key: audit.Key, Actor: "run", Reason: run,
	}
	if p.Mode == metadata.AuditBounded {
		p.MaxRecords, p.MaxDelay = audit.Bound()
	}
	return &p
}
