package temporal

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/log"
)

// NewLogger makes the SDK log through ours: its WorkflowID is the field run (a
// run is its workflow), ActivityType is activity, and so on.
func NewLogger(to zerolog.Logger) log.Logger { return logger{to} }

type logger struct{ to zerolog.Logger }

var (
	_ log.Logger     = logger{}
	_ log.WithLogger = logger{}
)

func (l logger) Debug(msg string, keyvals ...any) { l.write(l.to.Debug(), msg, keyvals) }
func (l logger) Info(msg string, keyvals ...any)  { l.write(l.to.Info(), msg, keyvals) }
func (l logger) Warn(msg string, keyvals ...any)  { l.write(l.to.Warn(), msg, keyvals) }
func (l logger) Error(msg string, keyvals ...any) { l.write(l.to.Error(), msg, keyvals) }

// With implements log.WithLogger.
func (l logger) With(keyvals ...any) log.Logger {
	with := l.to.With()
	each(keyvals, func(name string, value any) { with = with.Interface(name, value) })
	return logger{with.Logger()}
}

func (l logger) write(event *zerolog.Event, msg string, keyvals []any) {
	if event == nil {
		return
	}
	each(keyvals, func(name string, value any) { event.Interface(name, value) })
	event.Msg(msg)
}

// each gives the pairs in the types zerolog writes best. An odd value out gets
// a name of its own rather than being lost.
func each(keyvals []any, f func(string, any)) {
	for i := 0; i < len(keyvals); i += 2 {
		if i+1 == len(keyvals) {
			f("extra", fmt.Sprint(keyvals[i]))
			return
		}
		value := keyvals[i+1]
		switch v := value.(type) {
		case error:
			value = v.Error()
		case fmt.Stringer:
			value = v.String()
		}
		f(fieldName(fmt.Sprint(keyvals[i])), value)
	}
}

var fieldNames = map[string]string{
	"ActivityType": "activity",
	"Attempt":      "attempt",
	"Error":        "error",
	"RunID":        "temporal_run_id",
	"WorkflowID":   "run",
	"WorkflowType": "workflow",
}

// fieldName turns the SDK's TaskQueue into task_queue, UpdateID into update_id.
func fieldName(key string) string {
	if name, ok := fieldNames[key]; ok {
		return name
	}
	var out strings.Builder
	runes := []rune(key)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
