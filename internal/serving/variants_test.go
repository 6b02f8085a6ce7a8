package serving_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// register gives bytes the next version of a model.
func (f *followed) register(t testing.TB, data []byte) metadata.ModelVersion {
	t.Helper()
	ref, err := f.store.PutBytes(context.Background(), data, artifact.MediaTypeBundle)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.db.RegisterModel(context.Background(), metadata.RegisterModel{Name: "flights", Bundle: ref, Run: "r"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asked is the version that answers the request of that id, twice the same, and in
// which role the record says it did.
func (f *followed) asked(t testing.TB, id string) (version string) {
	t.Helper()
	body := fmt.Sprintf(`{"records":[{"distance":7,"origin":"LAX","departs":1}],"id":%q}`, id)
	for range 2 {
		status, answer, _ := f.ask(t, predictPath, body)
		got := fmt.Sprint(answer["model_version"])
		if status != 200 || version != "" && got != version {
			t.Fatalf("%s: %d, version %s after %s", id, status, got, version)
		}
		version = got
	}
	return version
}

// A canary answers its share of the keys, always the same ones, and those it had
// when the share grows; what is recorded says so.
func TestACanaryAnswersItsShare(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	canary := f.register(t, regressionBundle(t, 2000))
	had := map[string]bool{}
	const keys = 400
	for i, share := range []float64{0.2, 0.5} {
		if _, err := f.db.SetRevision(context.Background(), metadata.SetRevision{
			Endpoint: "flights", Expected: int64(1 + i), ModelName: "flights", ModelVersion: 1, Actor: "test",
			Canary: &metadata.Variant{ModelName: "flights", ModelVersion: canary.Version, Share: share},
		}); err != nil {
			t.Fatal(err)
		}
		f.reported(t, int64(2+i), metadata.ServerLive)
		n := 0
		for k := range keys {
			id := fmt.Sprint("key", k)
			byCanary := f.asked(t, id) == "2"
			if byCanary {
				n++
			} else if had[id] {
				t.Fatalf("%s left the canary when its share grew", id)
			}
			had[id] = had[id] || byCanary
		}
		// Four standard deviations of a binomial share.
		if off := math.Abs(float64(n)/keys - share); off > 4*math.Sqrt(share*(1-share)/keys) {
			t.Fatalf("%d of %d at a share of %v", n, keys, share)
		}
	}
	for _, r := range f.audited(t) {
		want := metadata.RoleLive
		if r.ModelVersion == 2 {
			want = metadata.RoleCanary
		}
		if r.Role != want || !had[r.RequestID] && r.ModelVersion == 2 {
			t.Fatalf("%+v", r)
		}
	}
}

// The header's key decides before the request's id does.
func TestAStickyKeyKeepsToItsVersion(t *testing.T) {
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	f.register(t, regressionBundle(t, 2000))
	if _, err := f.db.SetRevision(context.Background(), metadata.SetRevision{Endpoint: "flights", Expected: 1, ModelName: "flights", ModelVersion: 1, Actor: "test",
		Canary: &metadata.Variant{ModelName: "flights", ModelVersion: 2, Share: 0.5}}); err != nil {
		t.Fatal(err)
	}
	f.reported(t, 2, metadata.ServerLive)
	versions := map[string]bool{}
	for k := range 12 {
		first := ""
		for i := range 4 {
			got := f.askedWith(t, fmt.Sprint("customer", k), fmt.Sprint("request", i))
			if first == "" {
				first = got
			}
			if got != first {
				t.Fatalf("customer %d: version %s after %s", k, got, first)
			}
		}
		versions[first] = true
	}
	if len(versions) != 2 {
		t.Fatalf("12 customers at a share of one half all had %v", versions)
	}
}

func (f *followed) askedWith(t testing.TB, key, id string) string {
	t.Helper()
	body := fmt.Sprintf(`{"records":[{"distance":7,"origin":"LAX","departs":1}],"id":%q}`, id)
	req, err := http.NewRequest(http.MethodPost, f.URL+predictPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Esteira-Sticky-Key", key)
	res, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Esteira-Model-Version")
}
