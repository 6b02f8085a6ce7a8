package source

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
)

// bounded fetches an address under bounds of the test.
func bounded(t *testing.T, a address) (Fetched, string, error) {
	t.Helper()
	a.client, a.wait, a.unpacker = newClient(true), time.Millisecond, unpacker{format: "csv"}
	dir := t.TempDir()
	got, err := a.Fetch(t.Context(), Part{Name: a.url, Location: a.url, Size: -1}, dir)
	return got, filepath.Join(dir, "raw"), err
}

func TestAnAddressThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Length", fmt.Sprint(int64(maxBody)+1))
		fmt.Fprint(w, table)
	})
	_, raw, err := bounded(t, address{url: url})
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, fmt.Sprintf("more than %d bytes", int64(maxBody)))
	require.EqualValues(t, 1, asked.Load(), "it is as large the next time")
	require.NoFileExists(t, raw)
}

// The server says no length and sends for ever.
func TestAnAddressThatNeverEndsIsBoundedBySize(t *testing.T) {
	const most = 1 << 20
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	_, raw, err := bounded(t, address{url: url, most: most})
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "more than 1048576 bytes, the bound of one part of a source")
	info, err := os.Stat(raw)
	require.NoError(t, err)
	require.EqualValues(t, most+1, info.Size(), "nothing past the bound reached the disk")

	exact := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // no length is said
		_, _ = io.WriteString(w, table)
	})
	got, _, err := bounded(t, address{url: exact, most: int64(len(table))})
	require.NoError(t, err, "as much as the bound is not beyond it")
	require.EqualValues(t, len(table), got.Size)
}

// drip sends a byte now and then, never too long after the one before.
func drip(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte("x")); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		<-tick.C
	}
}

func TestAnAddressThatNeverEndsIsBoundedByTime(t *testing.T) {
	var asked atomic.Int32
	dripping := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); drip(w, r) })
	_, _, err := bounded(t, address{url: dripping, within: 100 * time.Millisecond})
	f := kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "took longer than 100ms")
	require.EqualValues(t, 1, asked.Load(), "the bound is of all attempts together")

	failing := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	a := address{url: failing, within: 100 * time.Millisecond, client: newClient(true), wait: time.Hour}
	_, err = a.Fetch(t.Context(), Part{Name: failing, Location: failing}, t.TempDir())
	f = kind(t, fault.ResourceExhausted, err)
	require.Contains(t, f.Message, "took longer than 100ms", "the waits between attempts count too")
}

func TestAnAddressWhoseBodyStandsStillIsTriedAgain(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			_, _ = io.WriteString(w, table[:3])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, table)
	})
	got, _, err := bounded(t, address{url: url, still: 50 * time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, table, text(t, got.Path), "nothing is left of the half that came")
	require.EqualValues(t, 3, asked.Load())

	stuck := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	_, _, err = bounded(t, address{url: stuck, still: 20 * time.Millisecond})
	kind(t, fault.SourceUnavailable, err)
	require.ErrorContains(t, err, "no byte arrived for 20ms")
}
