package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// program is something built from a pinned module beneath deploy.
type program struct {
	name, title string
	module      string // its directory, from the repository's root
	target      string // the package to build
}

var servers = []program{
	{"minio", "MinIO", "deploy/stack/minio", "github.com/minio/minio"},
	{"temporal", "Temporal and its UI", "deploy/stack/temporal", "."},
}

var tools = []program{
	{"staticcheck", "staticcheck", "deploy/lint", "honnef.co/go/tools/cmd/staticcheck"},
	{"workflowcheck", "workflowcheck", "deploy/lint", "go.temporal.io/sdk/contrib/tools/workflowcheck"},
	{"composecheck", "the check of docker-compose.yml", "deploy/lint", "./composecheck"},
}

// setup builds and fetches what the stack needs and is not there yet.
func setup(l layout) (postgres, error) {
	if err := l.create(); err != nil {
		return postgres{}, fmt.Errorf("make the stack's directory: %w", err)
	}
	pg, err := findPostgres(l)
	if err != nil {
		return postgres{}, err
	}
	if err := fetchONNX(l); err != nil {
		return postgres{}, err
	}
	for _, p := range servers {
		if err := p.build(l); err != nil {
			return postgres{}, err
		}
	}
	return pg, nil
}

func buildTools(l layout) error {
	if err := l.create(); err != nil {
		return err
	}
	for _, p := range tools {
		if err := p.build(l); err != nil {
			return err
		}
	}
	return nil
}

// build makes the program if the files of its module, its target or the Go
// version have changed since it was made.
func (p program) build(l layout) error {
	key, err := p.key(l)
	if err != nil {
		return err
	}
	path := l.bin(p.name)
	if _, err := os.Stat(path); err == nil && builtKey(path) == key {
		return nil
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path+".new", p.target)
	cmd.Dir = filepath.Join(l.root, p.module)
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	if err := watch(l, "build "+p.title, "build-"+p.name, cmd); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return os.WriteFile(path+".key", []byte(key), 0o644)
}

func (p program) key(l layout) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.target)
	root := filepath.Join(l.root, p.module)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintln(sum, strings.TrimPrefix(path, root), len(text))
		sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// builtKey is the key a program was built with, or empty.
func builtKey(path string) string {
	key, _ := os.ReadFile(path + ".key")
	return string(key)
}

// digestOf is the digest of a file's content.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// watch runs a long command with its output in a log, and a line of progress
// every ten seconds. The log's end is part of the error.
func watch(l layout, title, name string, cmd *exec.Cmd) error {
	if err := os.MkdirAll(filepath.Dir(l.bin(name)), 0o755); err != nil {
		return err
	}
	log, err := os.Create(l.log(name))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log

	began := time.Now()
	fmt.Printf("%s ...\n", title)
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	beat := time.NewTicker(10 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			fmt.Printf("%s ... %s\n", title, time.Since(began).Round(time.Second))
		case err := <-done:
			if err != nil {
				return fmt.Errorf("%s: %w; the last of %s:\n%s", title, err, l.log(name), indent(tail(l.log(name), 25)))
			}
			fmt.Printf("%s: done in %s\n", title, time.Since(began).Round(time.Second))
			return nil
		}
	}
}
