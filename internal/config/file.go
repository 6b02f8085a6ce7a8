package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxFile bounds .esteira/env; a real one has under 1 KB.
const maxFile = 64 << 10

// findFile looks for .esteira/env in dir and its parents.
func findFile(dir string) (string, Env, error) {
	for {
		path := filepath.Join(dir, ".esteira", "env")
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			env, err := readFile(path)
			return path, env, err
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return "", nil, fault.Wrap(err, fault.ConfigInvalid, "look at %s", path)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil, nil
		}
		dir = parent
	}
}

// readFile parses lines of NAME=VALUE; # starts a comment line, quotes around a
// whole value are dropped, "export " is tolerated.
func readFile(path string) (Env, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "read %s", path).WithRemedy("make it readable, or remove it")
	}
	if len(b) > maxFile {
		return nil, fault.New(fault.ConfigInvalid, "%s is larger than 64 KiB", path).WithRemedy("remove it and run: make up")
	}
	env := Env{}
	number := 0
	for line := range bytes.Lines(b) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fault.New(fault.ConfigInvalid, "%s:%d is not NAME=VALUE", path, number).WithRemedy("mend the line, or remove the file and run: make up")
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		if value != "" {
			env[name] = value
		}
	}
	return env, nil
}
