package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/metadata"
)

func (a *app) traceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trace PREDICTION",
		Short: "Trace an answer back to the bytes it was learned from",
		Long: "trace walks from one prediction to its labels, the revision and model that answered, the run that made the model,\n" +
			"the gates it passed, its dataset, and every source file with its checksum.",
		Example: "  esteira trace 019aa1f0-6f7e-7c3a-9d51-0f6f8f1c2b3d",
		Args:    exactly("PREDICTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				t, err := db.Trace(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(t, func() { a.say("%s", strings.TrimSuffix(traceTree(t).String(), "\n")) })
			})
		},
	}
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
	root.add("asked %s of endpoint %s, answered %d in %d µs", moment(p.At), p.Endpoint, p.Status, p.LatencyUS)
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
