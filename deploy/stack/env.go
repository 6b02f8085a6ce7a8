package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// variable is one line of the env file.
type variable struct{ key, value string }

// settings are what a program needs to use the stack.
func settings(l layout, p ports) []variable {
	return []variable{
		{"TEMPORAL_ADDRESS", p.address("TEMPORAL")},
		{"TEMPORAL_NAMESPACE", "default"},
		{"TEMPORAL_UI_URL", "http://" + p.address("UI")},
		{"DATABASE_URL", "postgres://esteira:esteira@" + p.address("POSTGRES") + "/esteira?sslmode=disable"},
		{"AWS_ENDPOINT_URL", "http://" + p.address("MINIO")},
		{"AWS_ACCESS_KEY_ID", minioUser},
		{"AWS_SECRET_ACCESS_KEY", minioPassword},
		{"AWS_REGION", "us-east-1"},
		{"ESTEIRA_BUCKET", "esteira"},
		{"ESTEIRA_SERVER_ADDRESS", p.address("SERVER")},
		{"ONNXRUNTIME_LIB", l.lib(onnxLibrary())},
	}
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@?=,+%-]*$`)

// formatEnv writes KEY=VALUE lines. A value with other than plain characters is
// in single quotes, which a shell and the usual parsers of such files undo alike.
func formatEnv(variables []variable) string {
	var text strings.Builder
	for _, v := range variables {
		value := v.value
		if !plain.MatchString(value) {
			value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		}
		fmt.Fprintf(&text, "%s=%s\n", v.key, value)
	}
	return text.String()
}

func printEnv(l layout) error {
	text, err := os.ReadFile(l.env())
	if err != nil {
		return fmt.Errorf("no settings yet, start the stack first (make up): %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fmt.Print("export ", line)
	}
	return nil
}

// writeFile replaces a file as a whole, readable by its owner alone.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
