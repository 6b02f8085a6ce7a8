package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/esteira-ml/esteira/workflows"
)

// view shows the steps of a run while it goes.
type view interface {
	show(steps []workflows.StepStatus)
	note(text string)
	close()
}

// newView redraws on a terminal and writes a line for each change elsewhere.
// With --output json progress goes to standard error.
func (a *app) newView() view {
	to := a.out
	if a.output == "json" {
		to = a.err
	}
	if f, ok := to.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return &terminalView{to: to, width: func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
				return w
			}
			return 80
		}}
	}
	return &plainView{to: to, states: map[string]string{}}
}

// stepLine is one step: state, time, key figure, cache.
func stepLine(s workflows.StepStatus) string {
	took := ""
	if s.State != "pending" && s.State != "skipped" {
		took = seconds(s.Seconds)
	}
	said := s.Figure
	if s.Error != "" {
		said = s.Error
	}
	cache := ""
	if s.Cache == "hit" {
		cache = " (cached)"
	}
	return strings.TrimRight(fmt.Sprintf("%-10s %-10s %9s  %s", s.Name, s.State, took, plain(said)+cache), " ")
}

// plainView writes a line when a step begins or ends.
type plainView struct {
	to     io.Writer
	states map[string]string
	noted  bool
}

func (v *plainView) show(steps []workflows.StepStatus) {
	for _, s := range steps {
		if s.State == "pending" || v.states[s.Name] == s.State {
			continue
		}
		v.states[s.Name] = s.State
		if s.State == "running" { // it has only begun: there is nothing to tell yet
			fmt.Fprintf(v.to, "%-10s %s\n", s.Name, s.State)
			continue
		}
		fmt.Fprintln(v.to, stepLine(s))
	}
}

func (v *plainView) note(text string) {
	if !v.noted {
		v.noted = true
		fmt.Fprintln(v.to, text)
	}
}

func (v *plainView) close() {}

// terminalView redraws all steps in place.
type terminalView struct {
	to    io.Writer
	width func() int
	drawn int // lines above the cursor
}

var stateColors = map[string]string{"running": "36", "completed": "32", "failed": "31", "cancelled": "33", "skipped": "2", "pending": "2"}

func (v *terminalView) show(steps []workflows.StepStatus) {
	width := v.width()
	var b strings.Builder
	v.rewind(&b)
	for _, s := range steps {
		line := []rune(stepLine(s))
		fmt.Fprintf(&b, "\x1b[%sm%s\x1b[0m\n", stateColors[s.State], string(line[:min(len(line), width-1)]))
	}
	v.drawn = len(steps)
	_, _ = io.WriteString(v.to, b.String())
}

func (v *terminalView) note(text string) {
	var b strings.Builder
	v.rewind(&b)
	line := []rune(text)
	fmt.Fprintf(&b, "\x1b[2m%s\x1b[0m\n", string(line[:min(len(line), v.width()-1)]))
	v.drawn = 1
	_, _ = io.WriteString(v.to, b.String())
}

// rewind goes back to the first line drawn and clears from there.
func (v *terminalView) rewind(b *strings.Builder) {
	if v.drawn > 0 {
		fmt.Fprintf(b, "\x1b[%dA\x1b[0J", v.drawn)
	}
}

func (v *terminalView) close() {}
