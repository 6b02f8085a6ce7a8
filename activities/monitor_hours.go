package activities

import (
	"context"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/window"
)

// SummarizeHoursParams ask for the hours of an endpoint whose windows are longer.
type SummarizeHoursParams struct {
	Endpoint string           `json:"endpoint"`
	Monitor  pipeline.Monitor `json:"monitor"`
	Now      time.Time        `json:"now"`
}

// SummarizeHoursResult says how many hours were read.
type SummarizeHoursResult struct {
	Hours int `json:"hours"`
}

// SummarizeHours reads the hours that are over of the window under way, each once, so
// that it need not read them all when it ends, and forgets those that are of no window
// any more.
func (a *Activities) SummarizeHours(ctx context.Context, p SummarizeHoursParams) (*SummarizeHoursResult, error) {
	length := p.Monitor.Length()
	if length <= time.Hour {
		return &SummarizeHoursResult{}, nil
	}
	if _, err := a.DB.Endpoint(ctx, p.Endpoint); isGone(err) {
		return &SummarizeHoursResult{}, nil
	} else if err != nil {
		return nil, applicationError(ctx, err)
	}
	begins, over := p.Now.Truncate(length), p.Now.Add(-p.Monitor.Settle()).Truncate(time.Hour)
	o := opening{a, map[metadata.VersionKey]window.Model{}}
	_, left, read, err := a.summarize(ctx, o, p.Endpoint, wholeHour(begins), over)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	return &SummarizeHoursResult{Hours: read - len(left)}, nil
}

// wholeHour is the first hour that begins at a moment or after.
func wholeHour(at time.Time) time.Time {
	if hour := at.UTC().Truncate(time.Hour); hour.Before(at) {
		return hour.Add(time.Hour)
	}
	return at.UTC()
}

// opening opens the model versions of one window, each once.
type opening struct {
	*Activities
	models map[metadata.VersionKey]window.Model
}

// asked opens the model versions that answered in an interval before its requests are
// read: while they are, they hold a connection, and many windows at once that each
// wanted a second one would wait for each other for ever.
func (o opening) asked(ctx context.Context, endpoint string, from, to time.Time) error {
	keys, err := o.DB.VersionsAsked(ctx, endpoint, from, to, window.MaxVersions+1)
	switch {
	case err != nil:
		return err
	case len(keys) > window.MaxVersions:
		return window.TooManyVersions()
	}
	for _, k := range keys {
		if err := o.open(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func (o opening) open(ctx context.Context, k metadata.VersionKey) (err error) {
	if _, ok := o.models[k]; !ok {
		o.models[k], err = o.opened(ctx, k.Name, k.Version)
	}
	return err
}

// model gives the collector what is open.
func (o opening) model(name string, version int) (window.Model, error) {
	if m, ok := o.models[metadata.VersionKey{Name: name, Version: version}]; ok {
		return m, nil
	}
	return window.Model{}, fault.New(fault.SourceChanged, "version %d of model %s answered while the window was read", version, name)
}

// raw collects the requests of an interval themselves.
func (o opening) raw(ctx context.Context, c *window.Collector, endpoint string, from, to time.Time) (labelsSeen time.Time, err error) {
	if err := o.asked(ctx, endpoint, from, to); err != nil {
		return time.Time{}, err
	}
	return o.DB.EachRequest(ctx, endpoint, from, to, c.Add)
}

// summarize reads the requests of the hours in [from, to) that are not kept, or have
// changed since, and keeps what they come to. left are those that cannot be kept: not
// over, or answered by a model version that cannot be opened. labelsSeen is the latest
// arrival of a label that all know of.
func (a *Activities) summarize(ctx context.Context, o opening, endpoint string, from, to time.Time) (labelsSeen time.Time, left []time.Time, read int, err error) {
	if labelsSeen, err = a.DB.TouchLabelled(ctx, endpoint); err != nil || !from.Before(to) {
		return labelsSeen, nil, 0, err
	}
	stale, err := a.DB.StaleHours(ctx, endpoint, from, to)
	if err != nil {
		return labelsSeen, nil, 0, err
	}
	for _, hour := range stale {
		touched, err := a.DB.BeginHour(ctx, endpoint, hour)
		if err != nil {
			return labelsSeen, nil, 0, err
		}
		c := window.Collect(hour, hour.Add(time.Hour), o.model)
		if _, err := o.raw(ctx, c, endpoint, hour, hour.Add(time.Hour)); err != nil {
			return labelsSeen, nil, 0, err
		}
		h, ok, err := c.Hour()
		if err != nil {
			return labelsSeen, nil, 0, err
		}
		if ok {
			if ok, err = a.DB.SaveHour(ctx, endpoint, h, touched); err != nil {
				return labelsSeen, nil, 0, err
			}
		}
		if !ok {
			left = append(left, hour)
		}
	}
	return labelsSeen, left, len(stale), nil
}

// collectWindow gives the collector of a window its requests: those of one no longer than an
// hour themselves; of a longer one what its whole hours come to, and the requests of
// the parts of hours at its ends.
func (a *Activities) collectWindow(ctx context.Context, o opening, c *window.Collector, endpoint string, begins, ends time.Time) (labelsSeen time.Time, err error) {
	from, to := wholeHour(begins), ends.UTC().Truncate(time.Hour)
	if ends.Sub(begins) <= time.Hour || !from.Before(to) {
		return o.raw(ctx, c, endpoint, begins, ends)
	}
	labelsSeen, left, _, err := a.summarize(ctx, o, endpoint, from, to)
	if err != nil {
		return labelsSeen, err
	}
	hours, err := a.DB.Hours(ctx, endpoint, from, to)
	if err != nil {
		return labelsSeen, err
	}
	missing := map[time.Time]bool{}
	for _, hour := range left {
		missing[hour] = true
	}
	kept := hours[:0]
	for _, h := range hours {
		if !missing[h.Begins] {
			kept = append(kept, h)
		}
	}
	if err := a.DB.HourSamples(ctx, endpoint, kept, window.Levels(kept)); err != nil {
		return labelsSeen, err
	}
	for _, h := range kept {
		for _, p := range h.Parts {
			if err := o.open(ctx, metadata.VersionKey{Name: p.ModelName, Version: p.ModelVersion}); err != nil {
				return labelsSeen, err
			}
		}
		if err := c.AddHour(h); err != nil {
			return labelsSeen, err
		}
	}
	rest := [][2]time.Time{{begins, from}, {to, ends}}
	for _, hour := range left {
		rest = append(rest, [2]time.Time{hour, hour.Add(time.Hour)})
	}
	for _, r := range rest {
		if r[0].Before(r[1]) {
			if _, err := o.raw(ctx, c, endpoint, r[0], r[1]); err != nil {
				return labelsSeen, err
			}
		}
	}
	return labelsSeen, nil
}
