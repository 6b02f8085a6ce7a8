package testline_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
	"github.com/esteira-ml/esteira/workflows"
)

// askAll asks for many rows at once, sizes moved by so much, and returns the ids.
func askAll(t *testing.T, l *testline.Line, endpoint string, moved float64) (ids []string) {
	t.Helper()
	var records []string
	for i := range 250 {
		text, err := json.Marshal([]string{"red", "green", "blue", hostile}[min(i%3+int(moved)*(i%2), 3)])
		require.NoError(t, err)
		records = append(records, fmt.Sprintf(`{"size":%.2f,"weight":%.2f,"colour":%s}`, float64(1+i%23)+moved, 2.5+float64(i%11)/10, text))
	}
	var got struct{ Predictions []struct{ ID string } }
	require.Equal(t, 200, l.Post("/v1/endpoints/"+endpoint+"/predict", `{"records":[`+strings.Join(records, ",")+`]}`, &got))
	for _, p := range got.Predictions {
		ids = append(ids, p.ID)
	}
	return ids
}

// Whoever opens the report of a window, or the timeline of an endpoint, as the line
// makes them, reads it by day and by night, on a desk and on a phone, aloud, offline.
func TestDriftReportsInABrowser(t *testing.T) {
	t.Parallel()
	l := testline.Start(t)
	dir, name := t.TempDir(), testenv.Name(t)
	l.File(dir, "goods.csv", goods(nil))
	file := l.File(dir, "a.yaml", "name: "+name+regression+"evaluate: {slices: [colour]}\nmonitor: {window: 3s, min_rows: 50, late: 1h}\n")
	o := l.Run(testline.ExitDone, file)
	require.Equal(t, workflows.DecisionDeployed, o.Decision, o.Reason)
	watch(t, l, file, name)
	var last metadata.Window
	pool := l.Pool()
	for n, moved := range []float64{0, 3} {
		ids := askAll(t, l, name, moved)
		truth := "prediction_id,label\n"
		for i, id := range ids {
			truth += fmt.Sprintf("%s,%d\n", id, 14+4*(i%23))
		}
		var taken any
		l.JSON(testline.ExitDone, &taken, "labels", "add", name, l.File(dir, "truth.csv", truth))
		l.Await(2*time.Minute, "the labelled answers in a window", func() bool {
			return testline.Count(t, pool, `select coalesce(sum(labelled), 0)::bigint from windows where endpoint = $1`, name) == 250*(n+1)
		})
	}
	windows, err := l.DB.Windows(t.Context(), name, 200)
	require.NoError(t, err)
	for _, w := range windows {
		if w.Answered >= 50 {
			last = w
			break
		}
	}
	pages := map[string]string{"/timeline": filepath.Join(dir, "timeline.html")}
	_, errs, code := l.CLI("monitor", "timeline", name, "--html", pages["/timeline"])
	require.Equal(t, testline.ExitDone, code, errs)
	body, err := l.Store().Bytes(t.Context(), last.Report, 1<<24)
	require.NoError(t, err)
	pages["/report"] = filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(pages["/report"], body, 0o600))
	// A server of these alone: a page that asked for more would be found out.
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := pages[r.URL.Path]; ok {
			http.ServeFile(w, r, path)
			return
		}
		w.WriteHeader(http.StatusNoContent) // the browser's own wish for an icon
	}))
	t.Cleanup(site.Close)
	b := openBrowser(t)
	for path, words := range map[string][]string{"/report": {name, "size", "prediction", "rmse", "colour"}, "/timeline": {name, "size"}} {
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.screen(width, 844, scheme)
				b.open(site.URL + path)
				require.Empty(t, b.audit(), "%s, %d wide, %s", path, width, scheme)
				for _, word := range words {
					require.Contains(t, b.text("body"), word, path)
				}
			}
		}
		var hacked any
		b.eval("window.hacked ?? null", &hacked)
		require.Nil(t, hacked, path)
	}
	b.quiet(site.URL)
}
