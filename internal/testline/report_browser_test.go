package testline_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
)

// explored is the exploration report of a table with every sort of column: long names
// and values without a space, far values, texts, times with gaps, constants.
func explored(t *testing.T, target string, task pipeline.Task) []byte {
	t.Helper()
	long := strings.Repeat("a_very_long_name_", 8)
	e, err := table.Open(table.Options{Threads: 2, TempDir: t.TempDir()})
	require.NoError(t, err)
	defer e.Close()
	in := filepath.Join(t.TempDir(), "in.parquet")
	info, err := e.Write(context.Background(), `SELECT i AS id, sin(i) * 1e6 + i AS price, i % 3 = 0 AS late, CASE WHEN i % 7 = 0 THEN NULL ELSE 'c' || (i % 12) END AS "`+long+`",
		CASE WHEN i = 5 THEN 1e300 ELSE i END AS far, repeat('x', 300) || (i % 40) AS words, 'the order number ' || i || ' of ' || (i % 9) AS note, 1 AS always,
		TIMESTAMP '2024-01-01' + INTERVAL (i * 7 % 900) HOUR AS at, -i / 3 AS "<b>bold</b>", CASE WHEN i % 7 = 0 THEN NULL ELSE i * 2 END AS twice, i % 10 AS "`+strings.Repeat("é", 60)+`" FROM range(1500) t(i)`, in)
	require.NoError(t, err)
	p, err := profile.Compute(context.Background(), e, in, info.Schema, profile.Options{Target: target, Task: task, EventTime: "at"})
	require.NoError(t, err)
	var page bytes.Buffer
	require.NoError(t, p.HTML(&page, "What "+long+" is worth", "dataset "+strings.Repeat("0123456789abcdef", 8)))
	return page.Bytes()
}

// shownAt serves pages by name and opens each at the size of a phone and of a desk, by
// day and by night: none is wider than its window, every text stands out from its
// ground, every plot has words, and nothing runs or is asked of anybody.
func shownAt(t *testing.T, b *browser, pages map[string][]byte) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			w.WriteHeader(http.StatusNoContent) // the browser's own question for an icon
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	t.Cleanup(server.Close)
	for name := range pages {
		grounds := map[string]bool{}
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 1280} {
				at := fmt.Sprintf("%s, %d px, %s", name, width, scheme)
				b.screen(width, 844, scheme)
				b.open(server.URL + "/" + name)
				var wide, shown int64
				b.eval("document.documentElement.scrollWidth", &wide)
				b.eval("window.innerWidth", &shown)
				require.Equal(t, width, shown, "%s: the page is laid out wider than the window", at)
				require.LessOrEqual(t, wide, width, "%s: the page scrolls sideways", at)
				for _, wrong := range b.audit() {
					for _, matters := range []string{"the page is", "contrast", "a picture without words", "not allowed", "a handler", "an id is there twice", "a heading is empty"} {
						require.NotContains(t, wrong, matters, at)
					}
				}
				var ground string
				b.eval("getComputedStyle(document.body).backgroundColor", &ground)
				grounds[ground] = true
			}
		}
		require.Len(t, grounds, 2, "%s: day and night differ", name)
	}
	b.quiet(server.URL)
}

func TestTheExplorationReportInABrowser(t *testing.T) {
	shownAt(t, openBrowser(t), map[string][]byte{
		"regression": explored(t, "price", pipeline.Regression),
		"binary":     explored(t, "late", pipeline.Binary),
		"multiclass": explored(t, strings.Repeat("a_very_long_name_", 8), pipeline.Multiclass),
	})
}

// The pages of runs of each task, as the line makes them.
func TestTheReportsOfRunsInABrowser(t *testing.T) {
	l := testline.Start(t)
	pages := map[string][]byte{}
	for task, file := range map[string]string{"multiclass": "penguins/penguins.yaml", "binary": "flights/flights-late.yaml", "regression": "cars/cars.yaml"} {
		o := l.Run(testline.ExitDone, l.Example(file, testenv.Name(t)))
		for name, ref := range o.Result.Reports {
			if ref.MediaType != "text/html; charset=utf-8" {
				continue
			}
			page, err := l.Store().Bytes(t.Context(), ref, 2<<20)
			require.NoError(t, err)
			pages[task+"-"+strings.ReplaceAll(name, " ", "-")] = page
		}
	}
	require.GreaterOrEqual(t, len(pages), 9, "exploration, evaluation and search of each")
	shownAt(t, openBrowser(t), pages)
}
