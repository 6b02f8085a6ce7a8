package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testLayout returns a layout with its directories under a name that needs
// quoting.
func testLayout(t *testing.T) layout {
	t.Helper()
	root := filepath.Join(t.TempDir(), "it's here")
	l := layout{dir: filepath.Join(root, ".esteira"), root: root}
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEnvReadsTheSameInAShell(t *testing.T) {
	l := testLayout(t)
	variables := settings(l, defaultPorts())
	if err := writeFile(l.env(), []byte(formatEnv(variables))); err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		out, err := exec.Command("/bin/sh", "-c", `. "$0"; printf %s "$`+v.key+`"`, l.env()).Output()
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != v.value {
			t.Errorf("%s is %q in a shell, want %q", v.key, out, v.value)
		}
	}
	if !strings.HasSuffix(settings(l, defaultPorts())[10].value, onnxLibrary()) {
		t.Error("ONNXRUNTIME_LIB does not name the library")
	}
	text := formatEnv([]variable{{"A", "http://127.0.0.1:1/x?y=z"}, {"B", "two words"}})
	if want := "A=http://127.0.0.1:1/x?y=z\nB='two words'\n"; text != want {
		t.Errorf("formatEnv = %q, want %q", text, want)
	}
}

func TestPortsComeFromEnvironmentThenMemoryThenDefault(t *testing.T) {
	for _, name := range portNames {
		t.Setenv("ESTEIRA_PORT_"+name, "")
	}
	l := testLayout(t)
	p, err := choosePorts(l, false)
	if err != nil {
		t.Fatal(err)
	}
	if p["POSTGRES"] != 15432 {
		t.Errorf("default port %d", p["POSTGRES"])
	}

	if p, err = choosePorts(l, true); err != nil {
		t.Fatal(err)
	}
	if err := p.save(l); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ESTEIRA_PORT_UI", "4711")
	again, err := choosePorts(l, true)
	if err != nil {
		t.Fatal(err)
	}
	if again["MINIO"] != p["MINIO"] || again["UI"] != 4711 {
		t.Errorf("ports %v after %v", again, p)
	}

	t.Setenv("ESTEIRA_PORT_MINIO", "4711")
	if _, err := choosePorts(l, false); err == nil || !strings.Contains(err.Error(), "ESTEIRA_PORT_UI and ESTEIRA_PORT_MINIO") {
		t.Errorf("two parts on one port: %v", err)
	}
	t.Setenv("ESTEIRA_PORT_MINIO", "http")
	if _, err := choosePorts(l, false); err == nil || !strings.Contains(err.Error(), "ESTEIRA_PORT_MINIO=http is not a port") {
		t.Errorf("a port that is none: %v", err)
	}
}

func TestTakenPortNamesItsVariable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	err = ports{"UI": port}.checkFree([]string{"UI"}, "Temporal")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d, which Temporal needs", port)) ||
		!strings.Contains(err.Error(), "set ESTEIRA_PORT_UI") {
		t.Errorf("checkFree: %v", err)
	}
}

func TestRecordTellsItsProcessFromALaterOne(t *testing.T) {
	l := testLayout(t)
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait()
	r := newRecord(cmd.Process.Pid, "key")
	if err := r.save(l, "sleep"); err != nil {
		t.Fatal(err)
	}
	if got, ok := running(l, "sleep"); !ok || got != r {
		t.Errorf("running = %v, %v; want %v", got, ok, r)
	}

	stale := r
	stale.Start = "another boot/1"
	if err := stale.save(l, "stale"); err != nil {
		t.Fatal(err)
	}
	if _, ok := running(l, "stale"); ok {
		t.Error("a process id taken by another process counts as running")
	}
	stale.stop(syscall.SIGKILL, time.Second)
	if !r.alive() {
		t.Fatal("stop ended a process that is not the record's")
	}

	r.stop(syscall.SIGTERM, 5*time.Second)
	if _, ok := running(l, "sleep"); ok {
		t.Error("the process runs after stop")
	}
}

func TestFindProcessByItsArguments(t *testing.T) {
	args := []string{"sleep", fmt.Sprintf("%d.5", 1000+os.Getpid())}
	if pid := findProcess(args); pid != 0 {
		t.Fatalf("found process %d before it started", pid)
	}
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); findProcess(args) != cmd.Process.Pid; {
		if time.Now().After(deadline) {
			t.Fatalf("found %d, want %d", findProcess(args), cmd.Process.Pid)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if pid := findProcess(args); pid != 0 {
		t.Errorf("found %d after the end", pid)
	}
}

func TestLockOfAnotherProcessIsCleared(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, "postmaster.pid")
	p := part{Args: []string{"sleep", "-D", data}}
	owner := exec.Command("sleep", "1000")
	owner.Args[0] = data // shows in its command line
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	defer owner.Wait()
	defer owner.Process.Kill()
	for pid, stays := range map[int]bool{owner.Process.Pid: true, os.Getpid(): false} {
		if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n%s\n", pid, data), 0o600); err != nil {
			t.Fatal(err)
		}
		clearLock(p)
		if _, err := os.Stat(path); (err == nil) != stays {
			t.Errorf("lock of process %d: %v", pid, err)
		}
	}
}

func TestKeyChangesWithWhatThePartIsStartedFrom(t *testing.T) {
	l := testLayout(t)
	before := minioPart(l, defaultPorts())
	p := defaultPorts()
	p["MINIO"]++
	if before.key() == minioPart(l, p).key() {
		t.Error("another port, the same key")
	}
	var read part
	text, _ := json.Marshal(before)
	if err := json.Unmarshal(text, &read); err != nil || read.key() != before.key() {
		t.Errorf("the key changes on its way through parts.json (%v)", err)
	}
}

func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.log")
	text := strings.Repeat("x", logLimit) + "the end"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rotate(path)
	info, err := os.Stat(path)
	if err != nil || info.Size() != 0 {
		t.Errorf("log after rotation: %v, %v", info, err)
	}
	old, err := os.ReadFile(path + ".1")
	if err != nil || len(old) != logLimit || !strings.HasSuffix(string(old), "the end") {
		t.Errorf("kept %d bytes, %v", len(old), err)
	}
}
