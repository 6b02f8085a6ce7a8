package main

import (
	"errors"
	"os"
	"path/filepath"
)

// layout names the places a stack lives in.
type layout struct {
	dir  string // data, logs and settings of this stack
	root string // the repository
}

func newLayout(dir string) (layout, error) {
	root, err := findRoot()
	if err != nil {
		return layout{}, err
	}
	if dir == "" {
		dir = filepath.Join(root, ".esteira")
	}
	dir, err = filepath.Abs(dir)
	return layout{dir: dir, root: root}, err
}

// findRoot looks upward from the working directory and then from the program
// itself, which the Makefile builds into .esteira/bin of the repository.
func findRoot() (string, error) {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, exe)
	}
	for _, dir := range starts {
		for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "deploy", "stack", "go.mod")); err == nil {
				return dir, nil
			}
		}
	}
	return "", errors.New("not inside the repository: there is no deploy/stack/go.mod in a directory above this one")
}

// Built programs and fetched libraries are shared by all stacks of a repository.
func (l layout) bin(name string) string { return filepath.Join(l.root, ".esteira", "bin", name) }
func (l layout) lib(name string) string { return filepath.Join(l.root, ".esteira", "lib", name) }

func (l layout) env() string               { return filepath.Join(l.dir, "env") }
func (l layout) log(name string) string    { return filepath.Join(l.dir, "log", name+".log") }
func (l layout) minio() string             { return filepath.Join(l.dir, "minio") }
func (l layout) parts() string             { return filepath.Join(l.dir, "run", "parts.json") }
func (l layout) ports() string             { return filepath.Join(l.dir, "run", "ports") }
func (l layout) postgres() string          { return filepath.Join(l.dir, "postgres") }
func (l layout) record(name string) string { return filepath.Join(l.dir, "run", name+".json") }
func (l layout) run(name string) string    { return filepath.Join(l.dir, "run", name) }

// create makes the directories. Others may pass through dir, since Postgres may
// run as another user, but read neither settings nor logs.
func (l layout) create() error {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"log", "minio", "run"} {
		if err := os.MkdirAll(filepath.Join(l.dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}
