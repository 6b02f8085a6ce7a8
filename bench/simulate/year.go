package main

import "strings"

// year is what came of it. Moments are weeks of the world after the first of 2001.
type year struct {
	WeekSeconds float64      `json:"week_seconds"`
	From        int          `json:"from"` // the first week of the history
	Weeks       []weekOf     `json:"weeks"`
	Changes     []changeOf   `json:"changes"`
	Alerts      []alertOf    `json:"alerts"`
	Retrainings []retraining `json:"retrainings"`
	Rollouts    []rolloutOf  `json:"rollouts"`
	Summary     summary      `json:"summary"`
}

// weekOf is one week; errors are means of |answer − truth| in minutes.
type weekOf struct {
	Week    int         `json:"week"` // from 1
	Begins  string      `json:"begins"`
	Flights int         `json:"flights"`
	With    float64     `json:"error_with_retraining"`
	Without float64     `json:"error_without"`
	By      map[int]int `json:"answers_by_version"`
}

type changeOf struct {
	From  int    `json:"from"` // week, from 1
	To    int    `json:"to"`
	Words string `json:"words"`
}

type alertOf struct {
	At       float64 `json:"at"`
	Of       float64 `json:"of"` // the end of the window that told
	Kind     string  `json:"kind"`
	Subject  string  `json:"subject,omitempty"`
	Change   string  `json:"change"`
	Severity string  `json:"severity"`
	Message  string  `json:"message"`
}

type retraining struct {
	Begun    float64 `json:"begun"`
	Ended    float64 `json:"ended"`
	Trigger  string  `json:"trigger"`
	Decision string  `json:"decision"` // "": it went on when the year was over
	Reason   string  `json:"reason"`
	Model    string  `json:"model,omitempty"`
	Run      string  `json:"run"`
}

type rolloutOf struct {
	From     float64 `json:"from"`
	To       float64 `json:"to"`
	Model    string  `json:"model"`
	State    string  `json:"state"`
	Canaries int     `json:"canary_answers"`
}

// number is the version of the model, as in "flights@3".
func (r rolloutOf) number() string { _, n, _ := strings.Cut(r.Model, "@"); return n }

// summary is the year in figures.
type summary struct {
	With           float64        `json:"mean_error_with_retraining"`
	Without        float64        `json:"mean_error_without"`
	Windows        int            `json:"windows"`
	Again          int            `json:"windows_computed_again"` // times, for labels that came late
	WindowRequests int64          `json:"window_requests"`
	Alerts         map[string]int `json:"alerts_opened"`
	FalseAlerts    int            `json:"alerts_opened_before_the_first_change"`
	Retrainings    int            `json:"retrainings"`
	Promotions     int            `json:"promotions"`
	NotBetter      int            `json:"not_better"`
	UnderWay       int            `json:"under_way_at_the_end"`
	Requests       int            `json:"requests"`
	Failed         int            `json:"failed_requests"` // without the status 200, those with labels too
	Audited        int            `json:"audited"`
	Untraceable    int            `json:"untraceable"` // answers that the log has not as they were given, or of no known run
	Labelled       int            `json:"labelled"`
	WrongLabels    int            `json:"wrong_labels"` // in force at the end, and not the truth
	Labels         fates          `json:"labels"`
	Minutes        float64        `json:"minutes"` // that the replay took
}
