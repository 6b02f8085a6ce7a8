package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/workflows"
)

var moments = [][]workflows.StepStatus{
	{{Name: "define", State: "running", Seconds: 0.1}, {Name: "collect", State: "pending"}},
	{{Name: "define", State: "completed", Seconds: 0.2, Figure: "1 pipeline"}, {Name: "collect", State: "running", Seconds: 1}},
	{{Name: "define", State: "completed", Seconds: 0.2, Figure: "1 pipeline"}, {Name: "collect", State: "running", Seconds: 2}},
	{{Name: "define", State: "completed", Seconds: 0.2, Figure: "1 pipeline"}, {Name: "collect", State: "failed", Seconds: 2.5, Error: "no file\x1b[1m"}},
}

func TestPlainViewWritesALineForEachChange(t *testing.T) {
	var out bytes.Buffer
	v := (&app{out: &out, output: "table"}).newView()
	v.note("Waiting.")
	v.note("Waiting.")
	for _, steps := range moments {
		v.show(steps)
	}
	v.close()
	require.Equal(t, `Waiting.
define     running
define     completed      0.2 s  1 pipeline
collect    running
collect    failed         2.5 s  no file`+"\uFFFD[1m\n", out.String())
}

func TestTerminalViewRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	v := &terminalView{to: &out, width: func() int { return 30 }}
	v.note("Waiting for a worker on a long task queue.")
	for _, steps := range moments {
		v.show(steps)
	}
	v.close()
	require.Equal(t, "\x1b[2mWaiting for a worker on a lon\x1b[0m\n\x1b[1A\x1b[0J", out.String()[:strings.Index(out.String(), "\x1b[36m")])
	require.Equal(t, 3, strings.Count(out.String(), "\x1b[2A\x1b[0J"), "two lines are drawn over three times")
	require.NotContains(t, out.String(), "no file\x1b[1m")
	for _, line := range strings.Split(out.String(), "\n") {
		require.LessOrEqual(t, len([]rune(strip(line))), 29)
	}
}

func strip(s string) string {
	for _, code := range []string{"\x1b[0m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[1A", "\x1b[2A", "\x1b[0J"} {
		s = strings.ReplaceAll(s, code, "")
	}
	return s
}

func TestProgressStaysOutOfJSON(t *testing.T) {
	var out, errs bytes.Buffer
	(&app{out: &out, err: &errs, output: "json"}).newView().show(moments[0])
	require.Empty(t, out.String())
	require.Contains(t, errs.String(), "define")
}
