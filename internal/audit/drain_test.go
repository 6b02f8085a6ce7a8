package audit

import (
	"runtime"
	"testing"
)

// A busy server drains ten times a second: each must read into the room of the last.
func TestADrainReadsIntoTheRoomOfTheLast(t *testing.T) {
	s := openSpool(t, Options{Dir: t.TempDir()})
	d := NewDrainer(DrainerOptions{Spool: s, Sink: discard{}})
	drainOne := func() {
		appendAll(t, s, newRecord(t))
		if err := d.DrainAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	drainOne()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 20
	for range times {
		drainOne()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 64<<10 {
		t.Errorf("a drain of one record allocated %d bytes", each)
	}
	if got := s.Health().Drained; got != times+1 {
		t.Errorf("%d records drained, want %d", got, times+1)
	}
}
