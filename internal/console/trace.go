package console

import (
	"context"
	"strings"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/trace"
)

type tracePage struct {
	ID   string
	Tree *trace.Node
}

func (c *Console) trace(ctx context.Context, v *visit) (*view, error) {
	id := strings.TrimSpace(metadata.Clean(v.URL.Query().Get("id")))
	p := &tracePage{ID: id}
	shown := &view{Title: "Trace a prediction", Kicker: "Audit", page: "trace", active: "trace", UI: c.UI("", ""), Commands: []string{"esteira trace PREDICTION", "esteira audit query --endpoint ENDPOINT"}, Body: p}
	if id == "" {
		return shown, nil
	}
	t, err := c.Trace(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := c.may(v.secret, t.Prediction.Endpoint, audits); err != nil {
		return nil, err
	}
	p.Tree = trace.Back(t)
	shown.Commands[0] = "esteira trace " + t.Prediction.ID.String()
	shown.Commands[1] = "esteira audit query --endpoint " + t.Prediction.Endpoint
	if t.Run != nil {
		shown.UI = c.UI(t.Run.ID, t.Run.TemporalRunID)
	}
	return shown, nil
}
