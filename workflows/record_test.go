package workflows_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

var record = flag.Bool("record", false, "record the histories that testdata lacks from real runs; see doc.go")

// recorder runs scenarios on a real line.
type recorder struct {
	*testline.Line
	t        *testing.T
	dir      string // of the pipeline file and its data
	name     string // of the pipeline
	temporal client.Client
}

// scenario is a run worth keeping: begin starts it, has it come to what it must,
// and returns its Workflow ID.
type scenario struct {
	decision workflows.Decision
	tuning   bool // it came as far as a search
	rollout  bool // it came as far as a rollout
	run      func(r *recorder) string
}

var scenarios = map[string]scenario{
	"deployed": {workflows.DecisionDeployed, true, true, func(r *recorder) string { return r.Run(testline.ExitDone, r.file()).Run }},
	"unchanged": {workflows.DecisionUnchanged, true, false, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		return r.Run(testline.ExitDone, r.file()).Run
	}},
	"packaged": {workflows.DecisionPackaged, true, false, func(r *recorder) string {
		return r.Run(testline.ExitDone, r.file("retrain:", "deploy: {enabled: false}\nretrain:")).Run
	}},
	"rejected-by-gate": {workflows.DecisionRejected, true, false, func(r *recorder) string {
		return r.Run(testline.ExitRejected, r.file("accuracy, min: 0.9", "log_loss, max: 0.000001")).Run
	}},
	"rejected-by-contract": {workflows.DecisionRejected, false, false, func(r *recorder) string {
		return r.Run(testline.ExitRejected, r.file("row_count: {min: 100}", "row_count: {min: 100000}")).Run
	}},
	"failed": {workflows.DecisionFailed, false, false, func(r *recorder) string {
		return r.Run(testline.ExitFailed, r.file("target: species", "target: kind")).Run
	}},
	"cancelled": {workflows.DecisionCancelled, true, false, func(r *recorder) string {
		w := r.Watch()
		run := r.Begin(r.file("C: [0.1, 1, 10]", "C: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]")).Run
		w.Next(time.Minute, "train", "running")
		require.NoError(r.t, r.temporal.CancelWorkflow(r.t.Context(), run, ""))
		r.Follow(testline.ExitFailed, run)
		return run
	}},
	"restored": {workflows.DecisionFailed, true, true, func(r *recorder) string {
		r.server("stubborn")
		w := r.Watch()
		run := r.Begin(r.file()).Run
		w.Next(time.Minute, "revision", "completed")
		_, err := r.Pool().Exec(r.t.Context(), `insert into server_revisions (server, endpoint, revision, state, error) values ('stubborn', $1, 1, 'failed', 'golden row 3 differs')`, r.name)
		require.NoError(r.t, err)
		r.Follow(testline.ExitFailed, run)
		return run
	}},
	"restored-when-cancelled": {workflows.DecisionCancelled, true, true, func(r *recorder) string {
		r.server("silent")
		w := r.Watch()
		run := r.Begin(r.file()).Run
		w.Next(time.Minute, "revision", "completed")
		require.NoError(r.t, r.temporal.CancelWorkflow(r.t.Context(), run, ""))
		r.Follow(testline.ExitFailed, run)
		return run
	}},
	"duplicate": {workflows.DecisionDuplicate, false, false, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file(), "--moment", "2026-11-23T03:00:00Z")
		data, err := os.ReadFile(r.file())
		require.NoError(r.t, err)
		p, err := pipeline.Parse("penguins.yaml", data)
		require.NoError(r.t, err)
		moment := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
		run := r.name + "/run/of-another-name"
		started, err := r.temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: run, TaskQueue: temporal.QueuesOf(r.Queue).Workflow},
			workflows.Pipeline, workflows.PipelineInput{Pipeline: *p, BaseDir: r.dir, Trigger: "manual", Moment: &moment})
		require.NoError(r.t, err)
		require.NoError(r.t, started.Get(r.t.Context(), nil))
		return run
	}},
	"external": {workflows.DecisionDeployed, true, true, func(r *recorder) string {
		r.StartTrainer(r.name)
		return r.Run(testline.ExitDone, r.file("    - kind: logistic\n", "    - kind: external\n      external: {name: lightgbm, queue: "+r.name+", activity: train, timeout: 5m}\n      grid: {num_leaves: [7, 0.5]}\n    - kind: logistic\n")).Run
	}},
	"approved": {workflows.DecisionAwaiting, true, true, func(r *recorder) string {
		run := r.Run(testline.ExitDone, r.file("retrain:", "deploy: {approval: {deadline: 1h}}\nretrain:")).Run
		r.order(run, workflows.UpdateApprove)
		return run
	}},
	"rejected-by-person": {workflows.DecisionAwaiting, true, true, func(r *recorder) string {
		run := r.Run(testline.ExitDone, r.file("retrain:", "deploy: {approval: {deadline: 1h}}\nretrain:")).Run
		r.order(run, workflows.UpdateReject)
		return run
	}},
	"canary": {workflows.DecisionDeployed, true, true, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		return r.Run(testline.ExitDone, r.second("canary: {steps: [{share: 0.2, for: 2s}, {share: 0.5, for: 1s}]}, shadow: {for: 1s}, replay: {}")).Run
	}},
	"rolled-back": {workflows.DecisionRolledBack, true, true, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		w := r.Watch()
		run := r.Begin(r.second("canary: {steps: [{share: 0.2, for: 1h}]}")).Run
		w.Next(time.Minute, "revision", "completed")
		r.order(run, workflows.UpdateRollBack)
		r.Follow(testline.ExitRejected, run)
		return run
	}},
	"promoted": {workflows.DecisionDeployed, true, true, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		w := r.Watch()
		run := r.Begin(r.second("canary: {steps: [{share: 0.2, for: 1h}]}")).Run
		w.Next(time.Minute, "revision", "completed")
		r.order(run, workflows.UpdatePromote)
		r.Follow(testline.ExitDone, run)
		return run
	}},
	"superseded": {workflows.DecisionSuperseded, true, true, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		w := r.Watch()
		run := r.Begin(r.second("canary: {steps: [{share: 0.2, for: 1h}]}")).Run
		w.Next(time.Minute, "revision", "completed")
		r.Run(testline.ExitDone, r.file("seed: 7", "seed: 9", "against: champion, min_gain: -0.05", "metric: accuracy, min: 0.5"))
		r.Follow(testline.ExitRejected, run)
		return run
	}},
	"scored": {workflows.DecisionScored, false, false, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		asked := r.File(r.dir, "asked.csv", "island,beak_length_mm,beak_depth_mm,flipper_length_mm,body_mass_g,sex\nBiscoe,40.1,18.2,190,wide,MALE\n"+strings.Repeat("Dream,39.5,17.4,186,3800,FEMALE\n", 1500))
		var s struct{ Run string }
		r.JSON(testline.ExitDone, &s, "score", r.name, asked, filepath.Join(r.dir, "scores.parquet"), "--part-rows", "1000", "--on-error", "reject", "--wait")
		return s.Run
	}},
	"retrained": {workflows.DecisionCancelled, false, false, func(r *recorder) string { // it ends only so
		r.Run(testline.ExitDone, r.file())
		var said any
		file := r.file("retrain: {schedule: {cron: \"@daily\"}}", "retrain: {cooldown: 1s, on: [{labels: 1000, every: 1s}, {new_data: true, every: 2s}]}", "seed: 7", "seed: 8", "against: champion, min_gain: -0.05", "against: champion, min_gain: 0.9")
		r.JSON(testline.ExitDone, &said, "apply", file)
		start := func(key string, code int) {
			var o workflows.TriggerOutcome
			r.JSON(testline.ExitDone, &o, "retrain", "start", r.name, "--key", key)
			if o.Outcome == "started" {
				r.Follow(code, o.Run)
			}
		}
		start("not better", testline.ExitRejected)
		r.JSON(testline.ExitDone, &said, "retrain", "pause", r.name, "--reason", "to record it")
		start("remembered", testline.ExitRejected)
		r.JSON(testline.ExitDone, &said, "retrain", "resume", r.name, "--reason", "it is recorded")
		r.Await(time.Minute, "the remembered run", func() bool {
			var s workflows.RetrainingStatus
			r.JSON(testline.ExitDone, &s, "retrain", "show", r.name)
			return s.Running == "" && s.Pending == nil
		})
		require.NoError(r.t, os.Remove(filepath.Join(r.dir, "penguins.json"))) // what the next look finds
		start("failed", testline.ExitFailed)
		id := workflows.RetrainingID(r.name)
		require.NoError(r.t, r.temporal.CancelWorkflow(r.t.Context(), id, ""))
		require.Error(r.t, r.temporal.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), nil))
		return id
	}},
	"hurried": {workflows.DecisionCancelled, false, false, func(r *recorder) string { // by a person, before and after a pause
		r.Run(testline.ExitDone, r.file())
		var said any
		r.JSON(testline.ExitDone, &said, "apply", r.file("retrain: {schedule: {cron: \"@daily\"}}", "retrain: {cooldown: 20h, budget: {runs: 1}}"))
		id := workflows.RetrainingID(r.name)
		status := func() (s workflows.RetrainingStatus) {
			r.JSON(testline.ExitDone, &s, "retrain", "show", r.name)
			return s
		}
		alert := func(key string) {
			require.NoError(r.t, r.temporal.SignalWorkflow(r.t.Context(), id, "", workflows.SignalTrigger, workflows.Trigger{Kind: "alert", Key: key, Reason: "to record it"}))
		}
		alert("first")
		r.Await(time.Minute, "the run of the alert", func() bool { s := status(); return len(s.Heard) == 1 && s.Running == "" && s.Pending == nil })
		alert("remembered")
		r.Await(time.Minute, "the alert that is remembered", func() bool { return status().Pending != nil })
		r.JSON(testline.ExitDone, &said, "retrain", "pause", r.name, "--reason", "to record it")
		r.JSON(testline.ExitDone, &said, "retrain", "resume", r.name, "--reason", "it is recorded")
		var o workflows.TriggerOutcome
		r.JSON(testline.ExitDone, &o, "retrain", "start", r.name)
		r.Follow(testline.ExitDone, o.Run)
		r.Await(time.Minute, "its end is counted", func() bool { return status().Running == "" })
		require.NoError(r.t, r.temporal.CancelWorkflow(r.t.Context(), id, ""))
		require.Error(r.t, r.temporal.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), nil))
		return id
	}},
	"paused": {workflows.DecisionPaused, false, false, func(r *recorder) string {
		r.Run(testline.ExitDone, r.file())
		var said any
		r.JSON(testline.ExitDone, &said, "apply", r.file())
		r.JSON(testline.ExitDone, &said, "retrain", "pause", r.name, "--reason", "to record it")
		r.JSON(testline.ExitDone, &said, "schedule", "trigger", r.name)
		var s struct{ Recent []struct{ Run string } }
		r.Await(time.Minute, "the run of the schedule", func() bool {
			r.JSON(testline.ExitDone, &s, "schedule", "show", r.name)
			return len(s.Recent) == 1
		})
		require.NoError(r.t, r.temporal.GetWorkflow(r.t.Context(), s.Recent[0].Run, "").Get(r.t.Context(), nil))
		r.JSON(testline.ExitDone, &said, "pipelines", "delete", r.name, "--yes", "--while-live")
		return s.Recent[0].Run
	}},
	"monitored": {"", false, false, func(r *recorder) string {
		file := r.file("retrain:", "deploy: {endpoint: "+r.name+"}\nmonitor: {window: 1s, min_rows: 1, alerts: [{on: latency_p99_ms, max: 0.000001}]}\nnotify: [{log: true}]\nretrain:")
		r.Run(testline.ExitDone, file)
		require.Equal(r.t, 200, r.Post("/v1/endpoints/"+r.name+"/predict", `{"records":[{"island":"Dream","beak_length_mm":39.5,"beak_depth_mm":17.4,"flipper_length_mm":186,"body_mass_g":3800,"sex":"FEMALE"}]}`, nil))
		var applied any
		r.JSON(testline.ExitDone, &applied, "apply", file)
		schedule := r.temporal.ScheduleClient().GetHandle(r.t.Context(), workflows.MonitorID(r.name))
		run := ""
		r.Await(2*time.Minute, "a run of the monitor that told somebody", func() bool {
			d, err := schedule.Describe(r.t.Context())
			require.NoError(r.t, err)
			for _, a := range d.Info.RecentActions {
				var res workflows.MonitorResult
				run = a.StartWorkflowResult.WorkflowID
				if r.temporal.GetWorkflow(r.t.Context(), run, "").Get(r.t.Context(), &res) == nil && res.Events > 0 {
					return true
				}
			}
			return false
		})
		require.NoError(r.t, schedule.Delete(r.t.Context()))
		return run
	}},
	"worker-killed": {workflows.DecisionDeployed, true, true, func(r *recorder) string {
		w := r.Watch()
		run := r.Begin(r.file()).Run
		w.Next(time.Minute, "train", "running")
		r.KillWorker()
		r.StartWorker()
		r.Follow(testline.ExitDone, run)
		return run
	}},
}

