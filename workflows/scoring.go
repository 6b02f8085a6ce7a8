package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/activities"
	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// ScoringInput starts a scoring.
type ScoringInput struct {
	activities.Scoring
	NoCache bool `json:"no_cache,omitempty"`
}

// ScoringResult is what a scoring came to.
type ScoringResult struct {
	Decision Decision                `json:"decision"` // scored, failed or cancelled
	Reason   string                  `json:"reason"`
	Model    activities.ScoringModel `json:"model"`
	Input    string                  `json:"input,omitempty"` // checksum over the digests of its files
	Rows     int64                   `json:"rows"`            // of the input
	Rejected int64                   `json:"rejected"`        // of them
	Parts    int                     `json:"parts"`
	Hits     int                     `json:"hits"`    // parts that were scored before
	Seconds  float64                 `json:"seconds"` // that scoring took, from the first part to the last
	Output   activities.ScoredFile   `json:"output"`
	Rejects  *activities.ScoredFile  `json:"rejects,omitempty"`
	Record   artifact.Ref            `json:"record,omitzero"` // activities.ScoringRecord (JSON)
	Details  string                  `json:"details"`         // Markdown, as in the current details
}

// inputName is what a scoring calls its only source.
const inputName = "input"

var scoringSteps = []string{"resolve", "collect", "plan", "score", "write"}

// scoring is one run of the Scoring workflow. It collects its input as a line does.
type scoring struct {
	*line
	in  ScoringInput
	out ScoringResult
}

// Scoring answers the rows of a table with one model version, in parts that the
// workers share, and puts the answers in their place when all are there. Which
// version that is, of an endpoint, is settled when the run begins.
func Scoring(ctx workflow.Context, in ScoringInput) (ScoringResult, error) {
	info := workflow.GetInfo(ctx)
	name, _, _ := strings.Cut(in.Target, "@")
	l := &line{id: info.WorkflowExecution.ID, queues: queuesOf(ctx), collecting: workflow.NewSemaphore(ctx, maxUnderWay)}
	l.in = PipelineInput{BaseDir: in.BaseDir, Trigger: "score", NoCache: in.NoCache}
	l.in.Pipeline.Name = name
	l.in.Pipeline.Sources = map[string]pipeline.Source{inputName: in.Input}
	l.result.Reports = map[string]artifact.Ref{}
	for _, step := range scoringSteps {
		l.steps = append(l.steps, stepRow{StepStatus: StepStatus{Name: step, State: "pending"}})
	}
	s := &scoring{line: l, in: in}
	l.written = s.tell
	if err := workflow.SetQueryHandler(ctx, "status", func() (Status, error) { return l.status(ctx), nil }); err != nil {
		return s.out, err
	}
	if err := l.upsert(ctx, pipelineAttribute.ValueSet(name), triggerAttribute.ValueSet("score")); err != nil {
		return s.out, err
	}
	return s.finish(ctx, s.run(ctx))
}

func (s *scoring) run(ctx workflow.Context) error {
	found, err := execute[activities.ResolveScoringResult](ctx, s.line, "resolve", s.queues.Data, short, "find "+s.in.Target, a.ResolveScoring, activities.ResolveScoringParams{
		Run: s.runRef(), Scoring: s.in.Scoring, Trigger: "score", At: began(ctx),
	})
	if err != nil {
		return err
	}
	s.out.Model, s.artifactURL, s.asText = found.Model, found.ArtifactURL, found.Texts
	s.line.in.Pipeline.Name = found.Model.Name
	attributes := []temporal.SearchAttributeUpdate{modelVersionAttribute.ValueSet(found.Model.String())}
	if found.Model.Endpoint != "" {
		attributes = append(attributes, endpointAttribute.ValueSet(found.Model.Endpoint))
	}
	if err := s.upsert(ctx, attributes...); err != nil {
		return err
	}
	var snapshot activities.SnapshotResult
	err = s.track(ctx, "collect", func() (_ activities.Outcome, err error) {
		snapshot, err = s.snapshot(ctx, inputName)
		return snapshot.Outcome, err
	})
	if err != nil {
		return err
	}
	plan, err := execute[activities.PlanScoringResult](ctx, s.line, "plan", s.queues.Data, long, "deal the rows to parts", a.PlanScoring, activities.PlanScoringParams{
		Run: s.runRef(), Scoring: s.in.Scoring, Model: found.Model, Snapshot: snapshot.Manifest,
	})
	if err != nil {
		return err
	}
	s.out.Rows, s.out.Parts, s.out.Input = plan.Rows, plan.Parts, plan.Checksum
	parts, err := s.score(ctx, plan)
	if err != nil {
		return err
	}
	written, err := execute[activities.WriteScoresResult](ctx, s.line, "write", s.queues.Data, long, "write "+s.in.Output, a.WriteScores, activities.WriteScoresParams{
		Run: s.runRef(), Scoring: s.in.Scoring, Model: found.Model, Input: plan.Checksum, Parts: parts, Rows: plan.Rows,
	})
	if err != nil {
		return err
	}
	s.out.Output, s.out.Rejects, s.out.Record = written.Output, written.Rejects, written.Record
	s.out.Decision, s.out.Reason = DecisionScored, fmt.Sprintf("%d rows by %s in %s", written.Output.Rows, found.Model, written.Output.Path)
	if s.out.Rejected > 0 {
		s.out.Reason += fmt.Sprintf("; %d rows without an answer in %s", s.out.Rejected, written.Rejects.Path)
	}
	return errDecided
}

