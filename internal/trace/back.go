package trace

import (
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Back is the way from an answer down to its sources.
func Back(t metadata.Trace) *Node {
	p := t.Prediction
	root := New("prediction %s", p.ID)
	asked := root.Add("asked %s of endpoint %s, answered %d in %d µs", moment(p.At), p.Endpoint, p.Status, p.LatencyUS).To("endpoints", p.Endpoint)
	if p.RequestID != "" {
		asked.Add("request %s", p.RequestID)
	}
	if len(p.RequestHash) > 0 {
		asked.Add("body %x", p.RequestHash)
	}
	if p.Token != "" {
		asked.Add("token %s", p.Token)
	}
	if p.IdempotencyKey != "" {
		asked.Add("idempotency key %s", p.IdempotencyKey)
	}
	if p.Role == metadata.RoleCanary || p.Role == metadata.RoleShadow {
		asked.Add("by the %s", p.Role)
	}
	if p.Mode == metadata.AuditBounded {
		asked.Add("the answer left before its record was on disk (bounded audit)")
	}
	if len(p.Redacted) > 0 {
		asked.Add("withheld %s", p.Redacted)
	}
	if len(p.Features) > 0 {
		root.Add("given %s", p.Features)
	}
	if len(p.Outputs) > 0 {
		root.Add("said %s", p.Outputs)
	}
	if p.Error != "" {
		root.Add("error: %s", p.Error)
	}
	for _, l := range t.Labels {
		from, force := "", ""
		if l.Source != "" {
			from = ", from " + l.Source
		}
		if l.InForce {
			force = ", in force"
		}
		root.Add("label %s, observed %s, received %s%s%s", l.Value, moment(l.ObservedAt), moment(l.ReceivedAt), from, force)
	}
	at := root
	if r := t.Revision; r != nil {
		by := r.Actor
		if r.ApprovedBy != "" {
			by += ", approved by " + r.ApprovedBy
		}
		at = at.Add("revision %d of %s, since %s by %s", r.Revision, r.Endpoint, moment(r.Created), by).To("endpoints", r.Endpoint)
		if r.Reason != "" {
			at.Add("because %s", r.Reason)
		}
		if r.ApprovedBy != "" {
			at.Add("approved by %s", r.ApprovedBy)
		}
		if r.Rollout != "" {
			at.Add("rollout %s", r.Rollout)
		}
	}
	if m := t.Model; m != nil {
		at = at.Add("model %s %d", m.Name, m.Version).To("models", m.Name, strconv.Itoa(m.Version))
		at.Add("bundle sha256:%s", m.Bundle.Digest)
		if len(m.Metrics) > 0 {
			at.Add("metrics %s", m.Metrics)
		}
	}
	if r := t.Run; r != nil {
		at = at.Add("run %s, %s, pipeline version %s", r.ID, r.Trigger, r.PipelineDigest[:min(12, len(r.PipelineDigest))]).To("runs", r.ID)
	}
	for _, g := range t.Gates {
		at.Add("gate %s: %s", g.Condition, map[bool]string{true: "passed", false: "failed"}[g.Passed])
	}
	if f := t.Features; f != nil {
		at.Add("features sha256:%s", f.Digest)
	}
	for _, s := range t.Splits {
		at.Add("%s sha256:%s, %d rows", s.Split, s.Artifact.Digest, s.Rows)
	}
	if d := t.Dataset; d != nil {
		at = at.Add("dataset sha256:%s, %d rows", d.Artifact.Digest, d.Rows)
	}
	for _, s := range t.Snapshots {
		source := at.Add("source %s, taken %s, %d rows", s.Source, moment(s.Taken), s.Rows)
		source.Add("snapshot sha256:%s", s.Artifact.Digest)
		for _, f := range s.Files {
			source.Add("file %s, %d bytes, %s", f.Path, f.Size, Checksum(f.Checksum))
		}
	}
	return root
}

// Checksum writes the checksum of a file with what it is.
func Checksum(s string) string {
	if strings.HasPrefix(s, "etag:") {
		return s
	}
	return "sha256:" + s
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
