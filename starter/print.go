package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// print writes v as JSON, or calls table for people.
func (a *app) print(v any, table func()) error {
	if a.output != "json" {
		table()
		return nil
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// say writes a line for people; with --output json it goes to standard error.
func (a *app) say(format string, args ...any) {
	to := a.out
	if a.output == "json" {
		to = a.err
	}
	fmt.Fprintf(to, format+"\n", args...)
}

// rows writes a table with a header; cells are made safe for a terminal.
func (a *app) rows(header []string, rows [][]string) {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(cells []string) {
		for i := range cells {
			cells[i] = plain(cells[i])
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t "))
	}
	if header != nil {
		line(header)
	}
	for _, row := range rows {
		line(row)
	}
	_ = w.Flush()
}

// facts writes name and value, one a line, leaving out those without value.
func (a *app) facts(pairs ...string) {
	var rows [][]string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			rows = append(rows, []string{pairs[i], pairs[i+1]})
		}
	}
	a.rows(nil, rows)
}

// plain is fault.Plain, which nearly every line of output has.
func plain(s string) string { return fault.Plain(s) }

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func momentOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return moment(*t)
}

func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }

func number(x *float64) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.6g", *x)
}

// fail prints an error, what and where and how to mend it, and returns the exit
// code. With --output json the error is the document on standard output.
func (a *app) fail(err error) int {
	var quiet exit
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	code, told := exitCode(err), explain(err)
	if a.output == "json" {
		_ = a.print(map[string]any{"error": told}, nil)
	}
	if list := pipeline.Mistakes(err); len(list) > 0 {
		fmt.Fprint(a.err, pipeline.Render(list))
		return code
	}
	fmt.Fprintf(a.err, "error: %s\n", plain(told.Message))
	if told.Remedy != "" {
		fmt.Fprintf(a.err, "  fix: %s\n", plain(told.Remedy))
	}
	return code
}

// told is an error as it is printed.
type told struct {
	Kind    fault.Kind `json:"kind"`
	Message string     `json:"message"`
	Remedy  string     `json:"remedy,omitempty"`
	Details any        `json:"details,omitempty"`
}

func explain(err error) told {
	var f *fault.Error
	if !errors.As(err, &f) {
		message := err.Error()
		remedy := ""
		if command, ok := strings.CutPrefix(message, "unknown command "); ok {
			message, remedy = "unknown command "+strings.ReplaceAll(command, "\n", " "), "see esteira --help"
		} else if exitCode(err) == exitUsage {
			remedy = "see the command's --help"
		}
		return told{Kind: fault.Internal, Message: message, Remedy: remedy}
	}
	// The chain is one sentence, without the remedies inside it.
	message := f.Message
	for cause := f.Cause; cause != nil; {
		var inner *fault.Error
		if !errors.As(cause, &inner) {
			message += ": " + cause.Error()
			break
		}
		message += ": " + inner.Message
		cause = inner.Cause
	}
	return told{Kind: f.Kind, Message: message, Remedy: f.Remedy, Details: f.Details}
}

func exitCode(err error) int {
	// cobra's own errors are not typed: a command or flag it does not know.
	for _, said := range []string{"unknown command", "required flag", "if any flags in the group"} {
		if strings.HasPrefix(err.Error(), said) {
			return exitUsage
		}
	}
	switch fault.KindOf(err) {
	case fault.PipelineInvalid, fault.ConfigInvalid:
		return exitUsage
	case fault.GateRejected, fault.DataContractViolation:
		return exitRejected
	}
	return exitFailed
}
