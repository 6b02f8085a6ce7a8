// Trees fits boosted trees on the table that bench/peers/trees.py wrote, and
// prints one line of JSON beside those of the peers.
//
//	go run ./bench/trees -table DIRECTORY [-growth leaf] [-threads 2]
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/tree"
)

var rounds int

func main() {
	directory := flag.String("table", "", "directory with table.f32 and table.json")
	growth := flag.String("growth", "depth", "depth or leaf")
	threads := flag.Int("threads", runtime.NumCPU(), "threads")
	profile := flag.String("cpuprofile", "", "write a CPU profile there")
	loss := flag.String("loss", "squared", "squared or logistic")
	flag.IntVar(&rounds, "rounds", 100, "trees")
	flag.Parse()
	runtime.GOMAXPROCS(*threads)
	if err := run(*directory, *growth, *loss, *threads, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(directory, growth, loss string, threads int, profile string) error {
	x, y, err := read(directory)
	if err != nil {
		return err
	}
	s := tree.Settings{
		CatL2: 10, CatSmooth: 10, ColsampleByNode: 1, ColsampleByTree: 1, HuberDelta: 1, L2: 1, LearningRate: 0.1,
		Loss: tree.Loss(loss), MaxBins: 255, MaxCatThreshold: 32, MaxDepth: 6, MaxLeaves: math.MaxInt, MinChildWeight: 1,
		MinSamplesLeaf: 1, Quantile: 0.5, Rounds: rounds, Subsample: 1,
	}
	if growth == "leaf" {
		s.LeafWise, s.MaxLeaves, s.MaxDepth = true, 63, 30
	}
	if loss == "logistic" {
		s.Classes = 2
		middle := 0.0
		for _, v := range y {
			middle += v / float64(len(y))
		}
		for i, v := range y {
			if y[i] = 0; v > middle {
				y[i] = 1
			}
		}
	}
	debug.FreeOSMemory()
	if err := forgetPeak(); err != nil {
		return err
	}
	before, _ := memory.Resident(os.Getpid()) // 0 where nobody tells
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, start, used := context.Background(), time.Now(), user()
	bins, err := tree.NewBins(ctx, x, s.MaxBins)
	if err != nil {
		return err
	}
	binned := time.Now()
	e, report, err := tree.Fit(ctx, tree.Table{X: x, Y: y}, nil, bins, s, nil, nil)
	if err != nil {
		return err
	}
	fitted, usedThen := time.Now(), user()
	peak, _ := memory.Peak(os.Getpid())
	out := make([]float64, x.Rows*e.Outputs())
	e.Predict(x, out)
	predicted := time.Now()
	one := &frame.Matrix{Rows: 1}
	for _, f := range x.Features {
		one.Features = append(one.Features, frame.Feature{Name: f.Name, Numbers: f.Numbers[:1]})
	}
	for range 10000 {
		e.Predict(one, out)
	}
	alone := time.Since(predicted)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"name": "esteira", "growth": growth, "loss_name": loss, "threads": threads,
		"bin": binned.Sub(start).Seconds(), "fit": fitted.Sub(binned).Seconds(), "total": fitted.Sub(start).Seconds(),
		"user": (usedThen - used).Seconds(), "loss": report.Train[len(report.Train)-1],
		"predict": predicted.Sub(fitted).Seconds(), "one_row_us": alone.Seconds() / 10000 * 1e6,
		"memory_mb": (peak - before) >> 20, "peak_mb": peak >> 20,
	})
}

// read returns the columns of table.f32, the last of them the target.
func read(directory string) (*frame.Matrix, []float64, error) {
	var shape struct{ Rows, Columns int }
	text, err := os.ReadFile(filepath.Join(directory, "table.json"))
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal(text, &shape); err != nil {
		return nil, nil, err
	}
	data, err := os.ReadFile(filepath.Join(directory, "table.f32"))
	if err != nil {
		return nil, nil, err
	}
	if len(data) != 4*shape.Rows*shape.Columns {
		return nil, nil, fmt.Errorf("table.f32 has %d bytes for %d × %d numbers", len(data), shape.Rows, shape.Columns)
	}
	x := &frame.Matrix{Rows: shape.Rows}
	var y []float64
	for j := range shape.Columns {
		column := make([]float64, shape.Rows)
		for i := range column {
			column[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*(j*shape.Rows+i):])))
		}
		if j == shape.Columns-1 {
			y = column
		} else {
			x.Features = append(x.Features, frame.Feature{Name: fmt.Sprintf("x%d", j), Numbers: column})
		}
	}
	return x, y, nil
}

func user() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano())
}

// forgetPeak makes VmHWM begin again at what is resident now: reading the table
// took more than it holds, as much more as a fit takes.
func forgetPeak() error {
	err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no /proc: it has no figures either
	}
	return err
}
