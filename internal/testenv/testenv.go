package testenv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// remedy ends every failure for want of a server.
const remedy = "run the tests with `make test`, or start the local stack with `make up`"

// Config returns the configuration of this process, with directories and the
// task queue of the test alone.
func Config(t testing.TB) config.Config {
	t.Helper()
	c, err := config.Load()
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	c.CacheDir = t.TempDir()
	c.SpoolDir = t.TempDir()
	c.TaskQueue = Name(t)
	return c
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// Name returns a new lower-case name of at most 48 letters, digits and hyphens,
// fit for a pipeline, bucket, queue or workflow.
func Name(t testing.TB) string {
	t.Helper()
	var b [4]byte
	rand.Read(b[:])
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-")
	return strings.TrimRight(name[:min(len(name), 39)], "-") + "-" + hex.EncodeToString(b[:])
}

// Temporal returns a client, closed after the test, of a Temporal that has the
// search attributes.
func Temporal(t testing.TB) client.Client {
	t.Helper()
	ctx := setUp(t)
	c, err := temporal.Dial(ctx, Config(t), zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel))
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	t.Cleanup(c.Close)
	if err := temporal.Bootstrap(ctx, c); err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	return c
}

// setUp bounds what is done before a test begins.
func setUp(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// tearDown is a context for clean-up, when the test's own has ended.
func tearDown() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}
