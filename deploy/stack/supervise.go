package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	tick       = 200 * time.Millisecond
	maxBackoff = 10 * time.Second
	steady     = 30 * time.Second // a part that ran this long starts again at once
)

// watched is a part as the supervisor sees it.
type watched struct {
	part
	backoff time.Duration
	next    time.Time // not started before
	started time.Time
}

// supervise adopts the parts that run and starts those that do not, until it is
// told to end. The parts go on without it.
func supervise(l layout) error {
	lock, ok := tryLock(l.run("supervisor.lock"))
	if !ok {
		return nil // another one is at work
	}
	defer lock.Close()
	if err := newRecord(os.Getpid(), "").save(l, "supervisor"); err != nil {
		return err
	}
	parts, err := readParts(l)
	if err != nil {
		return err
	}
	all := make([]*watched, len(parts))
	for i, p := range parts {
		all[i] = &watched{part: p, backoff: tick}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)

	note("watching %d parts", len(all))
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for sweep := 0; ; sweep++ {
		for _, w := range all {
			w.check(l, all)
			if sweep%300 == 0 {
				rotate(l.log(w.Name))
			}
		}
		select {
		case <-stop:
			note("told to end; the parts go on")
			return nil
		case <-ticker.C:
		}
	}
}

// check starts the part if it does not run and what it needs answers.
func (w *watched) check(l layout, all []*watched) {
	if _, ok := running(l, w.Name); ok {
		return
	}
	now := time.Now()
	if !w.started.IsZero() { // it ran and has ended since
		if now.Sub(w.started) > steady {
			w.backoff = tick
		}
		note("%s ended after %s; next start in %s", w.Name, now.Sub(w.started).Round(time.Millisecond), w.backoff)
		w.next, w.started = now.Add(w.backoff), time.Time{}
		w.backoff = min(2*w.backoff, maxBackoff)
	}
	if now.Before(w.next) || !ready(w.Needs, all) {
		return
	}
	if pid := findProcess(w.Args); pid != 0 {
		note("%s runs already as process %d: adopted", w.Name, pid)
		w.started = now
		newRecord(pid, w.key()).save(l, w.Name)
		return
	}
	w.started = now
	if w.Name == "postgres" {
		clearLock(w.part)
	}
	cmd, err := w.start(l)
	if err != nil {
		note("%s does not start: %v", w.Name, err)
		return
	}
	note("%s started as process %d", w.Name, cmd.Process.Pid)
	go func() {
		cmd.Wait()
		note("%s, process %d: %s", w.Name, cmd.Process.Pid, cmd.ProcessState)
	}()
}

func ready(names []string, all []*watched) bool {
	for _, name := range names {
		for _, w := range all {
			if w.Name == name && probe(w.Probe) != nil {
				return false
			}
		}
	}
	return true
}

func readParts(l layout) ([]part, error) {
	text, err := os.ReadFile(l.parts())
	if err != nil {
		return nil, err
	}
	var parts []part
	return parts, json.Unmarshal(text, &parts)
}

func note(format string, args ...any) {
	fmt.Printf(time.Now().UTC().Format("2006-01-02T15:04:05.000Z ")+format+"\n", args...)
}
