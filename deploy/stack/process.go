package main

import (
	"encoding/json"
	"os"
	"syscall"
	"time"
)

// record says which process a part is. Start tells it from a later process with
// the same id; Key is that of the part it was started from.
type record struct {
	PID   int    `json:"pid"`
	Start string `json:"start"`
	Key   string `json:"key"`
}

func newRecord(pid int, key string) record {
	return record{PID: pid, Start: startOf(pid), Key: key}
}

// running returns the record of a part's process if that process still runs.
func running(l layout, name string) (record, bool) {
	var r record
	text, err := os.ReadFile(l.record(name))
	if err != nil || json.Unmarshal(text, &r) != nil {
		return record{}, false
	}
	return r, r.alive()
}

func (r record) alive() bool {
	return r.PID > 1 && r.Start != "" && startOf(r.PID) == r.Start
}

func (r record) save(l layout, name string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeFile(l.record(name), text)
}

// stop asks the process to end, and after the given time ends it and its group.
func (r record) stop(ask syscall.Signal, patience time.Duration) {
	if !r.alive() {
		return
	}
	syscall.Kill(r.PID, ask)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if !r.alive() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	if r.alive() {
		syscall.Kill(-r.PID, syscall.SIGKILL)
		for r.alive() {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// tryLock takes an exclusive lock that the kernel drops when the process ends.
func tryLock(path string) (*os.File, bool) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, false
	}
	return f, true
}
