// Command load asks one URL from several clients at once for a bounded time, and
// prints what came back as one line of JSON. It is a closed loop, in which each client
// asks again when it has its answer; with -rate it is an open one, in which requests
// are due at a fixed rate whatever became of those before, and a latency counts from
// when its request was due (no coordinated omission).
//
// It shares the cores with the server it asks, so that what it costs is taken from
// the server's rate: fasthttp, which allocates nothing for a request, takes a third of
// the processor time that net/http's client does.
//
//	go run ./bench/load -url http://127.0.0.1:8080/v1/endpoints/flights/predict -body request.json -clients 64 -seconds 10
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// The bounds of one run.
const (
	maxClients = 1024
	maxSeconds = 600
	maxRate    = 1e6

	answerWithin = 30 * time.Second
)

func main() {
	url := flag.String("url", "", "where to POST")
	file := flag.String("body", "", "file with the request's body")
	clients := flag.Int("clients", 16, "connections that ask at once, at most 1024")
	seconds := flag.Float64("seconds", 10, "how long, at most 600")
	rate := flag.Float64("rate", 0, "requests a second, at most 1000000; 0: as fast as they are answered")
	flag.Parse()
	if *rate < 0 || *rate > maxRate || *url == "" || *file == "" || *clients < 1 || *clients > maxClients || *seconds <= 0 || *seconds > maxSeconds || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	body, err := os.ReadFile(*file)
	if err == nil {
		var r report
		r, err = run(*url, body, *clients, *rate, time.Duration(*seconds*float64(time.Second)))
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(r)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// report is what a run found. Latencies are of answers with status 200, in
// milliseconds.
type report struct {
	Clients  int            `json:"clients"`
	Due      float64        `json:"due_per_second,omitempty"` // of an open loop
	Seconds  float64        `json:"seconds"`
	Requests int            `json:"requests"`
	Rate     float64        `json:"requests_per_second"` // answers with status 200
	P50      float64        `json:"p50_ms"`
	P99      float64        `json:"p99_ms"`
	Max      float64        `json:"max_ms"`
	Errors   int            `json:"errors"` // other statuses, and no answer
	Statuses map[string]int `json:"statuses"`
}

// client is what one connection saw.
type client struct {
	latencies []time.Duration // of answers with status 200
	statuses  map[string]int  // other answers, and none
}

func run(url string, body []byte, clients int, rate float64, during time.Duration) (report, error) {
	web := &fasthttp.Client{
		MaxConnsPerHost: clients, NoDefaultUserAgentHeader: true,
		ReadTimeout: answerWithin, WriteTimeout: answerWithin,
		RetryIfErr: func(*fasthttp.Request, int, error) (resetTimeout, retry bool) { return false, false }, // a request is one request
	}
	defer web.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	all := make([]client, clients)
	began := time.Now()
	due := pace{began: began, rate: rate}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = ask(ctx, web, url, body, &due) })
	}
	wg.Wait()
	r := report{Clients: clients, Due: rate, Seconds: time.Since(began).Seconds(), Statuses: map[string]int{}}
	var latencies []time.Duration
	for _, c := range all {
		if n := len(c.latencies); n > 0 {
			latencies = append(latencies, c.latencies...)
			r.Statuses["200"] += n
			r.Requests += n
		}
		for status, n := range c.statuses {
			r.Statuses[status] += n
			r.Requests += n
		}
	}
	r.Errors = r.Requests - len(latencies)
	if len(latencies) == 0 {
		return r, fmt.Errorf("no answer with status 200 from %s: %v", url, r.Statuses)
	}
	slices.Sort(latencies)
	at := func(share float64) float64 {
		return float64(latencies[int(share*float64(len(latencies)-1))]) / float64(time.Millisecond)
	}
	r.Rate, r.P50, r.P99, r.Max = float64(len(latencies))/r.Seconds, at(0.5), at(0.99), at(1)
	return r, nil
}

// pace says when the next request is due.
type pace struct {
	began time.Time
	rate  float64 // 0: at once
	next  atomic.Int64
}

// wait returns when a request is due, and when that is; ok is false if the time is
// over first.
func (p *pace) wait(ctx context.Context) (due time.Time, ok bool) {
	if p.rate == 0 {
		return time.Now(), ctx.Err() == nil
	}
	due = p.began.Add(time.Duration(float64(p.next.Add(1)-1) / p.rate * float64(time.Second)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return due, false
	case <-timer.C:
		return due, ctx.Err() == nil
	}
}

func ask(ctx context.Context, web *fasthttp.Client, url string, body []byte, due *pace) client {
	c := client{statuses: map[string]int{}}
	req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(res)
	req.SetRequestURI(url)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.Header.SetContentType("application/json")
	for {
		began, ok := due.wait(ctx)
		if !ok {
			return c
		}
		// A request that was begun is finished: its answer counts.
		req.SetBodyRaw(body)
		if err := web.Do(req, res); err != nil {
			c.statuses["none"]++
			continue
		}
		if res.StatusCode() == fasthttp.StatusOK {
			c.latencies = append(c.latencies, time.Since(began))
		} else {
			c.statuses[strconv.Itoa(res.StatusCode())]++
		}
	}
}
