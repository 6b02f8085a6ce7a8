package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// startOf identifies when a process started: the boot and the tick in it. It is
// empty if there is no such process or it has ended and waits to be reaped.
func startOf(pid int) string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return ""
	}
	// The second field, the name in parentheses, may contain anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(boot)) + "/" + fields[19]
}

// findProcess returns the process with exactly these arguments, or 0. It finds a
// part whose record was lost between its start and the record's writing.
func findProcess(args []string) int {
	want := strings.Join(args, "\x00") + "\x00"
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if commandLine(pid) == want && startOf(pid) != "" {
			return pid
		}
	}
	return 0
}

// commandLine returns the program and arguments of a process, each ended by a
// zero byte, or nothing.
func commandLine(pid int) string {
	line, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return string(line)
}