// TestRecord records what is missing in testdata if -record is given, and proves
// that each file is the history of its scenario.
func TestRecord(t *testing.T) {
	if *record {
		for name, s := range scenarios {
			if _, err := os.Stat(filepath.Join("testdata", name+ending)); err == nil {
				continue // what was released stays
			}
			r := newRecorder(t, name)
			run := s.run(r)
			r.write(name, run)
			if s.tuning {
				r.write(name+"-tuning", run+"/tuning")
			}
			if s.rollout {
				r.write(name+"-rollout", workflows.RolloutID(r.name, run))
			}
			r.KillWorker()
			r.KillServer()
		}
	}
	for name, s := range scenarios {
		require.Equal(t, s.decision, decisionOf(t, read(t, filepath.Join("testdata", name+ending))), name)
	}
}

func newRecorder(t *testing.T, scenario string) *recorder {
	r := &recorder{Line: testline.Start(t), t: t, dir: t.TempDir(), name: scenario + "-" + testenv.Name(t)[len("testrecord-"):], temporal: testenv.Temporal(t)}
	data, err := os.ReadFile(filepath.Join(testline.Root(), "examples", "penguins", "penguins.json"))
	require.NoError(t, err)
	r.File(r.dir, "penguins.json", string(data))
	return r
}

