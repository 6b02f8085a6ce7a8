package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds of one request from the command line.
const (
	maxRequest     = 64 << 20
	predictTimeout = time.Minute
)

func (a *app) predictCommand() *cobra.Command {
	var data, path string
	c := &cobra.Command{
		Use:   "predict ENDPOINT",
		Short: "Ask an endpoint for predictions",
		Long: "predict sends records to the prediction server and prints its answers, each with the id that trace\n" +
			"takes. Records are one JSON object of columns, an array of them, or {\"records\": […]}; from --data,\n" +
			"from --file, or from standard input.",
		Example: "  esteira predict penguins --data '{\"island\": \"Dream\", \"beak_length_mm\": 49.0}'\n" +
			"  esteira predict flights < examples/flights/request.json",
		Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := a.input(data, path)
			if err != nil {
				return err
			}
			body, err := asRecords(input)
			if err != nil {
				return err
			}
			answer, err := a.predict(cmd.Context(), args[0], body)
			if err != nil {
				return err
			}
			return a.print(answer, func() { a.printAnswer(answer) })
		},
	}
	c.Flags().StringVar(&data, "data", "", "the records, as JSON")
	c.Flags().StringVar(&path, "file", "", "a file with the records")
	c.MarkFlagsMutuallyExclusive("data", "file")
	return c
}

func (a *app) input(data, path string) ([]byte, error) {
	from := a.in
	switch {
	case data != "":
		return []byte(data), nil
	case path != "":
		f, err := os.Open(path)
		if err != nil {
			return nil, usage("--file %s cannot be read: %s", plain(path), cause(err)).WithRemedy("name a file of JSON records")
		}
		defer func() { _ = f.Close() }()
		from = f
	default:
		if f, ok := a.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return nil, usage("there are no records").WithRemedy("give them with --data or --file, or on standard input")
		}
	}
	input, err := io.ReadAll(io.LimitReader(from, maxRequest+1))
	if err != nil {
		return nil, usage("the records cannot be read: %s", cause(err)).WithRemedy("name a file of JSON records")
	}
	if len(input) > maxRequest {
		return nil, usage("the records are larger than 64 MiB").WithRemedy("send them in parts")
	}
	return input, nil
}

func cause(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// asRecords wraps an object or an array as the body the server takes. Values are
// passed on as written, so that no number changes.
func asRecords(input []byte) ([]byte, error) {
	remedy := `write {"column": value, …}, an array of such objects, or {"records": […]}`
	if !json.Valid(input) {
		var v any
		return nil, usage("the records are not JSON: %s", json.Unmarshal(input, &v)).WithRemedy("%s", remedy)
	}
	trimmed := bytes.TrimSpace(input)
	switch trimmed[0] {
	case '[':
		return append(append([]byte(`{"records":`), trimmed...), '}'), nil
	case '{':
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(trimmed, &whole); err == nil && len(whole["records"]) > 0 && whole["records"][0] == '[' {
			return trimmed, nil
		}
		return append(append([]byte(`{"records":[`), trimmed...), "]}"...), nil
	}
	return nil, usage("the records are not objects").WithRemedy("%s", remedy)
}

// answered is the server's answer, each prediction with the id trace takes.
type answered struct {
	Endpoint     string       `json:"endpoint"`
	ModelName    string       `json:"model_name"`
	ModelVersion int          `json:"model_version"`
	Revision     int64        `json:"revision"`
	Predictions  []prediction `json:"predictions"`
}

type prediction struct {
	ID            string             `json:"prediction_id"`
	Prediction    *float64           `json:"prediction,omitempty"`
	Label         *string            `json:"label,omitempty"`
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
}

// UnmarshalJSON reads the server's form, where the id of a prediction is "id".
func (p *prediction) UnmarshalJSON(data []byte) error {
	type form prediction
	with := struct {
		*form
		ID string `json:"id"`
	}{form: (*form)(p)}
	if err := json.Unmarshal(data, &with); err != nil {
		return err
	}
	p.ID = with.ID
	return nil
}

func (a *app) predict(ctx context.Context, endpoint string, body []byte) (answered, error) {
	var out answered
	c, err := a.config()
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, predictTimeout)
	defer cancel()
	address := strings.TrimSuffix(c.ServerAddress, "/") + "/v1/endpoints/" + url.PathEscape(endpoint) + "/predict"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return out, fault.Wrap(err, fault.ConfigInvalid, "ask the prediction server").WithRemedy("check ESTEIRA_SERVER_ADDRESS")
	}
	request.Header.Set("Content-Type", "application/json")
	if secret := c.Token.Reveal(); secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return out, fault.Wrap(unwrapURL(err), fault.DeploymentFailed, "the prediction server at %s does not answer", c.ServerAddress).
			WithRemedy("start it with esteira-server, or set ESTEIRA_SERVER_ADDRESS")
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, 2*maxRequest))
	if err != nil {
		return out, fault.Wrap(err, fault.DeploymentFailed, "the prediction server's answer broke off").WithRemedy("ask again")
	}
	if answer.StatusCode != http.StatusOK {
		return out, refusal(answer.StatusCode, data)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		return out, fault.Wrap(err, fault.DeploymentFailed, "what answers at %s is not a prediction server", c.ServerAddress).WithRemedy("check ESTEIRA_SERVER_ADDRESS")
	}
	return out, nil
}

// refusal is the error in a server's answer.
func refusal(status int, data []byte) error {
	var said struct {
		Error  json.RawMessage `json:"error"`
		Kind   fault.Kind      `json:"kind"`
		Remedy string          `json:"remedy"`
	}
	kind, message := fault.RequestInvalid, http.StatusText(status)
	if status >= 500 {
		kind = fault.DeploymentFailed
	}
	if json.Unmarshal(data, &said) == nil {
		var text string
		var inside told
		switch {
		case json.Unmarshal(said.Error, &text) == nil:
			message = text
		case json.Unmarshal(said.Error, &inside) == nil && inside.Message != "":
			message, said.Kind, said.Remedy = inside.Message, inside.Kind, inside.Remedy
		}
		if said.Kind != "" {
			kind = said.Kind
		}
	}
	return fault.New(kind, "%s (HTTP %d)", message, status).WithRemedy("%s", said.Remedy)
}

func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (a *app) printAnswer(answer answered) {
	rows := [][]string{}
	header := []string{"PREDICTION", "ID"}
	for _, p := range answer.Predictions {
		row := []string{number(p.Prediction), p.ID}
		if p.Label != nil {
			header = []string{"LABEL", "PROBABILITIES", "ID"}
			var shares []string
			for _, class := range sortedKeys(p.Probabilities) {
				shares = append(shares, fmt.Sprintf("%s %.4f", class, p.Probabilities[class]))
			}
			row = []string{*p.Label, strings.Join(shares, ", "), p.ID}
		}
		rows = append(rows, row)
	}
	a.rows(header, rows)
	a.say("\n%s %d, revision %d of endpoint %s", answer.ModelName, answer.ModelVersion, answer.Revision, answer.Endpoint)
	if len(answer.Predictions) > 0 {
		a.say("Where it comes from: esteira trace %s", answer.Predictions[0].ID)
	}
}
