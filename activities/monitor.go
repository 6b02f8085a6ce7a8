package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Due is one window to be computed for the Computed-th time.
type Due struct {
	Begins   time.Time `json:"begins"`
	Ends     time.Time `json:"ends"`
	Computed int       `json:"computed"`
	Why      string    `json:"why,omitempty"` // it is computed again
}

// PlanWindowsParams ask which windows of an endpoint are due.
type PlanWindowsParams struct {
	Endpoint string           `json:"endpoint"`
	Monitor  pipeline.Monitor `json:"monitor"`
	Now      time.Time        `json:"now"`
	Most     int              `json:"most"` // of each kind; more are due next time
}

// PlanWindowsResult are windows in order of time: those that were never computed,
// and those of whose answers labels have come since.
type PlanWindowsResult struct {
	Late []Due `json:"late,omitempty"`
	New  []Due `json:"new,omitempty"`
	More bool  `json:"more"`           // there are more than Most
	Gone bool  `json:"gone,omitempty"` // there is no such endpoint
	// Note says which windows were missed and are not made up for, and why.
	Note string `json:"note,omitempty"`
}

// PlanWindows says which windows are due. The first window of an endpoint holds its
// oldest request within monitor.late; before there is one, it is the last that is
// over. From then on every window is computed, with or without traffic and with one
// shorter than the others where the file's length has changed, but those
// that were missed for so long that labels no longer reach them: Note names them.
func (a *Activities) PlanWindows(ctx context.Context, p PlanWindowsParams) (*PlanWindowsResult, error) {
	res, err := a.planWindows(ctx, p)
	if isGone(err) {
		return &PlanWindowsResult{Gone: true}, nil
	}
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	if res.Note != "" {
		a.Log.Warn().Str("endpoint", p.Endpoint).Msg(res.Note)
	}
	return res, nil
}

// isGone reports whether an endpoint is not there.
func isGone(err error) bool {
	return fault.KindOf(err) == fault.EndpointNotFound || fault.KindOf(err) == fault.NotFound
}

func (a *Activities) planWindows(ctx context.Context, p PlanWindowsParams) (*PlanWindowsResult, error) {
	length := p.Monitor.Length()
	if _, err := a.DB.Endpoint(ctx, p.Endpoint); err != nil {
		return nil, err
	}
	res := &PlanWindowsResult{}
	again, err := a.DB.RelabelledWindows(ctx, p.Endpoint, p.Now.Add(-p.Monitor.LateBy()), p.Most+1)
	if err != nil {
		return nil, err
	}
	for _, w := range again {
		if len(res.Late) == p.Most {
			res.More = true
			break
		}
		res.Late = append(res.Late, Due{w.Begins, w.Ends, w.Computed + 1, "labels came after it was computed"})
	}
	if err := a.overtaken(ctx, p, res); err != nil {
		return nil, err
	}
	horizon := p.Now.Add(-p.Monitor.Horizon())
	if err := a.DB.ForgetHours(ctx, p.Endpoint, horizon.Add(-2*length)); err != nil {
		return nil, err
	}
	if p.Monitor.Rows > 0 {
		return res, a.dueOfRows(ctx, p, horizon, res)
	}
	next, err := a.firstDue(ctx, p, horizon, res)
	if err != nil {
		return nil, err
	}
	settle := p.Monitor.Settle()
	for {
		// Where the file has another length now, one shorter window leads to its grid.
		ends := next.Truncate(length).Add(length)
		if ends.Add(settle).After(p.Now) {
			break
		}
		if len(res.New) == p.Most {
			res.More = true
			break
		}
		res.New = append(res.New, Due{Begins: next, Ends: ends, Computed: 1})
		next = ends
	}
	return res, nil
}

// firstDue is where the first window begins that was not computed and is not beyond
// the horizon.
func (a *Activities) firstDue(ctx context.Context, p PlanWindowsParams, horizon time.Time, res *PlanWindowsResult) (time.Time, error) {
	length := p.Monitor.Length()
	last, err := a.DB.Windows(ctx, p.Endpoint, 1)
	if err != nil {
		return time.Time{}, err
	}
	if len(last) > 0 {
		next := last[0].Ends
		// Nobody judges windows that labels can no longer reach.
		if oldest := horizon.Truncate(length); next.Before(oldest) {
			const to = "2006-01-02 15:04"
			res.Note = fmt.Sprintf("windows were missed and are not computed, %d of %s from %s to %s: labels that come within monitor.late, %s, no longer reach them",
				(oldest.Sub(next)+length-1)/length, p.Monitor.Window, next.UTC().Format(to), oldest.UTC().Format(to), p.Monitor.Late)
			next = oldest
		}
		return next, nil
	}
	first, ok, err := a.DB.FirstRequest(ctx, p.Endpoint, horizon)
	if err != nil || ok {
		return first.Truncate(length), err
	}
	return p.Now.Add(-p.Monitor.Settle()).Truncate(length).Add(-length), nil
}

// RecentWindow is a row of the table that a monitor shows.
type RecentWindow struct {
	Begins   time.Time `json:"begins"`
	Ends     time.Time `json:"ends"`
	State    string    `json:"state"`
	Requests int64     `json:"requests"`
	Labelled int64     `json:"labelled"`
	Computed int       `json:"computed"`
	Note     string    `json:"note,omitempty"`
	Report   string    `json:"report"` // digest
}

func recent(w metadata.Window) RecentWindow {
	return RecentWindow{w.Begins, w.Ends, w.State, w.Requests, w.Labelled, w.Computed, w.Note, w.Report.Digest}
}

// RecentWindows lists the last windows of an endpoint, newest first.
func (a *Activities) RecentWindows(ctx context.Context, endpoint string) ([]RecentWindow, error) {
	list, err := a.DB.Windows(ctx, endpoint, 12)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	var out []RecentWindow
	for _, w := range list {
		out = append(out, recent(w))
	}
	return out, nil
}
