package testline

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/memory"
)

// process is a program under test and what it wrote.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	ready chan struct{}
	word  string

	mu  sync.Mutex
	log bytes.Buffer
}

// readyWithin bounds how long a program may take to say that it is ready.
const readyWithin = time.Minute

func startProcess(path string, env []string, ready string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), ended: make(chan struct{}), ready: make(chan struct{}), word: ready}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p, p
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	select {
	case <-p.ready:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s ended before it was ready:\n%s", path, p.tail())
	case <-time.After(readyWithin):
		p.kill()
		return nil, fmt.Errorf("%s did not say %q within %s:\n%s", path, ready, readyWithin, p.tail())
	}
}

// Write implements io.Writer: it keeps the log and watches for the ready word.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log.Write(b)
	if p.word != "" && strings.Contains(p.log.String(), p.word) {
		p.word = ""
		close(p.ready)
	}
	return len(b), nil
}

func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// peak is the most resident memory that the program held so far, in bytes, as Linux
// counts it.
func (p *process) peak() (int64, error) {
	return memory.Peak(p.cmd.Process.Pid)
}

func (p *process) tail() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.log.String()
	return s[max(0, len(s)-8000):]
}
