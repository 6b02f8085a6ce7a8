package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// perSecond are the ticks of /proc/PID/stat, which Linux fixes for programs.
const perSecond = 100

// spent is the processor time of a process and all below it in seconds, of children that
// have ended, too.
func spent(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("name the process: %w", err)
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:]) // the name before may hold anything
	if len(fields) < 15 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	total := 0.0
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		total += float64(ticks) / perSecond
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		children, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has ended meanwhile
		}
		for _, child := range strings.Fields(string(children)) {
			id, err := strconv.Atoi(child)
			if err != nil {
				return 0, err
			}
			if below, err := spent(id); err == nil { // one that has ended is in cutime
				total += below
			}
		}
	}
	return total, nil
}

// spentIf is spent, 0 of no process.
func spentIf(pid int) (float64, error) {
	if pid == 0 {
		return 0, nil
	}
	return spent(pid)
}
