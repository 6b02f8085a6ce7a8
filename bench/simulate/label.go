package main

import (
	"slices"
	"time"
)

// What becomes of labels, of a hundred.
const (
	neverKnown = 8
	toldTwice  = 2
	corrected  = 3
)

// told is one label on its way.
type told struct {
	at       time.Duration // after the first of 2001 that it is sent
	Request  string        `json:"request_id"`
	Label    float64       `json:"label"`
	Observed string        `json:"observed_at"`
}

// fates count what was decided about labels.
type fates struct {
	Never     int `json:"never"`
	Twice     int `json:"twice"`
	Corrected int `json:"corrected"`
}

// labelsOf are the labels of the flights in the order in which they are sent: each three
// to ten days after its flight, some twice, some wrong first and right five days later,
// some never.
func labelsOf(flights []flight) ([]told, fates) {
	const day = 24 * time.Hour
	var out []told
	var sum fates
	for _, f := range flights {
		late := 3*day + time.Duration(f.fate/128%7)*day + time.Duration(f.fate/1024%24)*time.Hour
		say := func(after time.Duration, label float64) {
			known := f.At + after
			out = append(out, told{known, f.ID, label, firstDay.Add(known).Format(time.RFC3339)})
		}
		switch n := f.fate % 100; {
		case n < neverKnown:
			sum.Never++
		case n < neverKnown+toldTwice:
			sum.Twice++
			say(late, f.Delay)
			out = append(out, out[len(out)-1])
			out[len(out)-1].at += 2 * day
		case n < neverKnown+toldTwice+corrected:
			sum.Corrected++
			say(late, f.Delay+60)
			say(late+5*day, f.Delay)
		default:
			say(late, f.Delay)
		}
	}
	slices.SortStableFunc(out, func(a, b told) int { return int(a.at - b.at) })
	return out, sum
}
