package serving_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving"
)

// forgetful stands where the audit log is, and keeps nothing: what it costs to keep.
type forgetful struct{ *audit.Spool }

func (forgetful) Append(context.Context, []audit.Record) error { return nil }

// BenchmarkAudit measures one-row requests over HTTP from 64 clients on the same
// cores, with no audit, which only this benchmark knows, and in each mode of it.
func BenchmarkAudit(b *testing.B) {
	for _, mode := range []string{"none", "strict", "bounded"} {
		b.Run(mode, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
			audit.SpareProcessors() // as the server does
			s := newServer(b, serving.Limits{}, regressionBundle(b, 1))
			var log serving.Audit = s.spool
			switch mode {
			case "none":
				log = forgetful{s.spool}
			case "bounded":
				p := metadata.AuditPolicy{Endpoint: "flights", Version: 1, Mode: metadata.AuditBounded, MaxRecords: 1000, MaxDelay: time.Second}
				if err := s.table.SetPolicies([]metadata.AuditPolicy{p}); err != nil {
					b.Fatal(err)
				}
			}
			handler, err := serving.New(serving.Options{Audit: log, Table: s.table})
			if err != nil {
				b.Fatal(err)
			}
			web := httptest.NewServer(handler)
			defer web.Close()
			stop := draining(s.spool)
			defer stop()
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range 64 {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if err := post(client, web.URL+predictPath); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func post(client *http.Client, url string) error {
	res, err := client.Post(url, "application/json", strings.NewReader(oneRow))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// nowhereSink takes what is drained, so that the spool does not fill.
type nowhereSink struct{}

func (nowhereSink) Insert(context.Context, []audit.Record) error { return nil }

func draining(s *audit.Spool) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		audit.NewDrainer(audit.DrainerOptions{Spool: s, Sink: nowhereSink{}}).Run(ctx)
	}()
	return func() { cancel(); <-ended }
}
