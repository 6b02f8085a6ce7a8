package serving

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving/oip"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
)

// flights is the model of the tests, as it is served.
func flights(t testing.TB) *served {
	t.Helper()
	b, err := bundle.Open(servingtest.Regression(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServed(&metadata.Revision{Endpoint: "flights", Revision: 7}, metadata.RoleLive, metadata.Variant{ModelName: "m", ModelVersion: 3},
		&Model{Signature: b.Signature, Predictor: p, Golden: []Golden{{}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// From rows to the bytes of the answer nothing is allocated, once the buffers are
// there; the decoder allocates its texts and the names it has seen.
func TestTheHotPathAllocatesNothingButTheDecoders(t *testing.T) {
	s := flights(t)
	r := newRows(&s.model.Signature)
	x := &exchange{served: s, rows: r, body: []byte(`{"records":[{"distance":10,"origin":"JFK","departs":1}]}`)}
	r.reset(asked{})
	if err := r.decodeRecords(x, 10); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if err := s.predict(r); err != nil {
			t.Fatal(err)
		}
		x.json = r.appendFeatures(x.json[:0], x.body, 0)
		x.json = x.appendRow(x.json, 0)
	}); n != 0 {
		t.Errorf("%v allocations from rows to answer", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		r.reset(asked{})
		if err := r.decodeRecords(x, 10); err != nil {
			t.Fatal(err)
		}
	}); n > 8 {
		t.Errorf("%v allocations in the decoder", n)
	}
}

func BenchmarkHotPath(b *testing.B) {
	s := flights(b)
	r := newRows(&s.model.Signature)
	x := &exchange{served: s, rows: r, body: []byte(`{"records":[{"distance":10,"origin":"JFK","departs":1}]}`)}
	b.ReportAllocs()
	for b.Loop() {
		r.reset(asked{})
		if err := r.decodeRecords(x, 10); err != nil {
			b.Fatal(err)
		}
		if err := s.predict(r); err != nil {
			b.Fatal(err)
		}
		x.json = x.appendRow(r.appendFeatures(x.json[:0], x.body, 0), 0)
	}
}

// One client with many requests that wait does not delay another's by more than one
// of its own; too many of one are refused; one that leaves is forgotten.
func TestTurnsAreSharedFairly(t *testing.T) {
	q := newQueue(1, 1, 50)
	first, err := q.acquire(t.Context(), time.Minute, "noisy", 1)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan string, 60)
	wait := func(name string) {
		before := q.Waiting()
		go func() {
			give, err := q.acquire(context.Background(), time.Minute, name, 1)
			if err != nil {
				served <- err.Error()
				return
			}
			served <- name
			give(1)
		}()
		for q.Waiting() == before { // until it waits
			runtime.Gosched()
		}
	}
	for range 50 {
		wait("noisy")
	}
	if _, err := q.acquire(t.Context(), time.Minute, "noisy", 1); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	wait("quiet")
	left, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := q.acquire(left, time.Minute, "gone", 1); gone <- err }()
	for q.Waiting() < 52 {
		runtime.Gosched()
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	first(1)
	at := -1
	for i := range 51 {
		if name := <-served; name == "quiet" {
			at = i
		} else if name != "noisy" {
			t.Fatal(name)
		}
	}
	if at < 0 || at > 2 {
		t.Errorf("the quiet client was number %d", at)
	}
	if give, err := q.acquire(t.Context(), time.Minute, "last", 1); err != nil || len(q.clients) != 1 {
		t.Error(err, q.clients)
	} else {
		give(1)
	}
	if q.used != 0 || len(q.clients) != 0 || q.waiting != 0 {
		t.Errorf("%+v", q)
	}
}

// A client may not hold all of what bodies share.
func TestNoClientHoldsAllOfTheMemory(t *testing.T) {
	q := newQueue(10, 5, 5)
	if _, err := q.acquire(t.Context(), time.Minute, "a", 5); err != nil {
		t.Fatal(err)
	}
	if _, err := q.acquire(t.Context(), 10*time.Millisecond, "a", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if _, err := q.acquire(t.Context(), time.Minute, "b", 5); err != nil {
		t.Fatal(err)
	}
}

// A request is not computed for a client that left or whose time is over.
func TestNobodyIsComputedForWhoLeft(t *testing.T) {
	x := &exchange{rows: &rows{}, arrived: time.Now().Add(-time.Second)}
	if err := inTime(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	x.rows.ask.timeout = time.Millisecond
	status, kind, _ := errorAnswer(nil, inTime(t.Context(), x))
	if status != 504 || kind != fault.DeadlineExceeded {
		t.Error(status, kind)
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if status, _, _ := errorAnswer(nil, inTime(ctx, x)); status != statusGone {
		t.Error(status)
	}
}

// Whatever bytes come as a message are rows or a refusal of the request.
func FuzzMessage(f *testing.F) {
	s := flights(f)
	for _, m := range []*oip.ModelInferRequest{
		{ModelName: "flights", Id: "x", Parameters: map[string]*oip.InferParameter{"timeout": {ParameterChoice: &oip.InferParameter_DoubleParam{DoubleParam: math.NaN()}}},
			Inputs: []*oip.ModelInferRequest_InferInputTensor{
				{Name: "distance", Datatype: "FP64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Fp64Contents: []float64{1}}},
				{Name: "origin", Datatype: "BYTES", Shape: []int64{1, 1}, Contents: &oip.InferTensorContents{BytesContents: [][]byte{[]byte("JFK")}}},
				{Name: "departs", Datatype: "INT64", Shape: []int64{1}, Contents: &oip.InferTensorContents{Int64Contents: []int64{5}}}}},
		{Inputs: []*oip.ModelInferRequest_InferInputTensor{{Name: "distance", Datatype: "UINT64", Shape: []int64{1}}}, RawInputContents: [][]byte{{1, 2, 3, 4, 5, 6, 7, 8}}},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := newRows(&s.model.Signature)
		r.reset(asked{})
		x := &exchange{body: body, rows: r, served: s}
		err := x.readTarget()
		if err == nil {
			err = r.decodeMessage(x, 10)
		}
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.RequestInvalid && kind != fault.ResourceExhausted {
				t.Fatal(err)
			}
			return
		}
		if err := s.predict(r); err != nil {
			if fault.KindOf(err) != fault.RequestInvalid && fault.KindOf(err) != fault.FeatureInvalid {
				t.Fatal(err)
			}
			return
		}
		for i := range r.frame.Rows {
			r.appendFeatures(nil, x.body, i)
		}
		x.reply()
	})
}

// So are bytes behind JSON, tables of MLflow and CSV.
func FuzzBodies(f *testing.F) {
	s := flights(f)
	f.Add([]byte(`{"inputs":[{"name":"origin","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":7}}]}`+"\x03\x00\x00\x00JFK"), 96, uint8(0))
	f.Add([]byte(`{"dataframe_split":{"columns":["departs","distance","origin"],"data":[[1,2,"a"]]}}`), 0, uint8(1))
	f.Add([]byte(`{"inputs":{"distance":[1],"origin":["a"],"departs":[null]}}`), 0, uint8(1))
	f.Add([]byte("distance,origin,departs\n1,\"a\nb\",\n"), 0, uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, head int, format uint8) {
		r := newRows(&s.model.Signature)
		r.reset(asked{})
		x := &exchange{body: body, head: max(head, 0), csv: format%3 == 2}
		decode := r.decodeTensors
		if format%3 > 0 {
			decode = r.decodeInvocation
		}
		if err := decode(x, 10); err != nil {
			if kind := fault.KindOf(err); kind != fault.RequestInvalid && kind != fault.ResourceExhausted {
				t.Fatal(err)
			}
			return
		}
		for i := range r.frame.Rows {
			if len(r.appendFeatures(nil, x.body, i)) < 2 {
				t.Fatal("a row has no features")
			}
		}
	})
}
