package serving

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestThoseOfOneMomentWaitTogetherAndNobodyTooShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p patience
		first := p.lasting(8 * time.Second)
		time.Sleep(999 * time.Millisecond) // of a clock that is the test's own
		if p.lasting(8*time.Second) != first {
			t.Error("two of one moment do not wait together")
		}
		time.Sleep(time.Millisecond)
		second := p.lasting(8 * time.Second)
		if second == first {
			t.Error("one context for two moments")
		}
		time.Sleep(8 * time.Second)
		synctest.Wait()
		if first.Err() == nil || second.Err() != nil {
			t.Errorf("after the patience of the first: %v and %v", first.Err(), second.Err())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if second.Err() == nil {
			t.Error("the second waits for ever")
		}
	})
}
