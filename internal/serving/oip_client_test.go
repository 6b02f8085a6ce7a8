package serving_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/serving"
)

// A client of the Open Inference Protocol that was not written here is answered over
// HTTP, in JSON and in bytes, and over gRPC, and is refused as it expects.
func TestTritonsClientIsAnswered(t *testing.T) {
	s := newServer(t, serving.Limits{}, regressionBundle(t, 1000))
	out, err := exec.Command("../../deploy/oip-client.sh", strings.TrimPrefix(s.URL, "http://"), s.dial(t).Target()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Of each transport 2 × 2 rows and 2 explained, and 4 refusals; 2 rows in JSON.
	answered, refused := 0, 0
	for _, r := range s.audited(t) {
		if r.Status == 200 {
			answered++
		} else {
			refused++
		}
	}
	if answered != 14 || refused != 8 {
		t.Fatalf("%d answers and %d refusals are recorded", answered, refused)
	}
}
