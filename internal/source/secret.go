package source

import (
	"os"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxSecret bounds a file of one address.
const maxSecret = 64 << 10

// resolve returns what a reference (env:NAME or file:PATH) stands for. Its errors
// name the reference, never the value.
func resolve(reference string) (string, error) {
	kind, name, _ := strings.Cut(reference, ":")
	value := ""
	switch kind {
	case "env":
		value = os.Getenv(name)
	case "file":
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > maxSecret {
			return "", fault.New(fault.ConfigInvalid, "%s cannot be read on this worker", reference).WithRemedy("give the worker a small file there, readable to it")
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return "", fault.New(fault.ConfigInvalid, "%s cannot be read on this worker", reference).WithRemedy("make the file readable to the worker")
		}
		value = strings.TrimSpace(string(b))
	}
	if value == "" {
		return "", fault.New(fault.ConfigInvalid, "%s is empty on this worker", reference).WithRemedy("set it where the worker runs, or serve the data queue only where it is set")
	}
	return value, nil
}
