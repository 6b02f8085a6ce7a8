package source

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// predictions are what an endpoint was asked, what it answered and what became
// known to be true.
type predictions struct {
	pipeline.Predictions
	db *metadata.DB
}

// logColumns are those the log adds to the features.
var logColumns = []string{"prediction_id", "prediction_at", "request_id", "model_version", "prediction", "label", "label_at", "labelled"}

func (p *predictions) List(ctx context.Context) ([]Part, error) {
	if _, err := p.db.Endpoint(ctx, p.Endpoint); err != nil {
		if fault.KindOf(err) == fault.EndpointNotFound || fault.KindOf(err) == fault.NotFound {
			return nil, fault.New(fault.SourceNotFound, "there is no endpoint %s", p.Endpoint).WithRemedy("name one of: esteira endpoints list")
		}
		return nil, err
	}
	return []Part{{Name: "predictions of " + p.Endpoint, Location: p.Endpoint, Size: -1}}, nil
}

func (p *predictions) Look(_ context.Context, part Part) (Part, error) { return part, nil }

// logged is one row as it is written; features follow it in the same object.
type logged struct {
	ID           string          `json:"prediction_id"`
	At           string          `json:"prediction_at"`
	RequestID    string          `json:"request_id"`
	ModelVersion int             `json:"model_version"`
	Prediction   json.RawMessage `json:"prediction"`
	Label        json.RawMessage `json:"label"`
	LabelAt      *string         `json:"label_at"`
	Labelled     bool            `json:"labelled"`
}

// logTime is how the log writes times.
const logTime = "2006-01-02T15:04:05.000000Z"

func (p *predictions) Fetch(ctx context.Context, part Part, dir string) (Fetched, error) {
	filter := metadata.AnswerFilter{Endpoint: p.Endpoint, Labelled: p.Labelled == "only", Versions: p.ModelVersions, ExceptVersions: p.ExcludeModelVersions}
	if span, err := time.ParseDuration(p.Since); err == nil {
		filter.Since = time.Now().Add(-span)
	}
	out := Fetched{Path: filepath.Join(dir, "predictions.json"), Format: "json", Check: func(context.Context) error { return nil }}
	f, err := os.Create(out.Path)
	if err != nil {
		return out, fault.Wrap(err, fault.ResourceExhausted, "collect %s", part.Name).WithRemedy("check the disk of the worker")
	}
	defer f.Close()
	hash := sha256.New()
	w := bufio.NewWriterSize(writing{io.MultiWriter(f, hash), part.Name}, 1<<20)
	err = p.db.EachAnswer(ctx, filter, func(row metadata.Answer) error {
		line, err := lineOf(row)
		if err != nil {
			return err
		}
		out.Size += int64(len(line))
		_, err = w.Write(line)
		return err
	})
	if err != nil {
		return out, err
	}
	if out.Size == 0 {
		return out, p.nothing()
	}
	if err := w.Flush(); err != nil {
		return out, err
	}
	out.Digest = hex.EncodeToString(hash.Sum(nil))
	return out, f.Close()
}

// nothing is the fault of a source without rows.
func (p *predictions) nothing() error {
	span, versions := "", ""
	if p.Since != "" {
		span = " in the last " + p.Since
	}
	if len(p.ModelVersions)+len(p.ExcludeModelVersions) > 0 {
		versions = " by the model versions asked for"
	}
	if p.Labelled == "only" {
		return fault.New(fault.SourceNotFound, "no label is known of what endpoint %s answered%s%s", p.Endpoint, span, versions).
			WithRemedy("send labels first (esteira labels add), or widen predictions.since")
	}
	return fault.New(fault.SourceNotFound, "endpoint %s has answered nothing%s%s", p.Endpoint, span, versions).WithRemedy("ask it first, or widen predictions.since")
}

// lineOf writes a prediction as one line of JSON: the log's own columns, then
// the features as they were sent.
func lineOf(row metadata.Answer) ([]byte, error) {
	var answer struct {
		Prediction json.RawMessage `json:"prediction"`
		Label      json.RawMessage `json:"label"`
	}
	if len(row.Outputs) > 0 {
		if err := json.Unmarshal(row.Outputs, &answer); err != nil {
			return nil, fault.Wrap(err, fault.SourceUnreadable, "the answer of prediction %s", row.ID)
		}
	}
	if answer.Prediction == nil {
		answer.Prediction = answer.Label
	}
	if answer.Prediction == nil {
		answer.Prediction = json.RawMessage("null")
	}
	own := logged{
		ID: row.ID.String(), At: row.At.Format(logTime), RequestID: row.RequestID, ModelVersion: row.ModelVersion, Prediction: answer.Prediction,
		Label: row.Label, Labelled: row.Label != nil,
	}
	if row.LabelAt != nil {
		own.LabelAt = new(row.LabelAt.Format(logTime))
	}
	line, err := json.Marshal(own)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode prediction %s", row.ID)
	}
	var features map[string]json.RawMessage
	if err := json.Unmarshal(row.Features, &features); err != nil {
		return nil, fault.Wrap(err, fault.SourceUnreadable, "the features of prediction %s", row.ID)
	}
	for _, own := range logColumns {
		for name := range features {
			if strings.EqualFold(name, own) {
				return nil, fault.New(fault.SourceUnreadable, "the endpoint has a feature named %q, as the log has", name).WithRemedy("rename the feature in dataset.sql")
			}
		}
	}
	if len(features) > 0 {
		rest, err := json.Marshal(features)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "encode prediction %s", row.ID)
		}
		line = append(append(line[:len(line)-1], ','), rest[1:]...)
	}
	return append(line, '\n'), nil
}
