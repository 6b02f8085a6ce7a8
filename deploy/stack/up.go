package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// readyWithin bounds the start of all parts: a first start of Temporal on a slow
// disk takes seconds, recovery of Postgres after a crash perhaps a minute.
const readyWithin = 3 * time.Minute

// locked runs a command that changes the stack while no other one does.
func locked(l layout, command func() error) error {
	if err := l.create(); err != nil {
		return fmt.Errorf("make the stack's directory: %w", err)
	}
	for waited := false; ; time.Sleep(50 * time.Millisecond) {
		if lock, ok := tryLock(l.run("lock")); ok {
			defer lock.Close()
			return command()
		}
		if !waited {
			fmt.Println("waiting for another stack command to end ...")
			waited = true
		}
	}
}

// up makes the stack run: everything, or what is missing of it. Of extra parts,
// those that run already stay.
func up(l layout, extra []string, free bool) error {
	for _, name := range extra {
		if name != "worker" && name != "server" {
			return fmt.Errorf("--with %s: the further parts are worker and server", name)
		}
	}
	return locked(l, func() error {
		began := time.Now()
		if old, err := readParts(l); err == nil {
			for _, p := range old {
				extra = append(extra, p.Name)
			}
		}
		p, err := choosePorts(l, free)
		if err != nil {
			return err
		}
		pg, err := setup(l)
		if err != nil {
			return err
		}
		if err := pg.initialise(l); err != nil {
			return err
		}
		parts, err := allParts(l, p, pg, extra)
		if err != nil {
			return err
		}
		if upToDate(l, parts) {
			fmt.Printf("the stack runs (%s)\n", l.dir)
			return nil
		}
		if err := replace(l, p, parts); err != nil {
			return err
		}
		if err := writeFile(l.env(), []byte(formatEnv(settings(l, p)))); err != nil {
			return err
		}
		if err := startSupervisor(l); err != nil {
			return err
		}
		if err := wait(l, parts); err != nil {
			return err
		}
		fmt.Printf("the stack is up after %.1f s\n", time.Since(began).Seconds())
		fmt.Printf("  Temporal UI  http://%s\n  settings     %s\n  logs         %s\n", p.address("UI"), l.env(), filepath.Join(l.dir, "log"))
		return nil
	})
}

// upToDate says whether everything runs, as it should, and answers.
func upToDate(l layout, parts []part) bool {
	text, _ := json.MarshalIndent(parts, "", "  ")
	if old, err := os.ReadFile(l.parts()); err != nil || !bytes.Equal(old, text) {
		return false
	}
	if _, ok := running(l, "supervisor"); !ok {
		return false
	}
	for _, p := range parts {
		if _, ok := running(l, p.Name); !ok || probe(p.Probe) != nil {
			return false
		}
	}
	_, err := os.Stat(l.env())
	return err == nil
}

// replace ends the supervisor and the parts that have changed, checks that the
// ports of what will be started are free, and writes the list of parts.
func replace(l layout, p ports, parts []part) error {
	if r, ok := running(l, "supervisor"); ok {
		r.stop(syscall.SIGTERM, 5*time.Second)
	}
	old, _ := readParts(l)
	slices.Reverse(old)
	for _, before := range old {
		i := slices.IndexFunc(parts, func(p part) bool { return p.Name == before.Name })
		if i < 0 || parts[i].key() != before.key() {
			stopPart(l, before)
		}
	}
	for _, next := range parts {
		if _, ok := running(l, next.Name); ok || findProcess(next.Args) != 0 {
			continue
		}
		if err := p.checkFree(next.Ports, next.Title); err != nil {
			return err
		}
	}
	if err := p.save(l); err != nil {
		return err
	}
	text, err := json.MarshalIndent(parts, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(l.parts(), text)
}

func startSupervisor(l layout) error {
	rotate(l.log("supervisor"))
	log, err := os.OpenFile(l.log("supervisor"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, "supervise", "--dir", l.dir)
	cmd.Dir = l.root
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// wait returns when every part answers.
func wait(l layout, parts []part) error {
	began := time.Now()
	for _, p := range parts {
		starts, last := 0, 0
		for {
			err := probe(p.Probe)
			r, ok := running(l, p.Name)
			_, watched := running(l, "supervisor")
			if ok && watched && r.Key == p.key() && err == nil {
				fmt.Printf("  %-16s ready after %.1f s\n", p.Title, time.Since(began).Seconds())
				break
			}
			if r.PID != last {
				starts, last = starts+1, r.PID
			}
			if starts > 8 || time.Since(began) > readyWithin {
				io.WriteString(os.Stderr, indent(tail(l.log("supervisor"), 5)+"\n"+tail(l.log(p.Name), 20)))
				return fmt.Errorf("%s does not answer after %s (%v); the lines above are the last of %s", p.Title, time.Since(began).Round(time.Second), err, l.log(p.Name))
			}
			time.Sleep(25 * time.Millisecond)
		}
	}
	return nil
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}