// score scores every part, each an activity of its own that is retried alone.
func (s *scoring) score(ctx workflow.Context, plan activities.PlanScoringResult) ([]activities.ScoredParts, error) {
	parts := make([]activities.ScoredParts, plan.Parts)
	started, done, rows := workflow.Now(ctx), 0, int64(0)
	err := s.track(ctx, "score", func() (activities.Outcome, error) {
		row := s.row("score")
		err := inParallel(ctx, plan.Parts, func(ctx workflow.Context, i int) error {
			var res activities.ScoreResult
			err := call(ctx, s.queues.Train, long, fmt.Sprintf("score part %d of %d", i+1, plan.Parts), &res, a.Score, activities.ScoreParams{
				Run: s.runRef(), Scoring: s.in.Scoring, Model: s.out.Model, Plan: plan.Plan, Part: i,
			})
			if err != nil {
				return err
			}
			parts[i] = activities.ScoredParts{Scores: res.Scores, Rejects: res.Rejects, Rejected: res.Rejected}
			done, rows = done+1, rows+res.Rows
			s.out.Rejected += res.Rejected
			if res.Cache == metadata.CacheHit {
				s.out.Hits++
			}
			row.Figure = s.pace(done, rows, workflow.Now(ctx).Sub(started).Seconds())
			s.render(ctx)
			return nil
		})
		told := activities.Outcome{Figure: row.Figure, Cache: metadata.CacheMiss}
		if s.out.Hits == plan.Parts {
			told.Cache = metadata.CacheHit
		}
		return told, err
	})
	s.out.Seconds = workflow.Now(ctx).Sub(started).Seconds()
	return parts, err
}

// pace says how far the scoring is, and how fast.
func (s *scoring) pace(parts int, rows int64, seconds float64) string {
	said := fmt.Sprintf("%d of %d parts, %d of %d rows", parts, s.out.Parts, rows, s.out.Rows)
	if s.out.Rejected > 0 {
		said += fmt.Sprintf(", %d rejected", s.out.Rejected)
	}
	if s.out.Hits > 0 {
		said += fmt.Sprintf(", %d parts from the cache", s.out.Hits)
	}
	if seconds > 0 {
		said += fmt.Sprintf(", %.0f rows/s", float64(rows)/seconds)
	}
	return said
}

// tell writes the current details.
func (s *scoring) tell(b *strings.Builder) {
	say(b, "Score `%s` by **%s**", s.in.Input.Path, s.in.Target)
	if m := s.out.Model; m.Name != "" {
		say(b, ", which is %s", m)
		if m.Endpoint != "" {
			say(b, ", live as revision %d when the run began", m.Revision)
		}
	}
	say(b, ", into `%s`\n\n", s.in.Output)
	s.renderSteps(b)
	if s.out.Decision == "" {
		return
	}
	say(b, "\n**%s**: %s\n", strings.ToUpper(string(s.out.Decision[:1]))+string(s.out.Decision[1:]), s.out.Reason)
	if s.out.Output.SHA256 != "" {
		say(b, "\n`sha256:%s`, recorded as %s\n", s.out.Output.SHA256, s.link("what was scored by what", s.out.Record))
	}
	if s.out.Decision == DecisionFailed {
		say(b, "\nNext: mend the cause and score again; finished parts come from the cache. `esteira runs show %s`.\n", s.id)
	}
}

// finish turns the end of the scoring into its result, row and memo.
func (s *scoring) finish(ctx workflow.Context, cause error) (ScoringResult, error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	switch {
	case errors.Is(cause, errDecided):
	case temporal.IsCanceledError(cause):
		s.out.Decision, s.out.Reason = DecisionCancelled, "cancelled; no output was written"
	default:
		s.out.Decision, s.out.Reason = DecisionFailed, reasonOf(cause)
	}
	s.line.result.Decision, s.line.result.Reason = s.out.Decision, s.out.Reason
	s.skipPending()
	s.render(ctx)
	s.out.Details = s.line.result.Details
	if err := s.upsert(ctx, decisionAttribute.ValueSet(string(s.out.Decision))); err != nil {
		return s.out, err
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"report": s.out.Details}); err != nil {
		return s.out, err
	}
	end := activities.FinishParams{Run: s.runRef(), State: runStates[s.out.Decision], Decision: string(s.out.Decision), Reason: s.out.Reason, Model: s.out.Model.Name, ModelVersion: s.out.Model.Version}
	if !s.out.Record.IsZero() {
		end.Reports = metadata.Outputs{"scoring": s.out.Record}
	}
	if s.out.Decision == DecisionFailed {
		end.ErrorKind = kindOf(cause)
	}
	err := call(ctx, s.queues.Deploy, short, "record the outcome: "+string(s.out.Decision), nil, a.Finish, end)
	if err != nil && errors.Is(cause, errDecided) {
		return s.out, err
	}
	if s.out.Decision != DecisionScored {
		return s.out, surfaced(cause)
	}
	return s.out, nil
}
