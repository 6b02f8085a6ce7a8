package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// A quarter of a year with everything in it: labels days late, a change of the world,
// the alert that finds it, a retraining, a canary, and a model that is right again. It
// goes on until a model was promoted, however slow the machine.
func TestAQuarterIsLived(t *testing.T) {
	tl := testline.Start(t)
	name := testenv.Name(t)
	l := &life{
		line: line{DB: tl.DB, Server: tl.Server, CLI: func(_ context.Context, into any, args ...string) error {
			out, errs, code := tl.CLI(append(args, "--output", "json")...)
			if code != testline.ExitDone {
				return fmt.Errorf("esteira %s: exit code %d\n%s%s\nworker log:\n%s", strings.Join(args, " "), code, out, errs, tl.WorkerLog())
			}
			return json.Unmarshal([]byte(out), into)
		}},
		world: aQuarter(800), name: name, dir: t.TempDir(), files: ".", data: filepath.Join(testline.Root(), "examples", "flights"), length: 4 * time.Second, say: t.Logf,
	}
	c := testenv.Temporal(t)
	t.Cleanup(func() { // nothing of it goes on in the Temporal that tests share
		ctx := context.WithoutCancel(t.Context())
		_ = c.ScheduleClient().GetHandle(ctx, workflows.MonitorID(name)).Delete(ctx)
		_ = c.TerminateWorkflow(ctx, workflows.RetrainingID(name), "", "the test is over")
	})
	y, err := l.live(t.Context())
	require.NoError(t, err)
	t.Log(y.Summary.words())
	for _, a := range y.Alerts {
		t.Logf("%.1f %s %s %s: %s", a.At, a.Kind, a.Subject, a.Change, a.Message)
	}
	for _, r := range y.Retrainings {
		t.Logf("%.1f-%.1f %s %s: %s", r.Begun, r.Ended, r.Trigger, r.Decision, r.Reason)
	}
	require.Empty(t, y.broken())
}
