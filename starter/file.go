package main

import (
	"path/filepath"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// file is a pipeline file as a command reads it.
type file struct {
	path, dir string // dir is absolute: relative paths of sources start there
	data      []byte
	pipeline  *pipeline.Pipeline
}

// readFile parses the file with its contract and applies the sources given by
// flags, name=path.
func readFile(path string, sources []string) (file, error) {
	f, err := readFileAlone(path, sources)
	if err != nil {
		return f, err
	}
	return f, f.pipeline.LoadContract(f.dir)
}

// readFileAlone is readFile without the contract, which may not be written yet.
func readFileAlone(path string, sources []string) (file, error) {
	f := file{path: path}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return f, fault.Wrap(err, fault.PipelineInvalid, "find %s", path)
	}
	f.dir = filepath.Dir(absolute)
	if f.data, err = pipeline.ReadBytes(path); err != nil {
		return f, err
	}
	if f.pipeline, err = pipeline.Parse(path, f.data); err != nil {
		return f, err
	}
	for _, override := range sources {
		if err := f.override(override); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f *file) override(text string) error {
	name, path, ok := strings.Cut(text, "=")
	source, known := f.pipeline.Sources[name]
	switch {
	case !ok || path == "":
		return usage("--source %s is not NAME=PATH", text).WithRemedy("write --source flights=/data/flights.parquet")
	case !known:
		return usage("%s has no source %q", f.path, name).WithRemedy("name one of its sources: %s", strings.Join(sortedKeys(f.pipeline.Sources), ", "))
	}
	changed, err := source.WithPath(path)
	if err != nil {
		return usage("--source %s: %s", name, explain(err).Message).WithRemedy("%s", explain(err).Remedy)
	}
	// A path on the command line starts where the command was typed.
	if !strings.Contains(path, "://") {
		if changed.Path, err = filepath.Abs(path); err != nil {
			return fault.Wrap(err, fault.PipelineInvalid, "find %s", path)
		}
	}
	f.pipeline.Sources[name] = changed
	return nil
}

// local returns the files of a source on this machine: none if it is elsewhere
// or not there.
func (f *file) local(s pipeline.Source) []string {
	if !s.Local() {
		return nil
	}
	pattern := s.Path
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(f.dir, pattern)
	}
	paths, _ := filepath.Glob(pattern) // sorted; Parse has checked the pattern
	return paths
}
