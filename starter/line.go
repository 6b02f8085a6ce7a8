package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// pipelineWorkflow is the name the line is registered by.
const pipelineWorkflow = "Pipeline"

// stepNames are the steps --refresh may name: those that are cached.
var stepNames = slices.DeleteFunc(workflows.StepNames(), func(step string) bool { return step == "define" || step == "deploy" })

// launch is one asking for a run.
type launch struct {
	file    file
	trigger string
	moment  *time.Time
	key     string
	noCache bool
	refresh []string
}

func (l launch) input() workflows.PipelineInput {
	return workflows.PipelineInput{
		Pipeline: *l.file.pipeline, BaseDir: l.file.dir, Trigger: l.trigger, Moment: l.moment, NoCache: l.noCache, Refresh: l.refresh,
	}
}

// idempotent reports whether a second asking means the same run.
func (l launch) idempotent() bool { return l.moment != nil || l.key != "" }

const idTime = "2006-01-02T15-04Z"

// id names the run. For a moment or a key it depends on nothing else, so that
// whoever asks twice meets the run of the first time.
func (l launch) id(now time.Time) (string, error) {
	name := l.file.pipeline.Name
	switch {
	case l.key != "":
		return fmt.Sprintf("%s/run/%s-%s", name, slug(l.key), short(name, "key", l.key)), nil
	case l.moment != nil:
		return fmt.Sprintf("%s/run/%s-%s", name, l.moment.UTC().Format(idTime), short(name, "moment", l.moment.UTC().Format(time.RFC3339Nano))), nil
	}
	var b [2]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/run/%s-%s", name, now.UTC().Format(idTime), hex.EncodeToString(b[:])), nil
}

func short(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:2])
}

var notSlug = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// slug keeps of a key what reads well in an id, and enough of its digest that
// two keys never share a run.
func slug(key string) string {
	sum := sha256.Sum256([]byte(key))
	text := strings.Trim(notSlug.ReplaceAllString(key, "-"), "-")
	return text[:min(len(text), 60)] + "." + hex.EncodeToString(sum[:4])
}

func (l launch) options(c config.Config, id string) client.StartWorkflowOptions {
	o := client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                temporal.QueuesOf(c.TaskQueue).Workflow,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		StaticSummary:            l.summary(),
		StaticDetails:            l.details(),
		TypedSearchAttributes:    l.attributes(),

		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
	if l.idempotent() {
		o.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
		o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	}
	return o
}

func (l launch) attributes() sdk.SearchAttributes {
	return sdk.NewSearchAttributes(temporal.Pipeline.ValueSet(l.file.pipeline.Name), temporal.Trigger.ValueSet(l.trigger))
}

// summary is what the Temporal UI shows in one line.
func (l launch) summary() string {
	p := l.file.pipeline
	return fmt.Sprintf("%s: predict %s (%s), %s", p.Name, p.Problem.Target, p.Problem.Task, l.trigger)
}

// details is what the Temporal UI shows of the configuration, as Markdown.
func (l launch) details() string {
	p := l.file.pipeline
	var b strings.Builder
	if p.Problem.Statement != "" {
		fmt.Fprintf(&b, "**%s**\n\n", p.Problem.Statement)
	}
	digest, _ := pipeline.Digest(p) // Parse made p, so it has one
	fmt.Fprintf(&b, "| | |\n|---|---|\n| pipeline | %s, version `%.12s` |\n| trigger | %s |\n", p.Name, digest, l.trigger)
	if l.moment != nil {
		fmt.Fprintf(&b, "| moment | %s |\n", l.moment.UTC().Format(time.RFC3339))
	}
	if l.key != "" {
		fmt.Fprintf(&b, "| key | `%s` |\n", strings.ReplaceAll(plain(l.key), "`", "'"))
	}
	for _, name := range sortedKeys(p.Sources) {
		fmt.Fprintf(&b, "| source %s | `%s` |\n", name, p.Sources[name])
	}
	fmt.Fprintf(&b, "| split | %s, validation %v, test %v |\n", p.Split.Method, p.Split.Validation, p.Split.Test)
	var kinds []string
	for _, c := range p.Train.Candidates {
		kinds = append(kinds, c.Label())
	}
	fmt.Fprintf(&b, "| candidates | %s, %d folds |\n| metric | %s |\n", strings.Join(kinds, ", "), p.Train.Folds, p.Problem.Metric)
	if *p.Deploy.Enabled {
		fmt.Fprintf(&b, "| endpoint | %s |\n", p.Deploy.Endpoint)
	}
	switch {
	case l.noCache:
		b.WriteString("| cache | off |\n")
	case len(l.refresh) > 0:
		fmt.Fprintf(&b, "| computed anew | %s |\n", strings.Join(l.refresh, ", "))
	}
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
