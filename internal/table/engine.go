package table

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
)

// DefaultMemoryLimit bounds what the engine itself keeps in memory, in bytes.
// What Read returns is not part of it.
const DefaultMemoryLimit = 512 << 20

// Options configure an engine.
type Options struct {
	// MemoryLimit in bytes; beyond it the engine spills to TempDir. Default
	// DefaultMemoryLimit.
	MemoryLimit int64

	// TempDir is where the engine makes a directory of its own when it spills.
	// Default os.TempDir().
	TempDir string

	// Threads the engine may use, at least 2: with a single one it cuts Parquet
	// into other row groups. Default: the number of processors. Nothing else
	// about a result depends on it, nor on more of them.
	Threads int
}

// Engine is one in-memory instance with one connection. Its methods may be
// called by several goroutines and run one after another.
type Engine struct {
	options Options
	spill   string // the instance's own directory below TempDir
	sealed  bool   // its configuration is locked

	mu   sync.Mutex
	db   mapping.Database
	conn mapping.Connection
	open bool
}

var instances atomic.Int64 // makes spill directories of one process distinct

// Open starts an engine. It costs a few milliseconds; Close releases its memory.
func Open(options Options) (*Engine, error) {
	if options.MemoryLimit < 0 || options.Threads < 0 {
		return nil, fault.New(fault.ConfigInvalid, "an engine with %d bytes and %d threads", options.MemoryLimit, options.Threads).
			WithRemedy("give positive numbers, or 0 for the defaults")
	}
	if options.MemoryLimit == 0 {
		options.MemoryLimit = DefaultMemoryLimit
	}
	if options.Threads == 0 {
		options.Threads = runtime.GOMAXPROCS(0)
	}
	options.Threads = max(2, options.Threads)
	if options.TempDir == "" {
		options.TempDir = os.TempDir()
	}
	e := &Engine{options: options}
	e.spill = filepath.Join(options.TempDir, fmt.Sprintf("esteira-duckdb-%d-%d", os.Getpid(), instances.Add(1)))
	if err := e.start(); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *Engine) start() error {
	var config mapping.Config
	if mapping.CreateConfig(&config) == mapping.StateError {
		return fault.New(fault.Internal, "the engine's configuration could not be created")
	}
	defer mapping.DestroyConfig(&config)
	for _, o := range [][2]string{
		{"autoinstall_known_extensions", "false"}, // nothing is fetched, ever
		{"autoload_known_extensions", "false"},
		{"duckdb_api", "esteira"},
		{"memory_limit", strconv.FormatInt(e.options.MemoryLimit, 10) + "B"},
		{"temp_directory", e.spill},
		{"threads", strconv.Itoa(e.options.Threads)},
	} {
		if mapping.SetConfig(config, o[0], o[1]) == mapping.StateError {
			return fault.New(fault.ConfigInvalid, "the engine refuses %s = %s", o[0], o[1])
		}
	}
	var message string
	if mapping.OpenExt("", &e.db, config, &message) == mapping.StateError {
		return fault.New(fault.ConfigInvalid, "the engine does not start: %s", message)
	}
	if mapping.Connect(e.db, &e.conn) == mapping.StateError {
		mapping.Close(&e.db)
		return fault.New(fault.Internal, "the engine refuses a connection")
	}
	e.open = true
	// Texts become times, and times texts, the same way on every machine.
	if err := e.Exec(context.Background(), "SET TimeZone = 'UTC'"); err != nil {
		e.Close()
		return err
	}
	return nil
}

// Close stops the engine and removes what it spilled. A second call does nothing.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.open {
		return
	}
	e.open = false
	mapping.Disconnect(&e.conn)
	mapping.Close(&e.db)
	_ = os.RemoveAll(e.spill) // the engine removes it too; this is for what an interrupt leaves
}

// locked returns a fresh instance with the same limits, for tables of so many
// columns, in which no file can be opened but the given ones, and nothing of that
// can be changed.
func (e *Engine) locked(ctx context.Context, files []string, columns int) (*Engine, error) {
	f, err := Open(e.options)
	if err != nil {
		return nil, err
	}
	if _, err := f.narrowThreads(ctx, columns); err != nil {
		f.Close()
		return nil, err
	}
	// The spill directory is reachable too: the engine adds it, and it holds
	// nothing but this query's own intermediate rows.
	err = f.Exec(ctx, "SET allowed_paths = "+literals(files)+
		"; SET enable_external_access = false; SET lock_configuration = true")
	if err != nil {
		f.Close()
		return nil, err
	}
	f.sealed = true
	return f, nil
}

// interruptible runs call and interrupts the engine, again and again until it
// returns, once ctx is done: an interrupt that arrives between two phases of a
// query is forgotten by the engine.
func (e *Engine) interruptible(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !e.open {
		return fault.New(fault.Internal, "the engine is closed")
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if purgeUntil(done, ctx.Done()) {
			return
		}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			mapping.Interrupt(e.conn)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	err := call()
	close(done)
	<-stopped
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // whatever the engine calls it
	}
	return err
}
