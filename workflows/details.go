package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// render writes the run's report, which the Temporal UI shows as Markdown, and
// keeps it in the result.
func (l *line) render(ctx workflow.Context) {
	var b strings.Builder
	if l.written != nil {
		l.written(&b)
		l.result.Details = b.String()
		workflow.SetCurrentDetails(ctx, l.result.Details)
		return
	}
	p := l.in.Pipeline
	if p.Problem.Statement != "" {
		say(&b, "**%s**\n\n", p.Problem.Statement)
	}
	say(&b, "%s of `%s` by %s; trigger %s", p.Problem.Task, p.Problem.Target, p.Problem.Metric, l.in.Trigger)
	if l.in.Moment != nil {
		say(&b, " for %s", l.in.Moment.UTC().Format("2006-01-02T15:04Z"))
	}
	if p.Problem.Owner != "" {
		say(&b, "; owner %s", p.Problem.Owner)
	}
	if l.result.ProblemVersion > 0 {
		say(&b, "\n\nProblem version %d", l.result.ProblemVersion)
		if t := p.Problem.Threshold; t != nil {
			say(&b, ", solved at %s %v%s", p.Problem.Metric, *t, met(l.result.Solved))
		}
	}
	b.WriteString("\n\n")
	l.renderSteps(&b)
	if l.result.Decision != "" {
		say(&b, "\n**%s**: %s\n", strings.ToUpper(string(l.result.Decision[:1]))+string(l.result.Decision[1:]), l.result.Reason)
		b.WriteString(next(l.result.Decision, p.Name, p.Deploy.Endpoint, l.id, l.result.Rollout))
	}
	l.result.Details = b.String()
	workflow.SetCurrentDetails(ctx, l.result.Details)
}

// met says whether a threshold was, once that is known.
func met(solved *bool) string {
	switch {
	case solved == nil:
		return ""
	case *solved:
		return ": **met** on the test rows"
	default:
		return ": **not met** on the test rows"
	}
}

// renderSteps writes the table of steps. The UI sets cells without space between
// them; code spans bring their own.
func (l *line) renderSteps(b *strings.Builder) {
	b.WriteString("| step | state | time | what came out | cache |\n|---|---|---|---|---|\n")
	for i := range l.steps {
		row := &l.steps[i]
		took := ""
		if !row.finished.IsZero() {
			took = fmt.Sprintf("`%.2fs`", row.seconds(row.finished))
		}
		said := row.Figure
		if row.Error != "" {
			said = row.Error
		}
		said = cell(said)
		for _, name := range row.reports {
			said += " · " + l.link(name, l.result.Reports[name])
		}
		cache := ""
		if row.Cache != "" {
			cache = "`" + row.Cache + "`"
		}
		say(b, "| `%s` | %s | %s | %s | %s |\n", row.Name, row.State, took, said, cache)
	}
}

func (l *line) link(name string, ref artifact.Ref) string {
	if l.artifactURL == "" {
		return name + " `" + ref.Short() + "`"
	}
	return "[" + name + "](" + l.artifactURL + "/artifacts/" + ref.Digest + ")"
}

// next says what to do after a decision.
func next(d Decision, pipeline, endpoint, run, rollout string) string {
	switch d {
	case DecisionDeployed, DecisionUnchanged:
		return "\nNext: `esteira predict " + endpoint + "`, `esteira endpoints show " + endpoint + "`.\n"
	case DecisionAwaiting:
		return "\nNext: `esteira approve " + run + " --reason …` or `esteira reject " + run + " --reason …`; `esteira rollouts show " + rollout + "`.\n"
	case DecisionRolledBack, DecisionSuperseded:
		return "\nNext: `esteira rollouts show " + rollout + "`, `esteira endpoints history " + endpoint + "`.\n"
	case DecisionPackaged:
		return "\nNext: `esteira models show " + pipeline + "`.\n"
	case DecisionPaused:
		return "\nNext: `esteira retrain show " + pipeline + "`, `esteira retrain resume " + pipeline + " --reason …`; `esteira schedule backfill " + pipeline + "` makes up for this moment.\n"
	case DecisionFailed:
		return "\nNext: mend the cause and run again; finished steps come from the cache. `esteira runs show " + run + "`.\n"
	case DecisionRejected:
		return "\nNext: read the reports; the endpoint `" + endpoint + "` is as it was.\n"
	default:
		return ""
	}
}

// cell makes text fit for a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}

// plural is "1 source", "2 sources".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// say is Fprintf to a builder; the determinism checker follows Fprintf into the
// writer, which could be anything.
func say(b *strings.Builder, format string, args ...any) { b.WriteString(fmt.Sprintf(format, args...)) }
