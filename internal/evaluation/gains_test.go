package evaluation_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/model"
)

func TestThePageShowsGainsBesidePermutation(t *testing.T) {
	page := func(gains []model.Gain) string {
		o := planted(500, 3, nowhere)
		o.Contenders[1].Gains = gains
		var b bytes.Buffer
		if err := judged(t, o).HTML(&b, "p"); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	got := page([]model.Gain{{Feature: "hour of day", Share: 0.875, Splits: 7}, {Feature: "carrier", Share: 0.125, Splits: 1}})
	permutation, gain, end := strings.Index(got, "Permutation importance: mean"), strings.Index(got, "Gain: the share of the loss"), strings.Index(got, "Partial dependence: the mean")
	if permutation < 0 || gain < permutation || end < gain {
		t.Fatalf("at %d, %d and %d", permutation, gain, end)
	}
	for _, want := range []string{"hour of day", "87.5 %", "carrier", "12.5 %"} {
		if !strings.Contains(got[permutation:end], want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page(nil), "Gain: the share") {
		t.Error("a model that is no trees has gains")
	}
}
