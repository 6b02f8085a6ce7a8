package audit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/metadata"
)

func nothing(context.Context, AnswerKey) (Stored, bool, error) { return Stored{}, false, nil }

// An answer survives the death of the server that gave it, drained or not: here it
// is still in the spool.
func TestAnswersAreRestoredFromTheSpool(t *testing.T) {
	dir := t.TempDir()
	s := openSpool(t, Options{Dir: dir})
	r := newRecord(t)
	r.AnswerHeader, r.Answer = []byte(`{"request":"r"}`), []byte("the answer")
	appendAll(t, s, newRecord(t), r, newRecord(t))
	s.Close()
	again := openSpool(t, Options{Dir: dir})
	answers := NewAnswers(1<<20, nothing)
	seen := 0
	if err := again.Undrained(context.Background(), func(records []Record) error {
		seen += len(records)
		answers.Restore(records)
		return nil
	}); err != nil || seen != 3 {
		t.Fatal(seen, err)
	}
	_, stored, err := answers.Begin(context.Background(), AnswerKey{"flights", "app", "once"}, []byte{7})
	if err != nil || stored == nil || string(stored.Body) != "the answer" {
		t.Fatalf("%+v, %v", stored, err)
	}
	m := &memory{}
	drain(t, again, m)
	if len(m.byID) != 3 {
		t.Fatalf("looking took records away: %d are left", len(m.byID))
	}
}

func TestAnswersAreBoundedInBytesAndTime(t *testing.T) {
	answers := NewAnswers(10*(overhead+100), nothing)
	key := func(i int) AnswerKey { return AnswerKey{Key: fmt.Sprint(i)} }
	at := time.Now()
	for i := range 50 {
		c, _, err := answers.Begin(context.Background(), key(i), nil)
		if err != nil {
			t.Fatal(err)
		}
		if i == 49 {
			at = at.Add(-metadata.AnswersLive - time.Second)
		}
		c.Keep(Stored{Body: make([]byte, 90), At: at})
	}
	if n := len(answers.kept); n < 5 || n > 11 || answers.bytes > answers.maxBytes {
		t.Fatalf("%d answers, %d bytes", n, answers.bytes)
	}
	if _, stored, _ := answers.Begin(context.Background(), key(48), nil); stored == nil {
		t.Fatal("the newest are forgotten")
	}
	if c, stored, _ := answers.Begin(context.Background(), key(49), nil); stored != nil || c == nil {
		t.Fatal("an answer outlives its time")
	}
}

func TestAFailedFirstLetsTheNextTry(t *testing.T) {
	answers := NewAnswers(1<<20, nothing)
	first, _, err := answers.Begin(context.Background(), AnswerKey{Key: "k"}, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan *Claim)
	go func() {
		c, _, _ := answers.Begin(context.Background(), AnswerKey{Key: "k"}, []byte{1})
		next <- c
	}()
	first.Release()
	if c := <-next; c == nil {
		t.Fatal("nobody may answer")
	}
}
