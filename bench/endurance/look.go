package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/serving"
)

// one asks for one minute and looks at the server meanwhile.
func (o options) one(ctx context.Context) (m minute, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out, errs bytes.Buffer
	load := exec.CommandContext(ctx, o.load, "-url", o.server+"/v2/models/"+o.endpoint+"/infer", "-body", o.body,
		"-clients", fmt.Sprint(o.clients), "-seconds", fmt.Sprint(o.minute.Seconds()))
	load.Stdout, load.Stderr = &out, &errs
	if err := load.Start(); err != nil {
		return m, err
	}
	asked := make(chan error, 1)
	go func() { asked <- load.Wait() }()
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for {
		if err := o.look(ctx, &m); err != nil {
			return m, err
		}
		select {
		case err := <-asked:
			if err != nil {
				return m, fmt.Errorf("%w: %s", err, errs.String())
			}
			return m, m.read(out.Bytes())
		case <-tick.C:
		}
	}
}

// read takes what bench/load printed.
func (m *minute) read(line []byte) error {
	var said struct {
		Rate     float64          `json:"requests_per_second"`
		P50      float64          `json:"p50_ms"`
		P99      float64          `json:"p99_ms"`
		Errors   int64            `json:"errors"`
		Statuses map[string]int64 `json:"statuses"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return fmt.Errorf("read what the load generator printed: %w", err)
	}
	m.Answers, m.Rate, m.P50, m.P99, m.Errors = said.Statuses["200"], said.Rate, said.P50, said.P99, said.Errors
	return nil
}

// look adds one look at the server to a minute.
func (o options) look(ctx context.Context, m *minute) error {
	h, err := o.health(ctx)
	if err != nil {
		return err
	}
	rss, err := memory.Resident(o.pid)
	if err != nil {
		return err
	}
	m.Looks++
	m.Backlog, m.Bytes, m.RSS = max(m.Backlog, h.Audit.Backlog), max(m.Bytes, h.Audit.Bytes), max(m.RSS, rss)
	return nil
}

// health is what the server says of itself.
func (o options) health(ctx context.Context) (h serving.Health, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.server+"/v1/health", nil)
	if err != nil {
		return h, err
	}
	web := http.Client{Timeout: 30 * time.Second}
	res, err := web.Do(req)
	if err != nil {
		return h, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return h, fmt.Errorf("the server's health is HTTP %d", res.StatusCode)
	}
	return h, json.NewDecoder(res.Body).Decode(&h)
}

// drained waits until no record waits for Postgres.
func (o options) drained(ctx context.Context) (serving.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, o.within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := o.health(ctx)
		if err != nil || h.Audit.Backlog == 0 {
			return h, err
		}
		select {
		case <-ctx.Done():
			return h, fmt.Errorf("%d records wait %s after the last request: %s", h.Audit.Backlog, o.within, h.Audit.DrainError)
		case <-tick.C:
		}
	}
}
