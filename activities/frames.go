package activities

import (
	"context"
	"strings"
	"sync"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// frameCache keeps the frame that was read last, because the fits of one run all
// read the same training rows: they share one copy instead of holding one each.
// One entry is enough for that, and bounds the memory.
type frameCache struct {
	mu    sync.Mutex
	key   string
	frame *frame.Frame
}

// read returns the named columns of a Parquet artifact; the frame is shared and
// must not be written to. Readers of other artifacts wait, so that two large
// tables are never being read at once.
func (a *Activities) read(ctx context.Context, ref artifact.Ref, columns []string) (*frame.Frame, error) {
	key := ref.Digest + "\x00" + strings.Join(columns, "\x00")
	a.frames.mu.Lock()
	defer a.frames.mu.Unlock()
	if a.frames.key == key {
		return a.frames.frame, nil
	}
	a.frames.key, a.frames.frame = "", nil // let it go before the next is built
	f, err := a.readOnce(ctx, ref, columns)
	if err == nil {
		a.frames.key, a.frames.frame = key, f
	}
	return f, err
}

// readOnce is read of what nobody else will ask for.
func (a *Activities) readOnce(ctx context.Context, ref artifact.Ref, columns []string) (f *frame.Frame, err error) {
	err = a.onFile(ctx, a.ScratchDir, ref, func(e *table.Engine, path string) (err error) {
		f, err = e.Read(ctx, path, columns)
		return err
	})
	return f, err
}
