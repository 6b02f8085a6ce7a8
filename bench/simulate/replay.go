package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// clock makes seconds of weeks.
type clock struct {
	origin time.Time     // when the first of 2001 was, had the replay begun then
	week   time.Duration // that a week of the world takes
}

// real is when something happens here that happens so long after the first of 2001.
func (c clock) real(after time.Duration) time.Time {
	return c.origin.Add(time.Duration(float64(after) * float64(c.week) / float64(week)))
}

// weeks is how many weeks of the world after the first of 2001 a moment is.
func (c clock) weeks(at time.Time) float64 { return float64(at.Sub(c.origin)) / float64(c.week) }

// answer is what the endpoint said of a flight.
type answer struct {
	Status     int
	Prediction float64
	Version    int
}

// replay asks about the flights and sends their labels, each when it is due.
type replay struct {
	clock
	server, endpoint string
	client           *http.Client
	flights          []flight
	labels           []told
	answers          []answer // of flights
	refused          int      // requests with labels
}

// clients is how many requests may be under way at once.
const clients = 16

// until goes on with flights and labels that are due before a moment of the world, from
// where it stopped. What is asked is bounded by the clock alone: nothing waits for what
// the product makes of it.
func (r *replay) until(ctx context.Context, flights, labels []int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	due := make(chan int)
	for range clients {
		all.Go(func() {
			for i := range due {
				if err := r.ask(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Go(func() {
		defer close(due)
		for _, i := range flights {
			if !sleepUntil(ctx, r.real(r.flights[i].At)) {
				return
			}
			select {
			case due <- i:
			case <-ctx.Done():
				return
			}
		}
	})
	all.Go(func() {
		if err := r.tell(ctx, labels); err != nil {
			cancel(err)
		}
	})
	all.Wait()
	return context.Cause(ctx)
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *replay) ask(ctx context.Context, i int) error {
	var said struct {
		Version     int `json:"model_version"`
		Predictions []struct{ Prediction float64 }
	}
	status, err := r.post(ctx, "predict", r.flights[i].Body, &said)
	if err != nil {
		return err
	}
	r.answers[i].Status = status
	if status == http.StatusOK {
		if len(said.Predictions) != 1 {
			return fmt.Errorf("flight %s got %d answers", r.flights[i].ID, len(said.Predictions))
		}
		r.answers[i].Prediction, r.answers[i].Version = said.Predictions[0].Prediction, said.Version
	}
	return nil
}

// tell sends labels a day of the world at a time.
func (r *replay) tell(ctx context.Context, labels []int) error {
	for len(labels) > 0 {
		day := r.labels[labels[0]].at.Truncate(24*time.Hour) + 24*time.Hour
		n := 0
		for n < len(labels) && r.labels[labels[n]].at < day && n < 5000 {
			n++
		}
		batch := make([]told, n)
		for k := range batch {
			batch[k] = r.labels[labels[k]]
		}
		labels = labels[n:]
		if !sleepUntil(ctx, r.real(day)) {
			return nil
		}
		body, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		status, err := r.post(ctx, "labels", body, nil)
		if err != nil {
			return err
		}
		if status != http.StatusOK {
			r.refused++
		}
	}
	return nil
}

func (r *replay) post(ctx context.Context, what string, body []byte, into any) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.server+"/v1/endpoints/"+r.endpoint+"/"+what, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	got, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	said, err := io.ReadAll(io.LimitReader(got.Body, 8<<20))
	if err == nil && into != nil && got.StatusCode == http.StatusOK {
		err = json.Unmarshal(said, into)
	}
	return got.StatusCode, err
}
