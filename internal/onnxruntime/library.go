package onnxruntime

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/esteira-ml/esteira/internal/fault"
)

// LibraryVariable is the environment variable that names the shared library.
const LibraryVariable = "ONNXRUNTIME_LIB"

var (
	opening sync.Mutex
	opened  string // path of the library this process loaded, or ""
)

// Open loads the shared library at path, once per process; a later call with
// the same path, or with "", does nothing. An empty path stands for
// $ONNXRUNTIME_LIB, or else for .esteira/lib/libonnxruntime.so* in the working
// directory or the nearest directory above it.
//
// Errors are ConfigInvalid: no library, one that cannot be loaded, or a second
// one. Its telemetry is off.
func Open(path string) error {
	opening.Lock()
	defer opening.Unlock()
	if opened != "" && (path == "" || path == opened) {
		return nil
	}
	if opened != "" {
		return fault.New(fault.ConfigInvalid, "ONNX Runtime is already loaded from %s, so %s cannot be", opened, path).
			WithRemedy("name one library per process")
	}
	if path == "" {
		var err error
		if path, err = Find(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(path); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "the ONNX Runtime library cannot be read").
			WithRemedy("run make setup, or set %s to the library", LibraryVariable)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "ONNX Runtime cannot be loaded from %s", path).
			WithRemedy("run make setup, which installs the version that fits")
	}
	if err := ort.DisableTelemetry(); err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "ONNX Runtime at %s does not let its telemetry be turned off", path)
	}
	opened = path
	return nil
}

// Find returns the path of the shared library that Open("") loads, without
// loading it. Errors are ConfigInvalid.
func Find() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		return path, nil
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fault.Wrap(err, fault.ConfigInvalid, "the working directory is not known")
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if found := libraries(filepath.Join(dir, ".esteira", "lib")); len(found) > 0 {
			return found[len(found)-1], nil // the most specific name: libonnxruntime.so.1.24.4
		}
		if dir == filepath.Dir(dir) {
			return "", fault.New(fault.ConfigInvalid, "no ONNX Runtime library is in .esteira/lib of %s or of a directory above it", start).
				WithRemedy("run make setup, or set %s to the library", LibraryVariable)
		}
	}
}

func libraries(dir string) []string {
	var found []string
	for _, pattern := range []string{"libonnxruntime.so*", "libonnxruntime.*dylib"} {
		matches, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			continue // only a malformed pattern fails: a directory with a bracket in its name
		}
		found = append(found, matches...)
	}
	slices.Sort(found)
	return found
}
