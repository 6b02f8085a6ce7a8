package main

import (
	"fmt"
	"math"
)

// lane is a row under the plot: what happened when.
type lane struct {
	name  string
	spans []span
}

// span is one thing that lasted.
type span struct {
	class    string
	from, to float64
	words    string // inside, if there is room
	tip      string
}

const narrowest = 7.0 // of a span, so that it is seen

func (l lane) draw(b *svg, s scale, y float64) {
	b.text(left-10, y+14, "end", "soft", l.name)
	b.line("grid", left, y+24, right, y+24)
	for _, p := range l.spans {
		if p.from > s.to || p.to < s.from {
			continue
		}
		x := min(s.x(p.from), s.x(s.to)-narrowest)
		w := max(s.x(p.to)-x, narrowest)
		b.box(p.class, x, y, w, 18, p.tip)
		if p.words != "" && w > 9*float64(len(p.words)) {
			b.text(x+w/2, y+14, "middle", "inside", p.words)
		}
	}
}

// lanes are alerts of each kind, retrainings, canaries and the version that is live.
func (y *year) lanes() []lane {
	var out []lane
	for _, kind := range []struct{ kind, name string }{{"performance", "loss of accuracy"}, {"prediction_drift", "drift of answers"}, {"data_drift", "drift of columns"}} {
		if spans := y.open(kind.kind); len(spans) > 0 {
			out = append(out, lane{kind.name, spans})
		}
	}
	var runs, canaries, live []span
	for _, r := range y.Retrainings {
		class := map[string]string{"deployed": "promoted", "": "canary"}[r.Decision]
		if class == "" {
			class = "stays"
		}
		runs = append(runs, span{class, r.Begun, r.Ended, "", fmt.Sprintf("%s to %s, asked for by %s: %s", date(r.Begun), date(r.Ended), r.Trigger, r.outcome())})
	}
	at := float64(y.Weeks[0].Week - 1)
	version := "v" + y.first()
	for _, r := range y.Rollouts {
		canaries = append(canaries, span{"canary", r.From, r.To, "", fmt.Sprintf("%s to %s: %s answered %d flights as a canary, then %s", date(r.From), date(r.To), r.Model, r.Canaries, r.State)})
		if r.State == "live" {
			live = append(live, span{"live", at, r.To, version, version + " is live"})
			at, version = r.To, "v"+r.number()
		}
	}
	live = append(live, span{"live", at, math.Inf(1), version, version + " is live"})
	return append(out, lane{"retraining", runs}, lane{"canary", canaries}, lane{"live", live})
}

// open are the spans in which alerts of a kind were open, one a subject.
func (y *year) open(kind string) []span {
	var out []span
	since := map[string]alertOf{}
	end := func(a alertOf, to float64) {
		subject := a.Subject
		if subject != "" {
			subject += ": "
		}
		out = append(out, span{a.Severity, a.At, to, "", fmt.Sprintf("%s to %s, %s%s", date(a.At), date(min(to, 52)), subject, a.Message)})
	}
	for _, a := range y.Alerts {
		if a.Kind != kind {
			continue
		}
		switch a.Change {
		case "opened":
			since[a.Subject] = a
		case "resolved":
			if begun, ok := since[a.Subject]; ok {
				end(begun, a.At)
				delete(since, a.Subject)
			}
		}
	}
	for _, a := range since {
		end(a, math.Inf(1))
	}
	return out
}

// first is the version that answered first.
func (y *year) first() string {
	for v := range y.Weeks[0].By {
		return fmt.Sprint(v)
	}
	return ""
}

// outcome is how a retraining ended, in a few words.
func (r retraining) outcome() string {
	switch r.Decision {
	case "":
		return "still under way when the year is over"
	case "deployed":
		return "promoted, " + r.Model + " is live"
	case "rejected":
		return "not better, the champion stays"
	}
	return r.Decision
}
