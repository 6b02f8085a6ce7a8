package pipeline_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAnAuditPolicyIsCompleted(t *testing.T) {
	a := parse(t, minimal+"deploy: {audit: {columns: {ssn: hash}, key: 'env:AUDIT_KEY'}}\n").Deploy.Audit
	require.Equal(t, "strict", a.Mode)
	a = parse(t, minimal+"deploy: {audit: {mode: bounded, max_delay: 250ms}}\n").Deploy.Audit
	records, delay := a.Bound()
	require.Equal(t, int64(1000), records)
	require.Equal(t, 250*time.Millisecond, delay)
	require.Nil(t, parse(t, minimal).Deploy.Audit)
}

func TestImpossibleAuditPoliciesAreRefused(t *testing.T) {
	for text, path := range map[string]string{
		"mode: loose":                        "deploy.audit.mode",
		"max_records: 5":                     "deploy.audit",
		"mode: bounded, max_records: 0":      "deploy.audit.max_records",
		"mode: bounded, max_delay: 2h":       "deploy.audit.max_delay",
		"columns: {a: keep}, key: 'env:K'":   "deploy.audit.columns.a",
		"columns: {a: hash}":                 "deploy.audit.key",
		"columns: {a: hash}, key: hunter2":   "deploy.audit.key",
		"key: 'env:K'":                       "deploy.audit.key",
		"mode: bounded, max_records: 1000.5": "deploy.audit.max_records",
	} {
		list := mistakes(t, minimal+"deploy: {audit: {"+text+"}}\n")
		require.Len(t, list, 1, text)
		require.Equal(t, path, list[0].Path, text)
		require.NotContains(t, list[0].Message, "hunter2")
	}
}
