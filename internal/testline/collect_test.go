package testline_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// counter counts what is read of each file, by its last name: GETs and their bytes.
type counter struct {
	mu    sync.Mutex
	gets  map[string]int
	bytes map[string]int64
}

func newCounter() *counter { return &counter{gets: map[string]int{}, bytes: map[string]int64{}} }

// begun counts a GET and says which of that file it is.
func (c *counter) begun(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gets[name]++
	return c.gets[name]
}

// taken forgets what was counted and returns it.
func (c *counter) taken() (gets map[string]int, bytes map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gets, bytes = c.gets, c.bytes
	c.gets, c.bytes = map[string]int{}, map[string]int64{}
	return gets, bytes
}

// counting wraps what answers a GET of the file name.
type counting struct {
	http.ResponseWriter
	c    *counter
	name string
}

func (w counting) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	w.c.bytes[w.name] += int64(len(p))
	w.c.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// countedStore stands before the object store. It counts what is read of the objects
// below sources/, and tears the first answer for one of them down in its middle.
func countedStore(t *testing.T, torn string) (*counter, []string) {
	t.Helper()
	s3 := testenv.Config(t).S3
	to, err := url.Parse(s3.Endpoint)
	require.NoError(t, err)
	c := newCounter()
	// The host stays as the client wrote and signed it.
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/sources/") {
			proxy.ServeHTTP(w, r)
			return
		}
		if c.begun(name) == 1 && name == torn {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("id,size"))
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(counting{w, c, name}, r)
	}))
	t.Cleanup(server.Close)
	return c, []string{
		"AWS_ENDPOINT_URL=" + server.URL, "AWS_ENDPOINT_URL_S3=" + server.URL, "AWS_ACCESS_KEY_ID=" + s3.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s3.SecretKey.Reveal(), "AWS_SESSION_TOKEN=" + s3.SessionToken.Reveal(), "AWS_REGION=" + s3.Region,
	}
}

const collecting = `
problem: {task: regression, target: price}
sources:
  sales: {path: "s3://%s/sources/*", format: csv}
  shops: {path: "%s/shops.csv"}
dataset: {key: [id], sql: "SELECT id, size, price, rank FROM sales JOIN shops USING (shop)"}
features:
  - {columns: [size, rank], apply: [impute, standardize]}
`

// Of three parts of a bucket one fails once: it alone is read again. The next run
// looks at all of them and at the address, and reads none; and of the one that has
// changed since it reads that one.
func TestAPartThatFailsIsReadAgainAloneAndAnUnchangedOneNotAtAll(t *testing.T) {
	t.Parallel()
	l := testline.New(t)
	s3, env := countedStore(t, "1.csv")
	l.StartServer()
	l.StartWorker(append(env, "ESTEIRA_ALLOW_PRIVATE_ADDRESSES=true")...)
	client := testenv.S3(t)
	put := func(part int, factor float64) int64 {
		t.Helper()
		text := "id,shop,size,price\n"
		for i := range 200 {
			text += fmt.Sprintf("%d,%d,%d,%g\n", part*200+i, i%5, i%17, factor*float64(3+2*(i%17)))
		}
		_, err := client.PutObject(t.Context(), l.Bucket, fmt.Sprintf("sources/%d.csv", part), strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
		require.NoError(t, err)
		return int64(len(text))
	}
	sizes := map[string]int64{}
	for part := range 3 {
		sizes[fmt.Sprintf("%d.csv", part)] = put(part, 1)
	}
	web, version := newCounter(), `"v1"`
	shops := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", version)
		if r.Method == http.MethodGet {
			web.begun(path.Base(r.URL.Path))
		}
		fmt.Fprint(w, "shop,rank\n0,1\n1,2\n2,3\n3,4\n4,5\n")
	}))
	t.Cleanup(shops.Close)
	file := l.File(t.TempDir(), "a.yaml", "name: "+testenv.Name(t)+fmt.Sprintf(collecting, l.Bucket, shops.URL))

	first := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, first.Decision, first.Reason)
	gets, bytes := s3.taken()
	require.Equal(t, map[string]int{"0.csv": 1, "1.csv": 2, "2.csv": 1}, gets)
	require.Equal(t, sizes, bytes)
	gets, _ = web.taken()
	require.Equal(t, map[string]int{"shops.csv": 1}, gets)

	second := l.Run(testline.ExitDone, file)
	require.Equal(t, first.Result.Dataset, second.Result.Dataset)
	require.Equal(t, "hit", second.Step("collect").Cache)
	gets, bytes = s3.taken()
	require.Empty(t, gets, "a list is enough")
	require.Empty(t, bytes)
	gets, _ = web.taken()
	require.Empty(t, gets, "an ETag is enough")

	size := put(2, 1.5)
	version = `"v2"`
	third := l.Run(testline.ExitDone, file)
	require.NotEqual(t, first.Result.Dataset, third.Result.Dataset)
	gets, bytes = s3.taken()
	require.Equal(t, map[string]int{"2.csv": 1}, gets)
	require.Equal(t, map[string]int64{"2.csv": size}, bytes)
	gets, _ = web.taken()
	require.Equal(t, map[string]int{"shops.csv": 1}, gets)
}

// Parts of one source are collected by whichever worker is free, and make one table.
func TestPartsOfOneSourceAreSpreadOverWorkers(t *testing.T) {
	t.Parallel()
	l := testline.New(t)
	l.StartServer()
	l.StartWorker("ESTEIRA_THREADS=1", "ESTEIRA_CACHE_DIR="+t.TempDir())
	l.AnotherWorker("ESTEIRA_THREADS=1", "ESTEIRA_CACHE_DIR="+t.TempDir())
	dir := t.TempDir()
	const parts, each = 40, 50
	for part := range parts {
		text := "id,size,price\n"
		for i := range each {
			text += fmt.Sprintf("%d,%d,%d\n", part*each+i, i%17, 3+2*(i%17))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.csv", part)), []byte(text), 0o600))
	}
	file := l.File(dir, "a.yaml", "name: "+testenv.Name(t)+`
problem: {task: regression, target: price}
sources: {sales: {path: "*.csv"}}
dataset: {key: [id], sql: "SELECT id, size, price FROM sales"}
features:
  - {columns: [size], apply: [impute, standardize]}
`)
	out := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, out.Decision, out.Reason)

	collects, by := map[int64]bool{}, map[string]int{}
	for history := testenv.Temporal(t).GetWorkflowHistory(t.Context(), out.Run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); {
		event, err := history.Next()
		require.NoError(t, err)
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil && scheduled.GetActivityType().GetName() == "Collect" {
			collects[event.GetEventId()] = true
		}
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil && collects[started.GetScheduledEventId()] {
			by[started.GetIdentity()]++
		}
	}
	require.Len(t, collects, parts)
	require.Len(t, by, 2, "both workers collect: %v", by)
	require.Equal(t, parts*each, testline.Count(t, l.Pool(), "select rows from datasets where run = $1", out.Run))
}
