package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Grouped is the change of an event that stands for several of its window, which are
// told by this one message alone.
const Grouped Change = "grouped"

// namedInGroup is how many subjects a grouped message names.
const namedInGroup = 20

// Group sorts the events of one window, the most severe first, equals by key, and
// keeps most of them to be told each by its own message. group is one event that
// counts the others and names some, as severe as the most severe of them; nil: there
// are none.
func Group(events []Event, most int) (single, members []Event, group *Event) {
	slices.SortStableFunc(events, severest)
	if len(events) <= most {
		return events, nil, nil
	}
	single, members = events[:most], events[most:]
	first := members[0]
	g := Event{Change: Grouped, Window: first.Window, Since: first.Since, Finding: Finding{Kind: string(Grouped), Severity: first.Finding.Severity, Verdict: Breached}}
	bySeverity, byChange := map[string]int{}, map[string]int{}
	var names []string
	hash := sha256.New()
	for _, e := range members {
		bySeverity[string(e.Finding.Severity)]++
		byChange[string(e.Change)]++
		if e.Since.Before(g.Since) {
			g.Since = e.Since
		}
		if kind := e.Finding.Kind; e.Change != Resolved && !slices.Contains(g.Kinds, kind) {
			g.Kinds = append(g.Kinds, kind)
		}
		if len(names) < namedInGroup {
			names = append(names, strings.TrimSpace(e.Finding.Kind+" "+e.Finding.Subject))
		}
		fmt.Fprintf(hash, "%s\x00%s\x00", e.Finding.Key, e.Change)
	}
	slices.Sort(g.Kinds)
	g.Finding.Key = string(Grouped) + "/" + hex.EncodeToString(hash.Sum(nil)[:8])
	g.Finding.Message = fmt.Sprintf("%d more alerts of this window: %s (%s): %s", len(members),
		counted(bySeverity, string(Critical), string(Warning), string(Info)), counted(byChange, string(Opened), string(Lasting), string(Resolved)), strings.Join(names, ", "))
	if left := len(members) - len(names); left > 0 {
		g.Finding.Message += fmt.Sprintf(" and %d others", left)
	}
	return single, members, &g
}

// counted lists what there is of some names: "3 critical, 20 warning".
func counted(of map[string]int, names ...string) string {
	var parts []string
	for _, name := range names {
		if n := of[name]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, name))
		}
	}
	return strings.Join(parts, ", ")
}
