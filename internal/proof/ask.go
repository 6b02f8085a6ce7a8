package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// measured requests are repeated until there are enough of them, or for so long.
const (
	measuredRequests = 200
	measuredFor      = 20 * time.Millisecond
	maxAnswer        = 64 << 20
)

// asker asks one server. Its requests come one after the other on one connection.
type asker struct {
	client *http.Client
	url    string
	q      *bundle.Questions
}

// asked asks the golden rows in both protocols, and measures. A wrong answer is
// BundleInvalid.
func asked(ctx context.Context, url string, q *bundle.Questions) (*Result, error) {
	a := &asker{client: &http.Client{Transport: &http.Transport{}}, url: url, q: q}
	defer a.client.CloseIdleConnections()
	if err := a.together(ctx); err != nil {
		return nil, err
	}
	var took []time.Duration
	for began := time.Now(); ; {
		for i := range q.Golden {
			one, err := a.alone(ctx, i)
			if err != nil {
				return nil, err
			}
			took = append(took, one)
		}
		if len(took) >= measuredRequests || time.Since(began) > measuredFor || len(q.Golden) == 0 {
			break
		}
	}
	res := &Result{Rows: len(q.Golden), Requests: len(took)}
	if slices.Sort(took); len(took) > 0 {
		res.P50US, res.P99US = float64(took[len(took)/2].Microseconds()), float64(took[len(took)*99/100].Microseconds())
	}
	return res, nil
}

// alone asks golden row i as a plain record and returns what the request took.
func (a *asker) alone(ctx context.Context, i int) (time.Duration, error) {
	g := &a.q.Golden[i]
	body, err := json.Marshal(map[string]any{"records": []any{g.Record}})
	if err != nil {
		return 0, refused("golden row %d is no record: %s", i, err)
	}
	var answer struct {
		Predictions []struct {
			Prediction    *float64           `json:"prediction"`
			Label         string             `json:"label"`
			Probabilities map[string]float64 `json:"probabilities"`
		} `json:"predictions"`
	}
	began := time.Now()
	if err := a.post(ctx, "/v1/endpoints/"+endpoint+"/predict", body, &answer); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if len(answer.Predictions) != 1 {
		return 0, refused("the server answers golden row %d with %d predictions", i, len(answer.Predictions))
	}
	p := answer.Predictions[0]
	var outputs []float64
	if classes := a.classes(); classes == nil && p.Prediction != nil {
		outputs = []float64{*p.Prediction}
	} else {
		for _, class := range classes {
			if v, ok := p.Probabilities[class]; ok {
				outputs = append(outputs, v)
			}
		}
	}
	return took, a.compare(i, outputs, p.Label)
}

// together asks all golden rows in one request of the Open Inference Protocol.
func (a *asker) together(ctx context.Context) error {
	type tensor struct {
		Name     string `json:"name"`
		Shape    []int  `json:"shape"`
		Datatype string `json:"datatype"`
		Data     []any  `json:"data"`
	}
	n := len(a.q.Golden)
	records := make([]map[string]any, n)
	for i := range records {
		records[i] = a.q.Golden[i].Record
	}
	rows, err := bundle.FrameFromRecords(a.q.Signature, records)
	if err != nil {
		return refused("the golden rows are no request: %s", err)
	}
	var inputs []tensor
	for j := range rows.Columns {
		c := &rows.Columns[j]
		t := tensor{Name: c.Name, Shape: []int{n}, Datatype: map[frame.Kind]string{frame.Number: "FP64", frame.Text: "BYTES", frame.Time: "INT64"}[c.Kind], Data: make([]any, n)}
		for i := range n {
			switch {
			case c.Missing(i):
			case c.Kind == frame.Text:
				t.Data[i] = c.Dict[c.Codes[i]]
			case c.Kind == frame.Time:
				t.Data[i] = c.Times[i]
			default:
				t.Data[i] = c.Numbers[i]
			}
		}
		inputs = append(inputs, t)
	}
	body, err := json.Marshal(map[string]any{"inputs": inputs})
	if err != nil {
		return refused("the golden rows are no tensors: %s", err)
	}
	var answer struct {
		Outputs []struct {
			Name string          `json:"name"`
			Data json.RawMessage `json:"data"`
		} `json:"outputs"`
	}
	if err := a.post(ctx, "/v2/models/"+endpoint+"/infer", body, &answer); err != nil {
		return err
	}
	var numbers []float64
	labels := make([]string, n)
	for _, o := range answer.Outputs {
		var into any = &numbers
		if o.Name == "label" {
			into = &labels
		}
		if err := json.Unmarshal(o.Data, into); err != nil {
			return refused("the server answers output %q with what is none: %s", fault.Clip(o.Name, maxQuoted), err)
		}
	}
	width := max(1, len(a.classes()))
	if len(numbers) != n*width || len(labels) != n {
		return refused("the server answers %d rows with %d values and %d labels", n, len(numbers), len(labels))
	}
	for i := range n {
		if err := a.compare(i, numbers[i*width:(i+1)*width], labels[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *asker) classes() []string {
	for _, o := range a.q.Signature.Outputs {
		if o.Classes != nil {
			return o.Classes
		}
	}
	return nil
}

// compare holds an answer against the one the bundle promises for golden row i.
func (a *asker) compare(i int, outputs []float64, label string) error {
	g := &a.q.Golden[i]
	if len(outputs) != len(g.Outputs) {
		return refused("the server answers golden row %d with %d values, and the bundle promises %d", i, len(outputs), len(g.Outputs))
	}
	for k, v := range outputs {
		if !bundle.Close(g.Outputs[k], v, a.q.Tolerance) {
			return refused("the server answers golden row %d with %v, and the bundle promises %v", i, v, g.Outputs[k])
		}
	}
	if label != g.Label && !bundle.Tied(outputs, a.q.Tolerance) {
		return refused("the server answers golden row %d with %q, and the bundle promises %q", i, fault.Clip(label, maxQuoted), fault.Clip(g.Label, maxQuoted))
	}
	return nil
}

func (a *asker) post(ctx context.Context, path string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable: // its own disk, not the bundle
		return fault.New(fault.AuditUnavailable, "the server of a proof cannot write its audit records: %s", fault.Clip(string(text), maxQuoted)).WithRemedy("free space in ESTEIRA_CACHE_DIR of the worker, or where an import keeps temporary files")
	default:
		return refused("the server answers a golden row with status %d: %s", response.StatusCode, fault.Clip(string(text), maxQuoted))
	}
	if err := json.Unmarshal(text, into); err != nil {
		return refused("the server's answer is no JSON: %s", err)
	}
	return nil
}
