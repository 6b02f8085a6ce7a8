// Command load asks one URL from several clients at once for a bounded time, and
// prints what came back as one line of JSON. It is a closed loop: each client
// asks again when it has its answer.
//
//	go run ./bench/load -url http://127.0.0.1:8080/v1/endpoints/flights/predict -body request.json -clients 64 -seconds 10
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// The bounds of one run.
const (
	maxClients = 1024
	maxSeconds = 600
)

func main() {
	url := flag.String("url", "", "where to POST")
	file := flag.String("body", "", "file with the request's body")
	clients := flag.Int("clients", 16, "connections that ask at once, at most 1024")
	seconds := flag.Float64("seconds", 10, "how long, at most 600")
	flag.Parse()
	if *url == "" || *file == "" || *clients < 1 || *clients > maxClients || *seconds <= 0 || *seconds > maxSeconds || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	body, err := os.ReadFile(*file)
	if err == nil {
		var r report
		r, err = run(*url, body, *clients, time.Duration(*seconds*float64(time.Second)))
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
	latencies []time.Duration
	statuses  map[string]int
}

func run(url string, body []byte, clients int, during time.Duration) (report, error) {
	transport := &http.Transport{MaxIdleConns: clients, MaxIdleConnsPerHost: clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	all := make([]client, clients)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = ask(ctx, web, url, body) })
	}
	wg.Wait()
	r := report{Clients: clients, Seconds: time.Since(began).Seconds(), Statuses: map[string]int{}}
	var latencies []time.Duration
	for _, c := range all {
		latencies = append(latencies, c.latencies...)
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

func ask(ctx context.Context, web *http.Client, url string, body []byte) client {
	c := client{statuses: map[string]int{}}
	for ctx.Err() == nil {
		// A request that was begun is finished: its answer counts.
		began := time.Now()
		res, err := web.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			c.statuses["none"]++
			continue
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil {
			c.statuses["cut off"]++
			continue
		}
		c.statuses[fmt.Sprint(res.StatusCode)]++
		if res.StatusCode == http.StatusOK {
			c.latencies = append(c.latencies, time.Since(began))
		}
	}
	return c
}
