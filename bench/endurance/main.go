// Command endurance asks a prediction server for as much as it can answer, minute after
// minute, and looks meanwhile at how much of the audit log waits for Postgres and at the
// memory of the server. Afterwards it waits until nothing waits, and counts: the table
// must have a row for each answer of status 200, and none more. It prints what it found
// as JSON, and fails if a request failed or the two differ.
//
//	go run ./bench/endurance -load load -server http://127.0.0.1:8090 -endpoint serving -body one.v2.json -pid 4711 -minutes 10
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/memory"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// The bounds of one run.
const (
	maxClients = 1024
	maxMinutes = 120
)

// options are those of one run.
type options struct {
	load     string // the program bench/load
	server   string // http://host:port
	endpoint string
	body     string // file with a request of one row
	pid      int    // of the server
	clients  int
	minutes  int
	minute   time.Duration // how long one is
	every    time.Duration // between two looks
	within   time.Duration // a backlog must be gone, once nobody asks
}

func main() {
	o := options{minute: time.Minute}
	flag.StringVar(&o.load, "load", "", "the program bench/load")
	flag.StringVar(&o.server, "server", "", "address of the server: http://127.0.0.1:8090")
	flag.StringVar(&o.endpoint, "endpoint", "", "which to ask")
	flag.StringVar(&o.body, "body", "", "file with a request of one row, in the form of the Open Inference Protocol")
	flag.IntVar(&o.pid, "pid", 0, "process id of the server")
	flag.IntVar(&o.clients, "clients", 64, "connections that ask at once, at most 1024")
	flag.IntVar(&o.minutes, "minutes", 10, "how many minutes, at most 120")
	flag.DurationVar(&o.every, "every", 2*time.Second, "between two looks at the server")
	flag.DurationVar(&o.within, "within", 5*time.Minute, "in which a backlog must be gone once nobody asks")
	flag.Parse()
	if o.load == "" || o.server == "" || o.endpoint == "" || o.body == "" || o.pid <= 0 || o.clients < 1 || o.clients > maxClients ||
		o.minutes < 1 || o.minutes > maxMinutes || o.every <= 0 || o.within <= 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	r, err := o.run(context.Background())
	if encodeErr := json.NewEncoder(os.Stdout).Encode(r); err == nil {
		err = encodeErr
	}
	if err == nil {
		err = r.verdict()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "endurance:", err)
		os.Exit(1)
	}
}

// report is what a run found.
type report struct {
	Clients int      `json:"clients"`
	Minutes []minute `json:"minutes"`
	Answers int64    `json:"answers"`            // of status 200
	Rows    int64    `json:"rows"`               // of status 200 that the table has more than before
	Drained float64  `json:"drained_per_second"` // records, while it was asked
	Backlog int64    `json:"backlog"`            // records that waited when the last client had its answer
	Seconds float64  `json:"seconds_to_zero"`    // that it took then until none waited
	Refused int64    `json:"refused"`            // records that the spool did not take
	Peak    int64    `json:"peak_rss"`           // of the server since it began, bytes
}

// minute is what was seen in one.
type minute struct {
	Answers int64   `json:"answers"` // of status 200
	Rate    float64 `json:"requests_per_second"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Errors  int64   `json:"errors"`
	Backlog int64   `json:"largest_backlog"` // records
	Bytes   int64   `json:"largest_spool"`   // on disk
	RSS     int64   `json:"largest_rss"`     // bytes
	Looks   int     `json:"looks"`
}

// verdict is why a run is no proof, or nil.
func (r report) verdict() error {
	for i, m := range r.Minutes {
		if m.Errors > 0 {
			return fmt.Errorf("minute %d: %d requests were not answered with status 200", i+1, m.Errors)
		}
	}
	switch {
	case r.Refused > 0:
		return fmt.Errorf("the spool refused %d records", r.Refused)
	case r.Rows != r.Answers:
		return fmt.Errorf("%d answers of status 200, and %d rows in the table", r.Answers, r.Rows)
	}
	return nil
}

func (o options) run(ctx context.Context) (r report, err error) {
	r.Clients = o.clients
	cfg, err := config.Load()
	if err != nil {
		return r, err
	}
	db, err := metadata.Open(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return r, err
	}
	defer db.Close()
	h, err := o.drained(ctx) // what was asked before is not counted
	if err != nil {
		return r, err
	}
	before, err := o.rows(ctx, db)
	if err != nil {
		return r, err
	}
	began, drained := time.Now(), h.Audit.Drained
	for range o.minutes {
		m, err := o.one(ctx)
		if err != nil {
			return r, err
		}
		r.Minutes, r.Answers = append(r.Minutes, m), r.Answers+m.Answers
	}
	if h, err = o.health(ctx); err != nil {
		return r, err
	}
	r.Backlog, r.Drained = h.Audit.Backlog, float64(h.Audit.Drained-drained)/time.Since(began).Seconds()
	began = time.Now()
	if h, err = o.drained(ctx); err != nil {
		return r, err
	}
	r.Seconds, r.Refused = time.Since(began).Seconds(), h.Audit.Refused
	after, err := o.rows(ctx, db)
	if err != nil {
		return r, err
	}
	r.Rows = after - before
	r.Peak, err = memory.Peak(o.pid)
	return r, err
}

// rows counts the answers of status 200 that the table has of the endpoint.
func (o options) rows(ctx context.Context, db *metadata.DB) (n int64, err error) {
	err = db.Pool().QueryRow(ctx, `select count(*) from predictions where endpoint = $1 and status = 200`, o.endpoint).Scan(&n)
	return n, err
}
