package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// down stops the supervisor and then the parts, those that need others first.
func down(l layout) error {
	if r, ok := running(l, "supervisor"); ok {
		r.stop(syscall.SIGTERM, 5*time.Second)
	}
	os.Remove(l.record("supervisor"))
	parts, err := readParts(l)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Println("the stack does not run")
		return nil
	}
	if err != nil {
		return err
	}
	slices.Reverse(parts)
	for _, p := range parts {
		stopPart(l, p)
	}
	return os.Remove(l.parts())
}

func stopPart(l layout, p part) {
	r, ok := running(l, p.Name)
	if !ok {
		if pid := findProcess(p.Args); pid != 0 {
			r, ok = newRecord(pid, ""), true
		}
	}
	if ok {
		began := time.Now()
		r.stop(p.Stop, p.Patience)
		fmt.Printf("  %-16s stopped after %.1f s\n", p.Title, time.Since(began).Seconds())
	}
	os.Remove(l.record(p.Name))
}

// clean stops everything and removes data, logs and settings. What was built or
// fetched stays.
func clean(l layout) error {
	if err := down(l); err != nil {
		return err
	}
	// Postgres' data may lie elsewhere, see place.
	if target, err := os.Readlink(l.postgres()); err == nil {
		if filepath.Dir(filepath.Dir(target)) == elsewhere {
			target = filepath.Dir(target)
		}
		if err := os.RemoveAll(target); err != nil {
			return err
		}
	}
	for _, name := range []string{"postgres", "minio", "log", "env", "run"} {
		if err := os.RemoveAll(filepath.Join(l.dir, name)); err != nil {
			return err
		}
	}
	fmt.Printf("removed the data under %s\n", l.dir)
	return nil
}

// status prints a line for each part and fails unless all of them answer.
func status(l layout) error {
	parts, err := readParts(l)
	if err != nil {
		return errors.New("the stack does not run: start it with make up")
	}
	p, err := readPorts(l)
	if err != nil {
		return err
	}
	failed := false
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	line := func(title string, r record, ok bool, problem error, address string) {
		state := "running"
		switch {
		case !ok:
			state = "stopped"
		case problem != nil:
			state = "not ready"
		}
		failed = failed || state != "running"
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", title, state, r.PID, address)
	}
	for _, part := range parts {
		address := ""
		for _, name := range part.Ports {
			address += p.address(name) + " "
		}
		r, ok := running(l, part.Name)
		line(part.Title, r, ok, probe(part.Probe), address)
	}
	r, ok := running(l, "supervisor")
	line("supervisor", r, ok, nil, "")
	table.Flush()
	if failed {
		return fmt.Errorf("not everything runs: see the logs in %s, or run make up", filepath.Join(l.dir, "log"))
	}
	return nil
}
