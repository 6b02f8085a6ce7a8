package artifact_test

import (
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestADigestAloneLeadsToItsReference(t *testing.T) {
	store := testenv.Store(t)
	want, err := store.PutBytes(t.Context(), []byte("<p>a report</p>"), artifact.MediaTypeHTML)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Stat(t.Context(), want.Digest)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	for _, digest := range []string{strings.Repeat("0", 64), "../../etc/passwd", ""} {
		if _, err := store.Stat(t.Context(), digest); fault.KindOf(err) != fault.ArtifactMissing {
			t.Errorf("%q: %v", digest, err)
		}
	}
}
