package testline

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Trainer is the Python trainer of examples/python-trainer, as a process.
type Trainer struct {
	l       *Line
	process *process
}

// StartTrainer sets up the Python trainer, once a machine, and starts one that polls
// a task queue; it is stopped when the test ends.
func (l *Line) StartTrainer(queue string) *Trainer {
	l.tb.Helper()
	script := filepath.Join(Root(), "deploy", "python-trainer.sh")
	setup := exec.CommandContext(l.tb.Context(), script, "setup")
	setup.Env = l.env
	if said, err := setup.CombinedOutput(); err != nil {
		l.tb.Fatalf("set up the Python trainer: %v\n%s", err, said)
	}
	p, err := startProcess(script, append(l.env[:len(l.env):len(l.env)], "TRAINER_QUEUE="+queue, "PYTHONUNBUFFERED=1"), "trainer ready")
	if err != nil {
		l.tb.Fatal(err)
	}
	t := &Trainer{l, p}
	l.tb.Cleanup(t.Kill)
	return t
}

// Kill ends the trainer with SIGKILL, if it runs.
func (t *Trainer) Kill() { t.process.kill() }

// Freeze stops the trainer without ending it: it keeps what it was given and falls
// silent.
func (t *Trainer) Freeze() {
	t.l.tb.Helper()
	if err := t.process.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.l.tb.Fatal(err)
	}
}

// Log is the tail of what the trainer wrote.
func (t *Trainer) Log() string { return strings.TrimSpace(t.process.tail()) }
