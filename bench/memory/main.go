// Command memory shows what the data steps hold in memory as their input grows: it
// makes a CSV file of each size, takes it from collect to engineer, each step in a
// process of its own with a small engine, and prints the step, the bytes of its
// input, its seconds and its peak of resident memory.
//
//	go run ./bench/memory -sizes 1,2,5,10 -limit 96 -dir /tmp/x
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Line is what is printed of a step, as JSON.
type Line struct {
	Step    string  `json:"step"`
	GB      float64 `json:"gb"` // of the CSV file
	Input   int64   `json:"input"`
	Rows    int64   `json:"rows"`
	Limit   int64   `json:"limit"` // of the engine, in MiB
	Seconds float64 `json:"seconds"`
	Peak    int64   `json:"peak"` // resident, in MiB
}

func main() {
	sizes := flag.String("sizes", "1", "sizes of the CSV files, in GB")
	limit := flag.Int64("limit", 96, "memory limit of the engine, in MiB")
	dir := flag.String("dir", os.TempDir(), "directory of the files")
	step := flag.String("step", "", "the step to run, for the command itself")
	narrow := flag.Bool("narrow", false, "rows of few columns, for the command itself")
	long := flag.Int("long", 0, "characters of a further text in each row, for the command itself")
	flag.Parse()
	var err error
	if *step != "" {
		err = work{dir: *dir, limit: *limit, narrow: *narrow, long: *long}.run(context.Background(), *step, flag.Arg(0))
	} else {
		err = measureAll(*sizes, *limit, *dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measureAll runs every step for every size.
func measureAll(sizes string, limit int64, parent string) error {
	dir, err := os.MkdirTemp(parent, "esteira-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, size := range strings.Split(sizes, ",") {
		gb, err := strconv.ParseFloat(size, 64)
		if err != nil {
			return err
		}
		err = work{dir: dir, limit: limit, rows: int64(gb * 1e9 / rowBytes)}.measure(func(string) bool { return true }, func(line Line) error {
			line.GB = gb
			text, err := json.Marshal(line)
			fmt.Println(string(text))
			return err
		})
		if err != nil {
			return fmt.Errorf("%s GB: %w", size, err)
		}
	}
	return nil
}

// measure runs steps, each in a process of its own, on a file that is made before.
func (w work) measure(wanted func(step string) bool, take func(Line) error) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s.input != "" && !wanted(s.name) {
			continue
		}
		command := exec.Command(self, "-step", s.name, "-limit", fmt.Sprint(w.limit), "-dir", w.dir, fmt.Sprintf("-narrow=%t", w.narrow), "-long", fmt.Sprint(w.long), fmt.Sprint(w.rows))
		command.Stderr = os.Stderr
		begun := time.Now()
		out, err := command.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if s.input == "" { // makes the file
			continue
		}
		line := Line{Step: s.name, Limit: w.limit, Seconds: time.Since(begun).Seconds(), Peak: command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10}
		if line.Rows, err = strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64); err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(w.dir, s.input))
		if err != nil {
			return err
		}
		line.Input = info.Size()
		if err := take(line); err != nil {
			return err
		}
	}
	return nil
}
