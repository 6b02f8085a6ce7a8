package activities

import (
	"context"
	"slices"
	"time"
)

// overtakenWithin is how long after its end a window is counted again: a server that
// could not reach Postgres, or whose clock is behind, records its answers late. Of
// windows longer than an hour the hours that are kept tell without counting, so that
// these are looked at for as long as labels of them may come.
const overtakenWithin = 6 * time.Hour

// overtaken adds the windows of which requests came after they were computed.
func (a *Activities) overtaken(ctx context.Context, p PlanWindowsParams, res *PlanWindowsResult) error {
	within := max(overtakenWithin, 2*p.Monitor.Length())
	if p.Monitor.Length() > time.Hour {
		within = max(within, p.Monitor.LateBy())
	}
	after := p.Now.Add(-within)
	list, err := a.DB.OvertakenWindows(ctx, p.Endpoint, after, p.Most+1)
	if err != nil {
		return err
	}
	for _, w := range list {
		if slices.ContainsFunc(res.Late, func(d Due) bool { return d.Begins.Equal(w.Begins) }) {
			continue
		}
		if len(res.Late) == p.Most {
			res.More = true
			break
		}
		res.Late = append(res.Late, Due{w.Begins, w.Ends, w.Computed + 1, "requests came after it was computed"})
	}
	slices.SortFunc(res.Late, func(x, y Due) int { return x.Begins.Compare(y.Begins) })
	return nil
}

// dueOfRows adds the windows of monitor.rows answers that are full. One begins where
// the one before ends and ends just after the answer that fills it; answers of the
// same microsecond stay together. Once it is computed its interval stays: computed again
// for requests that came late, it has more answers than monitor.rows.
func (a *Activities) dueOfRows(ctx context.Context, p PlanWindowsParams, horizon time.Time, res *PlanWindowsResult) error {
	last, err := a.DB.Windows(ctx, p.Endpoint, 1)
	if err != nil {
		return err
	}
	var next time.Time
	if len(last) > 0 {
		next = last[0].Ends
	} else if first, ok, err := a.DB.FirstRequest(ctx, p.Endpoint, horizon); err != nil || !ok {
		return err
	} else {
		next = first
	}
	for {
		at, full, err := a.DB.AnswerAt(ctx, p.Endpoint, next, p.Now.Add(-p.Monitor.Settle()), p.Monitor.Rows)
		if err != nil || !full {
			return err
		}
		if len(res.New) == p.Most {
			res.More = true
			return nil
		}
		ends := at.Add(time.Microsecond)
		res.New = append(res.New, Due{Begins: next, Ends: ends, Computed: 1})
		next = ends
	}
}
