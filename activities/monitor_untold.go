package activities

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/alert"
	"github.com/esteira-ml/esteira/internal/notify"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Bounds of telling what could not be told.
const (
	toldWithin = 72 * time.Hour // of an alert; then the log is told, and nobody else
	toldAgain  = 50             // alerts of one run; the others are tried in the next
)

// UntoldAlertsParams are an endpoint and the channels of its file.
type UntoldAlertsParams struct {
	Pipeline string             `json:"pipeline"`
	Endpoint string             `json:"endpoint"`
	Notify   []pipeline.Channel `json:"notify"`
	Now      time.Time          `json:"now"`
}

// Telling is one event that one channel is to be told of.
type Telling struct {
	Alert string `json:"alert"` // id
	Place int    `json:"place"` // of the channel in the file
}

// UntoldAlertsResult are what earlier runs could not tell, the most severe first, and
// how many alerts are told to the log alone because they are too old.
type UntoldAlertsResult struct {
	Tellings []Telling `json:"tellings,omitempty"`
	GivenUp  int       `json:"given_up,omitempty"`
}

// UntoldAlerts lists what earlier runs could not tell. An alert of which a channel was
// not told within three days is given up: the log says so, and it is shown beside it. A
// channel that the file has no longer is waited for as long.
func (a *Activities) UntoldAlerts(ctx context.Context, p UntoldAlertsParams) (*UntoldAlertsResult, error) {
	over, err := a.DB.GiveUpTelling(ctx, p.Endpoint, p.Now.Add(-toldWithin))
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	for _, stored := range over {
		var e alert.Event
		if err := json.Unmarshal(stored.Event, &e); err != nil {
			a.Log.Error().Str("alert", stored.ID).Err(err).Msg("an alert that is given up cannot be read")
			continue
		}
		m := notify.FromEvent(p.Pipeline, p.Endpoint, e, "", nil)
		a.Log.Error().Str("endpoint", p.Endpoint).Str("alert", stored.ID).Str("channels", strings.Join(stored.GivenUp, ", ")).Time("window", stored.Window).
			Msg("given up after " + toldWithin.String() + ": " + m.Title + ": " + m.Text)
	}
	list, err := a.DB.Untold(ctx, p.Endpoint, toldAgain)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	res := &UntoldAlertsResult{GivenUp: len(over)}
	for _, stored := range list {
		for place, c := range p.Notify {
			if slices.Contains(stored.Untold, channelName(place, c)) {
				res.Tellings = append(res.Tellings, Telling{stored.ID, place})
			}
		}
	}
	return res, nil
}
