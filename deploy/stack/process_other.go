//go:build !linux

package main

import (
	"os/exec"
	"strconv"
	"strings"
)

// startOf identifies when a process started, to the second. It is empty if there
// is no such process or it has ended and waits to be reaped.
func startOf(pid int) string {
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 2 || strings.HasPrefix(fields[0], "Z") {
		return ""
	}
	return strings.Join(fields[1:], " ")
}

// findProcess returns the process with exactly these arguments, or 0.
func findProcess(args []string) int {
	out, _ := exec.Command("ps", "-axww", "-o", "pid=,args=").Output()
	for line := range strings.Lines(string(out)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pid, err := strconv.Atoi(id); err == nil && strings.TrimSpace(rest) == strings.Join(args, " ") {
			return pid
		}
	}
	return 0
}

// commandLine returns the program and arguments of a process, or nothing.
func commandLine(pid int) string {
	out, _ := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return string(out)
}