// file is the penguins example with edits, beside its data.
func (r *recorder) file(edits ...string) string {
	data, err := os.ReadFile(filepath.Join(testline.Root(), "examples", "penguins", "penguins.yaml"))
	require.NoError(r.t, err)
	text := strings.Replace(string(data), "name: penguins\n", "name: "+r.name+"\n", 1) + "\nretrain: {schedule: {cron: \"@daily\"}}\n"
	for i := 0; i+1 < len(edits); i += 2 {
		require.Contains(r.t, text, edits[i])
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return r.File(r.dir, "penguins.yaml", text)
}

// second is file with another model, on the way given.
func (r *recorder) second(deploy string) string {
	return r.file("seed: 7", "seed: 8", "against: champion, min_gain: -0.05", "metric: accuracy, min: 0.5", "retrain:", "deploy: {"+deploy+"}\nretrain:")
}

// order gives a rollout an order, which is followed when it returns, and waits for
// its end.
func (r *recorder) order(run, update string) {
	id := workflows.RolloutID(r.name, run)
	handle, err := r.temporal.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: update, Args: []any{workflows.Order{Actor: "ana", Reason: "to record it"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(r.t, err)
	var status workflows.RolloutStatus
	require.NoError(r.t, handle.Get(r.t.Context(), &status))
	require.NoError(r.t, r.temporal.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), nil))
}

// server makes a live server known that is not there, so that a deployment waits.
func (r *recorder) server(id string) {
	_, err := r.Pool().Exec(r.t.Context(), `insert into servers (id, address, started, seen) values ($1, 'http://127.0.0.1:1', now(), now() + interval '1 hour')`, id)
	require.NoError(r.t, err)
}

func (r *recorder) write(name, run string) {
	r.t.Helper()
	events := r.temporal.GetWorkflowHistory(r.t.Context(), run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	history := &historypb.History{}
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(r.t, err)
		history.Events = append(history.Events, e)
	}
	text, err := protojson.Marshal(history)
	require.NoError(r.t, err)
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	require.NoError(r.t, d.Decode(&tree))
	host, err := os.Hostname()
	require.NoError(r.t, err)
	home, err := os.UserHomeDir()
	require.NoError(r.t, err)
	hide := strings.NewReplacer(r.dir, "/pipelines", testline.Root(), "/esteira", home, "/user", r.Queue, "esteira", host, "machine", r.Server, "http://127.0.0.1:8090", r.name, strings.Join(strings.Split(r.name, "-")[:strings.Count(r.name, "-")], "-"))
	text, err = json.Marshal(rewritten(tree, hide))
	require.NoError(r.t, err)
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	require.NoError(r.t, err)
	_, err = z.Write(text)
	require.NoError(r.t, err)
	require.NoError(r.t, z.Close())
	require.NoError(r.t, os.WriteFile(filepath.Join("testdata", name+ending), packed.Bytes(), 0o644))
}

// signature is what makes an address a credential; those recorded are long spent.
var signature = regexp.MustCompile(`X-Amz-Signature=[0-9a-f]+`)

// rewritten hides in every text what is of this machine and this moment alone,
// inside payloads too.
func rewritten(v any, hide *strings.Replacer) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			text, ok := inner.(string)
			if data, err := base64.StdEncoding.DecodeString(text); ok && key == "data" && err == nil {
				v[key] = base64.StdEncoding.EncodeToString([]byte(signature.ReplaceAllString(hide.Replace(string(data)), "X-Amz-Signature=0")))
				continue
			}
			v[key] = rewritten(inner, hide)
		}
	case []any:
		for i := range v {
			v[i] = rewritten(v[i], hide)
		}
	case string:
		return hide.Replace(v)
	}
	return v
}

// plainText is all text of a history, payloads decoded.
func plainText(t *testing.T, history *historypb.History) string {
	t.Helper()
	var b strings.Builder
	var tree any
	text, err := protojson.Marshal(history)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &tree))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		case string:
			b.WriteString(v + "\n")
			if data, err := base64.StdEncoding.DecodeString(v); err == nil {
				b.Write(data)
			}
		}
	}
	walk(tree)
	return b.String()
}

// decisionOf reads how the run of a history ended.
func decisionOf(t *testing.T, history *historypb.History) workflows.Decision {
	t.Helper()
	last := history.Events[len(history.Events)-1]
	switch last.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var res workflows.PipelineResult
		require.NoError(t, json.Unmarshal(last.GetWorkflowExecutionCompletedEventAttributes().Result.Payloads[0].Data, &res))
		return res.Decision
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return workflows.DecisionCancelled
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return workflows.DecisionFailed
	}
	t.Fatalf("the history ends with %s", last.EventType)
	return ""
}
