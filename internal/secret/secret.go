package secret

import (
	"os"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// most bounds a file that holds one secret.
const most = 64 << 10

// Valid reports whether the text is a reference at all.
func Valid(reference string) bool {
	kind, name, _ := strings.Cut(reference, ":")
	return (kind == "env" || kind == "file") && name != ""
}

// Resolve returns what a reference (env:NAME or file:PATH) stands for, without
// space around it. Its errors are ConfigInvalid and name the reference, never the
// value.
func Resolve(reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	value := ""
	switch kind {
	case "env":
		value = os.Getenv(name)
	case "file":
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > most {
			return "", fault.New(fault.ConfigInvalid, "%s cannot be read here", reference).WithRemedy("put a small file there, readable to this process")
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return "", fault.New(fault.ConfigInvalid, "%s cannot be read here", reference).WithRemedy("make the file readable to this process")
		}
		value = strings.TrimSpace(string(b))
	}
	if value == "" {
		return "", fault.New(fault.ConfigInvalid, "%s is empty here", reference).WithRemedy("set it where this process runs, or let a worker without it serve other queues")
	}
	return value, nil
}
