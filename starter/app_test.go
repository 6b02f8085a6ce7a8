package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testline"
)

func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var visit func(c *cobra.Command)
	seen := 0
	visit = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		seen++
		require.NotEmpty(t, c.Short, c.CommandPath())
		require.Contains(t, c.Example, "esteira ", c.CommandPath())
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).root())
	require.Equal(t, 80, seen)
}

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	for _, args := range []string{
		"nonsense", "run", "run a b", "run --nonsense", "schedule nonsense", "schedule backfill x", "runs list --limit 0", "runs list --state x",
		"validate", "trace", "predict", "version --output xml", "run a.yaml --moment now --key x", "predict x --data [1]x", "predict x --data 1",
		"predict x --file /nowhere", "migrate now", "schema x", "approve", "reject a b", "promote", "rollback", "rollouts list --limit 0", "rollouts start", "rollouts start m e", "endpoints history x --limit 0", "endpoints history x --at now", "models alias set x y",
		"models export", "models export m@@1", "models export m@0 --format onnx", "models export m --format pkl", "pipelines delete", "pipelines nonsense", "models import", "models import /nowhere.onnx",
	} {
		t.Run(args, func(t *testing.T) {
			out, errs, code := esteira(t, strings.Fields(args)...)
			require.Equal(t, exitUsage, code)
			require.Empty(t, out)
			require.Contains(t, errs, "error: ")
			require.Contains(t, errs, "  fix: ")
		})
	}
}

func TestErrorsHaveTheirExitCodeAndBothForms(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{fault.New(fault.PipelineInvalid, "x"), exitUsage},
		{fault.New(fault.ConfigInvalid, "x"), exitUsage},
		{fault.New(fault.GateRejected, "x"), exitRejected},
		{fault.New(fault.DataContractViolation, "x"), exitRejected},
		{fault.New(fault.DatabaseUnavailable, "x"), exitFailed},
		{errors.New("x"), exitFailed},
		{exit(exitDetached), exitDetached},
	} {
		require.Equal(t, c.code, (&app{out: &bytes.Buffer{}, err: &bytes.Buffer{}}).fail(c.err), c.err)
	}
	inner := fault.New(fault.SourceNotFound, "no file\x1b[31m").WithRemedy("inner remedy")
	err := fmt.Errorf("outer: %w", fault.Wrap(inner, fault.DatabaseUnavailable, "read d").WithRemedy("look there"))
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, output: "json"}
	require.Equal(t, exitFailed, a.fail(err))
	require.JSONEq(t, `{"error": {"kind": "DatabaseUnavailable", "message": "read d: no file\u001b[31m", "remedy": "look there"}}`, out.String())
	require.Equal(t, "error: read d: no file\uFFFD[31m\n  fix: look there\n", errs.String())
}

func TestBadConfigurationIsUsage(t *testing.T) {
	t.Setenv("ESTEIRA_BUCKET", "No Bucket")
	_, errs, code := esteira(t, "runs", "list")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "ESTEIRA_BUCKET")
}

func TestSchemaAndVersionPrint(t *testing.T) {
	out, _, code := esteira(t, "schema")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, `"$defs"`)
	require.NotEmpty(t, decoded[map[string]any](t, exitDone, "version")["go"])
}

// The built program, as scripts meet it.
func TestExitCodesOfTheProgram(t *testing.T) {
	line := testline.New(t)
	good, bad := pipelineFile(t, "good", ""), pipelineFile(t, "bad", "nonsense: 1\n")
	for args, want := range map[string]int{
		"validate " + good: exitDone, "validate " + bad: exitUsage, "nonsense": exitUsage, "run " + bad: exitUsage, "--help": exitDone,
		"runs show nothing": exitFailed, "runs list": exitDone,
	} {
		out, errs, code := line.CLI(strings.Fields(args)...)
		require.Equal(t, want, code, "%s\n%s%s", args, out, errs)
	}
}

func TestCancelledContextEndsACommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, code := esteiraIn(ctx, "", "runs", "list")
	require.Equal(t, exitFailed, code)
}
