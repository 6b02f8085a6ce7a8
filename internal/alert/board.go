package alert

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Board is the state of every subject of one endpoint, by key. It is kept between
// windows as JSON. The zero value is an endpoint of which nothing is known.
type Board struct {
	Subjects map[string]Subject `json:"subjects,omitempty"`
}

// Subject is the state of one key.
type Subject struct {
	Recent []Mark  `json:"recent"` // windows that could tell, the oldest first
	Last   Finding `json:"last"`   // of the latest window that could tell
	Alert  *Open   `json:"alert,omitempty"`
	// Rang is the end of the window at which people were told last that an alert of this
	// subject is open, also when it is over.
	Rang time.Time `json:"rang,omitzero"`
}

// Mark is the verdict of one window that could tell.
type Mark struct {
	End      time.Time `json:"end"` // of the window
	Breached bool      `json:"breached"`
}

// Open is an alert that is not over.
type Open struct {
	Since time.Time `json:"since"` // end of the first breached window that counted
	Told  time.Time `json:"told"`  // end of the window at which people were told last; zero: not yet
	Times int       `json:"times"` // people were told; 0: it opened again within the cool-down of what they know
}

// Change is what became of an alert.
type Change string

// The changes.
const (
	Opened   Change = "opened"
	Lasting  Change = "lasting" // told again after the cool-down
	Resolved Change = "resolved"
)

// Event is something to tell.
type Event struct {
	Change  Change    `json:"change"`
	Finding Finding   `json:"finding"`
	Since   time.Time `json:"since"`           // end of the first breached window that counted
	Window  time.Time `json:"window"`          // end of the window that told
	Of      int       `json:"of"`              // windows looked at
	Count   int       `json:"count"`           // of them breached
	Kinds   []string  `json:"kinds,omitempty"` // Grouped: of the events that are not over
}

// Open lists the findings that are alerts now, the most severe first.
func (b *Board) Open() []Finding {
	var out []Finding
	for _, key := range slices.Sorted(maps.Keys(b.Subjects)) {
		if s := b.Subjects[key]; s.Alert != nil {
			out = append(out, s.Last)
		}
	}
	slices.SortStableFunc(out, func(x, y Finding) int { return cmp.Compare(y.Severity.rank(), x.Severity.rank()) })
	return out
}

// Step takes the findings of the window that ended at end and returns what to tell,
// the most severe first, equals by key. Windows come in order; one that is computed
// again replaces its verdict, and tells only what changes by that.
func (b *Board) Step(end time.Time, findings []Finding) []Event {
	if b.Subjects == nil {
		b.Subjects = map[string]Subject{}
	}
	var events []Event
	for _, f := range findings {
		if f.Verdict == Unknown {
			continue
		}
		s := b.Subjects[f.Key]
		if e, ok := s.step(end, f); ok {
			events = append(events, e)
		}
		b.Subjects[f.Key] = s
	}
	slices.SortStableFunc(events, severest)
	return events
}

// severest puts the most severe first, equals by key.
func severest(x, y Event) int {
	return cmp.Or(cmp.Compare(y.Finding.Severity.rank(), x.Finding.Severity.rank()), cmp.Compare(x.Finding.Key, y.Finding.Key))
}

// Drop forgets the subjects that are not in keys, and resolves what was open of them:
// the file no longer asks about them.
func (b *Board) Drop(end time.Time, keys map[string]bool) []Event {
	var events []Event
	for _, key := range slices.Sorted(maps.Keys(b.Subjects)) {
		if keys[key] {
			continue
		}
		if s := b.Subjects[key]; s.Alert != nil && s.Alert.Times > 0 {
			f := s.Last
			f.Message = "is no longer watched"
			events = append(events, Event{Change: Resolved, Finding: f, Since: s.Alert.Since, Window: end})
		}
		delete(b.Subjects, key)
	}
	return events
}

func (s *Subject) step(end time.Time, f Finding) (Event, bool) {
	policy := f.Policy.normal()
	again := s.mark(Mark{End: end, Breached: f.Verdict == Breached}, policy.Of)
	latest := s.Recent[len(s.Recent)-1].End.Equal(end)
	if latest {
		s.Last = f
	}
	count, since := s.breached()
	event := Event{Finding: f, Since: since, Window: end, Of: len(s.Recent), Count: count}
	held := !s.Rang.IsZero() && end.Before(s.Rang.Add(policy.Cooldown))
	switch {
	case s.Alert == nil && count >= policy.After && held:
		s.Alert = &Open{Since: since}
		return Event{}, false
	case s.Alert == nil && count >= policy.After:
		s.Alert = &Open{Since: since}
		event.Change = Opened
	case s.Alert != nil && s.quiet(policy.After):
		known := s.Alert.Times > 0
		event.Since, event.Change = s.Alert.Since, Resolved
		s.Alert = nil
		return event, known
	case s.Alert != nil && s.Alert.Times == 0 && f.Verdict == Breached && !held:
		event.Since, event.Change = s.Alert.Since, Opened
	case s.Alert != nil && s.Alert.Times > 0 && !again && f.Verdict == Breached && !end.Before(s.Alert.Told.Add(policy.Cooldown)):
		event.Since, event.Change = s.Alert.Since, Lasting
	default:
		return Event{}, false
	}
	s.Alert.Told, s.Rang = end, end
	s.Alert.Times++
	return event, true
}

// mark puts a verdict in its place among the last of windows; again reports that
// the window was there, or is too old to count.
func (s *Subject) mark(m Mark, of int) (again bool) {
	at, found := slices.BinarySearchFunc(s.Recent, m, func(a, b Mark) int { return a.End.Compare(b.End) })
	switch {
	case found:
		s.Recent[at] = m
		again = true
	case at == 0 && len(s.Recent) >= of:
		again = true // older than all that count
	default:
		s.Recent = slices.Insert(s.Recent, at, m)
	}
	s.Recent = slices.Delete(s.Recent, 0, max(0, len(s.Recent)-of))
	return again
}

// breached counts, and tells the end of the first of them.
func (s *Subject) breached() (n int, first time.Time) {
	for _, m := range s.Recent {
		if m.Breached {
			if n == 0 {
				first = m.End
			}
			n++
		}
	}
	return n, first
}

// quiet reports whether the last n windows kept to the bounds: an alert closes as
// slowly as it opens, so that a value at its bound does not ring twice a day.
func (s *Subject) quiet(n int) bool {
	if len(s.Recent) < n {
		return false
	}
	return !slices.ContainsFunc(s.Recent[len(s.Recent)-n:], func(m Mark) bool { return m.Breached })
}
