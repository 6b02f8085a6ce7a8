package serving_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/telemetry"
)

// shadowed is a server whose live version adds 1000 and whose shadow adds 2000.
func shadowed(t *testing.T, share float64) *followed {
	t.Helper()
	f := follow(t)
	f.deploy(t, regressionBundle(t, 1000), 0)
	m := f.register(t, regressionBundle(t, 2000))
	if _, err := f.db.SetRevision(context.Background(), metadata.SetRevision{Endpoint: "flights", Expected: 1, ModelName: "flights", ModelVersion: 1, Actor: "test",
		Shadow: &metadata.Variant{ModelName: m.Name, ModelVersion: m.Version, Share: share}}); err != nil {
		t.Fatal(err)
	}
	f.reported(t, 2, metadata.ServerLive)
	return f
}

// The shadow's answers are recorded beside those that were sent, one for one, and
// reach nobody; what waits when the server stops is scored first.
func TestAShadowAnswersBesideTheLiveVersion(t *testing.T) {
	f := shadowed(t, 1)
	const requests = 30
	for i := range requests {
		body := fmt.Sprintf(`{"records":[{"distance":%d,"origin":"LAX","departs":1},{"distance":%d,"origin":"JFK","departs":1}],"id":"r%d"}`, i, i+1, i)
		path := predictPath
		if i%2 == 1 {
			path = "/v2/models/flights/infer"
			body = fmt.Sprintf(`{"id":"r%d","inputs":[{"name":"distance","shape":[2],"datatype":"FP64","data":[%d,%d]},{"name":"origin","shape":[2],"datatype":"BYTES","data":["LAX","JFK"]},{"name":"departs","shape":[2],"datatype":"INT64","data":[1,1]}]}`, i, i, i+1)
		}
		status, answer, header := f.ask(t, path, body)
		if status != 200 || header.Get("Esteira-Model-Version") != "1" {
			t.Fatal(status, answer)
		}
	}
	if err := f.handler.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := f.handler.Mirrored(); got.Scored != 2*requests || got.Failed+got.Dropped != 0 {
		t.Fatalf("%+v", got)
	}
	metrics, w := telemetry.NewMetrics(), httptest.NewRecorder()
	metrics.Watch(f.spool.Health, f.handler, f.table)
	metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{`esteira_shadow_rows_total{result="scored"} 60`, `esteira_shadow_rows_total{result="failed"} 0`, `esteira_shadow_rows_total{result="dropped"} 0`} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	answered, scored := map[uuid.UUID]audit.Record{}, map[uuid.UUID]audit.Record{}
	for _, r := range f.audited(t) {
		switch r.Role {
		case metadata.RoleShadow:
			scored[r.ShadowOf] = r
		default:
			answered[r.ID] = r
		}
	}
	if len(answered) != 2*requests || len(scored) != 2*requests {
		t.Fatal(len(answered), len(scored))
	}
	value := func(r audit.Record) (x float64) {
		if _, err := fmt.Sscanf(string(r.Outputs), `{"prediction":%g}`, &x); err != nil {
			t.Fatal(string(r.Outputs), err)
		}
		return x
	}
	for id, live := range answered {
		shadow := scored[id]
		if math.Abs(value(shadow)-value(live)-1000) > 1e-6 || shadow.RequestID != live.RequestID || shadow.Revision != 2 || shadow.ModelVersion != 2 || shadow.Status != 200 || live.Role != metadata.RoleLive {
			t.Fatalf("%+v\n%+v", live, shadow)
		}
	}
}

func TestAShadowIsGivenItsShare(t *testing.T) {
	const share, requests = 0.3, 400
	f := shadowed(t, share)
	for i := range requests {
		if status, answer, _ := f.ask(t, predictPath, fmt.Sprintf(`{"records":[{"distance":7,"origin":"LAX","departs":1}],"id":"r%d"}`, i)); status != 200 {
			t.Fatal(answer)
		}
	}
	if err := f.handler.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	n := float64(f.handler.Mirrored().Scored)
	// Four standard deviations of a binomial share.
	if off := math.Abs(n/requests - share); off > 4*math.Sqrt(share*(1-share)/requests) {
		t.Fatalf("%v of %d at a share of %v", n, requests, share)
	}
}

// A refused request is no question to anybody.
func TestAShadowIsNotAskedWhatWasRefused(t *testing.T) {
	f := shadowed(t, 1)
	if status, _, _ := f.ask(t, predictPath, `{"records":[{"distance":"far"}]}`); status != 400 {
		t.Fatal(status)
	}
	if err := f.handler.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := f.audited(t); len(got) != 1 || f.handler.Mirrored().Scored != 0 {
		t.Fatalf("%+v", got)
	}
}
