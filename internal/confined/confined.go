package confined

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Main does the work of a process that was started with the argument alone, on its
// input and output, and exits: with 1, and the error on its standard error, if it
// failed. In any other process it does nothing.
func Main(argument string, work func(in io.Reader, out io.Writer) error) {
	if len(os.Args) != 2 || os.Args[1] != argument {
		return
	}
	if err := work(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Command is this program with the argument, ready to be started: in dir, on two
// threads, with no other environment than that given, killed when ctx ends.
func Command(ctx context.Context, argument, dir string, env ...string) (*exec.Cmd, *Words, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "find the program to start again")
	}
	cmd, words := exec.CommandContext(ctx, program, argument), &Words{}
	cmd.Env, cmd.Dir, cmd.Stderr, cmd.WaitDelay = append([]string{"GOMAXPROCS=2"}, env...), dir, words, time.Second
	return cmd, words, nil
}

// Bound bounds this process for good: its memory and the size of a file that it
// writes, in bytes. It leaves no core.
func Bound(memory, file uint64) error {
	for resource, most := range map[int]uint64{unix.RLIMIT_DATA: memory, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: file} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("bound the process: %w", err)
		}
	}
	return nil
}

// Words keep the beginning of what a process says of itself.
type Words struct{ kept bytes.Buffer }

// The bounds of what is kept, and of what is told of it, in bytes.
const (
	maxKept = 4 << 10
	maxTold = 400
)

// Write implements io.Writer; it never fails.
func (w *Words) Write(p []byte) (int, error) {
	if left := maxKept - w.kept.Len(); left > 0 {
		w.kept.Write(p[:min(left, len(p))])
	}
	return len(p), nil
}

// String is their first paragraph, on one line.
func (w *Words) String() string {
	first, _, _ := strings.Cut(w.kept.String(), "\n\n")
	return fault.Clip(strings.Join(strings.Fields(first), " "), maxTold)
}
