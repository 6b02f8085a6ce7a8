package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/metadata"
)

func (a *app) traceCommand() *cobra.Command {
	var source string
	var list bool
	c := &cobra.Command{
		Use:   "trace PREDICTION",
		Short: "Trace an answer back to the bytes it was learned from, or bytes forward to the answers",
		Long: "trace walks from one prediction to its labels, the revision that answered and who approved it, the run that made\n" +
			"the model, the gates it passed, its features, splits and dataset, and every source file with its checksum. A\n" +
			"prediction whose day was dropped from Postgres is found in the exported days.\n\n" +
			"With --source it goes the other way: from the checksum of a file, or the digest of a snapshot or dataset, to the\n" +
			"model versions learned from it, where and when they served, and how many predictions they answered; --list\n" +
			"prints those.",
		Example:     "  esteira trace 019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d\n  esteira trace --source sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --list --output csv",
		Annotations: map[string]string{moreOutputs: "csv"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.output == "csv" && !list {
				return usage("only a list of predictions is written as csv").WithRemedy("add --source DIGEST --list, or write --output json")
			}
			if source != "" {
				if err := exactly()(cmd, args); err != nil {
					return err
				}
				return a.traceSource(cmd.Context(), source, list)
			}
			if err := exactly("PREDICTION")(cmd, args); err != nil {
				return err
			}
			t, err := a.tracePrediction(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(t, func() { a.say("%s", strings.TrimSuffix(traceTree(t).String(), "\n")) })
		},
	}
	c.Flags().StringVar(&source, "source", "", "go forward from this checksum or digest")
	c.Flags().BoolVar(&list, "list", false, "with --source: print the predictions")
	return c
}

// node is one line of a tree.
type node struct {
	text     string
	children []*node
}

func (n *node) add(format string, args ...any) *node {
	child := &node{text: plain(fmt.Sprintf(format, args...))}
	n.children = append(n.children, child)
	return child
}

// String draws the tree.
func (n *node) String() string {
	var b strings.Builder
	b.WriteString(n.text + "\n")
	n.draw(&b, "")
	return b.String()
}

func (n *node) draw(b *strings.Builder, indent string) {
	for i, child := range n.children {
		branch, next := "├─ ", "│  "
		if i == len(n.children)-1 {
			branch, next = "└─ ", "   "
		}
		b.WriteString(indent + branch + child.text + "\n")
		child.draw(b, indent+next)
	}
}

// traceTree is a trace from the answer down to the sources.
func traceTree(t metadata.Trace) *node {
	p := t.Prediction
	root := &node{text: fmt.Sprintf("prediction %s", p.ID)}
	asked := root.add("asked %s of endpoint %s, answered %d in %d µs", moment(p.At), p.Endpoint, p.Status, p.LatencyUS)
	if p.RequestID != "" {
		asked.add("request %s", p.RequestID)
	}
	if len(p.RequestHash) > 0 {
		asked.add("body %x", p.RequestHash)
	}
	if p.Token != "" {
		asked.add("token %s", p.Token)
	}
	if p.IdempotencyKey != "" {
		asked.add("idempotency key %s", p.IdempotencyKey)
	}
	if p.Role == metadata.RoleCanary || p.Role == metadata.RoleShadow {
		asked.add("by the %s", p.Role)
	}
	if p.Mode == metadata.AuditBounded {
		asked.add("the answer left before its record was on disk (bounded audit)")
	}
	if len(p.Redacted) > 0 {
		asked.add("withheld %s", p.Redacted)
	}
	if len(p.Features) > 0 {
		root.add("given %s", p.Features)
	}
	if len(p.Outputs) > 0 {
		root.add("said %s", p.Outputs)
	}
	if p.Error != "" {
		root.add("error: %s", p.Error)
	}
	for _, l := range t.Labels {
		from, force := "", ""
		if l.Source != "" {
			from = ", from " + l.Source
		}
		if l.InForce {
			force = ", in force"
		}
		root.add("label %s, observed %s, received %s%s%s", l.Value, moment(l.ObservedAt), moment(l.ReceivedAt), from, force)
	}
	at := root
	if r := t.Revision; r != nil {
		by := r.Actor
		if r.ApprovedBy != "" {
			by += ", approved by " + r.ApprovedBy
		}
		at = at.add("revision %d of %s, since %s by %s", r.Revision, r.Endpoint, moment(r.Created), by)
		if r.Reason != "" {
			at.add("because %s", r.Reason)
		}
		if r.ApprovedBy != "" {
			at.add("approved by %s", r.ApprovedBy)
		}
		if r.Rollout != "" {
			at.add("rollout %s", r.Rollout)
		}
	}
	if m := t.Model; m != nil {
		at = at.add("model %s %d", m.Name, m.Version)
		at.add("bundle sha256:%s", m.Bundle.Digest)
		if len(m.Metrics) > 0 {
			at.add("metrics %s", figures(m.Metrics))
		}
	}
	if r := t.Run; r != nil {
		at = at.add("run %s, %s, pipeline version %s", r.ID, r.Trigger, clip(r.PipelineDigest, 12))
	}
	for _, g := range t.Gates {
		at.add("gate %s: %s", g.Condition, passed(g.Passed))
	}
	if f := t.Features; f != nil {
		at.add("features sha256:%s", f.Digest)
	}
	for _, s := range t.Splits {
		at.add("%s sha256:%s, %d rows", s.Split, s.Artifact.Digest, s.Rows)
	}
	if d := t.Dataset; d != nil {
		at = at.add("dataset sha256:%s, %d rows", d.Artifact.Digest, d.Rows)
	}
	for _, s := range t.Snapshots {
		source := at.add("source %s, taken %s, %d rows", s.Source, moment(s.Taken), s.Rows)
		source.add("snapshot sha256:%s", s.Artifact.Digest)
		for _, f := range s.Files {
			source.add("file %s, %d bytes, %s", f.Path, f.Size, checksum(f.Checksum))
		}
	}
	return root
}

func checksum(s string) string {
	if strings.HasPrefix(s, "etag:") {
		return s
	}
	return "sha256:" + s
}
