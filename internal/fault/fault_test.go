package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
)

func TestKindSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("collect: %w", fault.Wrap(io.ErrUnexpectedEOF, fault.SourceUnreadable, "read %s", "a.csv").WithRemedy("repair the file"))
	if got := fault.KindOf(err); got != fault.SourceUnreadable {
		t.Fatalf("kind %q", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, fault.New(fault.SourceUnreadable, "")) {
		t.Fatal("cause or kind lost")
	}
	if errors.Is(err, fault.New(fault.SourceNotFound, "")) {
		t.Fatal("another kind matched")
	}
	if want := "collect: read a.csv: unexpected EOF; repair the file"; err.Error() != want {
		t.Fatalf("got %q want %q", err, want)
	}
}

func TestOnlyOutagesAndTheUnknownAreRetried(t *testing.T) {
	if !fault.Retryable(fault.KindOf(io.EOF)) || !fault.Retryable(fault.StoreUnavailable) {
		t.Fatal("an outage or unknown error must be retried")
	}
	if fault.Retryable(fault.PipelineInvalid) {
		t.Fatal("an invalid file must not be retried")
	}
}
