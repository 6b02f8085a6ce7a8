package table

/*
#include <stdint.h>
#include <stdlib.h>

void esteira_rows_bind(void *);
void esteira_rows_init(void *);
void esteira_rows_next(void *, void *);
typedef void (*esteira_told)(void *);
typedef void (*esteira_asked)(void *, void *);
*/
import "C"

import (
	"context"
	"runtime/cgo"
	"strings"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// sortedRows names the table function that gives the rows of sorted keys.
const sortedRows = pipeline.ReservedPrefix + "sorted"

// rowSource is what that function of one engine gives, once, in one thread.
type rowSource struct {
	maker  *rowMaker
	names  []string
	next   func() ([]byte, error)
	err    error // of next
	handle *C.uintptr_t
}

// offer makes the function that gives the rows of k's keys, which next returns. The
// source is to be closed after the engine, which keeps the function.
func (e *Engine) offer(ctx context.Context, k sortKey, next func() ([]byte, error)) (*rowSource, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	types, err := e.typesOf(ctx, k.types)
	if err != nil {
		return nil, err
	}
	maker, err := newRowMaker(k, types)
	if err != nil {
		return nil, err
	}
	s := &rowSource{maker: maker, names: k.names, next: next, handle: (*C.uintptr_t)(C.malloc(C.sizeof_uintptr_t))}
	*s.handle = C.uintptr_t(cgo.NewHandle(s))
	f := mapping.CreateTableFunction()
	defer mapping.DestroyTableFunction(&f)
	mapping.TableFunctionSetName(f, sortedRows)
	mapping.TableFunctionSetExtraInfo(f, unsafe.Pointer(s.handle), nil)
	mapping.TableFunctionSetBind(f, unsafe.Pointer(C.esteira_told(C.esteira_rows_bind)))
	mapping.TableFunctionSetInit(f, unsafe.Pointer(C.esteira_told(C.esteira_rows_init)))
	mapping.TableFunctionSetFunction(f, unsafe.Pointer(C.esteira_asked(C.esteira_rows_next)))
	if mapping.RegisterTableFunction(e.conn, f) == mapping.StateError {
		s.close()
		return nil, fault.New(fault.Internal, "the engine refuses a function")
	}
	return s, nil
}

func (s *rowSource) close() {
	cgo.Handle(*s.handle).Delete()
	C.free(unsafe.Pointer(s.handle))
	s.maker.close()
}

// typesOf are the engine's types of these names. The caller holds e.mu.
func (e *Engine) typesOf(ctx context.Context, names []string) (types []mapping.LogicalType, err error) {
	err = e.interruptible(ctx, func() error {
		var prepared mapping.PreparedStatement
		state := mapping.Prepare(e.conn, "SELECT CAST(NULL AS "+strings.Join(names, "), CAST(NULL AS ")+")", &prepared)
		defer mapping.DestroyPrepare(&prepared)
		if state == mapping.StateError {
			return failureText(mapping.PrepareError(prepared))
		}
		for i := range names {
			types = append(types, mapping.PreparedStatementColumnLogicalType(prepared, mapping.IdxT(i)))
		}
		return nil
	})
	return types, err
}

// sourceOf is the source whose handle the engine kept.
func sourceOf(kept unsafe.Pointer) *rowSource {
	return cgo.Handle(*(*C.uintptr_t)(kept)).Value().(*rowSource)
}

//export esteira_rows_bind
func esteira_rows_bind(told unsafe.Pointer) {
	info := mapping.BindInfo{Ptr: told}
	s := sourceOf(mapping.BindGetExtraInfo(info))
	for i, name := range s.names {
		mapping.BindAddResultColumn(info, name, s.maker.types[i])
	}
}

//export esteira_rows_init
func esteira_rows_init(told unsafe.Pointer) {
	mapping.InitSetMaxThreads(mapping.InitInfo{Ptr: told}, 1)
}

//export esteira_rows_next
func esteira_rows_next(asked, chunk unsafe.Pointer) {
	info := mapping.FunctionInfo{Ptr: asked}
	s := sourceOf(mapping.FunctionGetExtraInfo(info))
	if s.err = s.maker.make(mapping.DataChunk{Ptr: chunk}, s.next); s.err != nil {
		mapping.FunctionSetError(info, s.err.Error())
	}
}
