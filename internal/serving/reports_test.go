package serving_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestReportsAreShownAndDataIsNot(t *testing.T) {
	store := testenv.Store(t)
	spool, err := audit.Open(audit.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spool.Close() })
	server, err := serving.New(serving.Options{
		Audit: spool, Table: serving.NewTable(), Reports: func(context.Context) (artifact.Pages, error) { return store, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	defer web.Close()
	for _, c := range []struct {
		mediaType, shown string
		status           int
	}{
		{artifact.MediaTypeHTML, "text/html", 200},
		{artifact.MediaTypeJSON, "application/json", 200},
		{"text/markdown; charset=utf-8", "text/plain", 200},
		{artifact.MediaTypeParquet, "application/json", 404},
		{artifact.MediaTypeBundle, "application/json", 404},
	} {
		ref, err := store.PutBytes(t.Context(), []byte("body of "+c.mediaType), c.mediaType)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Get(web.URL + "/artifacts/" + ref.Digest)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status || !strings.HasPrefix(res.Header.Get("Content-Type"), c.shown) {
			t.Errorf("%s: %d %s %s", c.mediaType, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
		if c.status != 200 {
			continue
		}
		if string(body) != "body of "+c.mediaType {
			t.Errorf("%s: %q", c.mediaType, body)
		}
		// A page is its author's, and an author may be hostile: no script runs, nothing is
		// asked for, and its origin is not the server's.
		policy := res.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox"} {
			if !slices.Contains(strings.Split(policy, "; "), directive) {
				t.Errorf("%s: policy %q has no %q", c.mediaType, policy, directive)
			}
		}
		if strings.Contains(policy, "script") || strings.Contains(policy, "allow-") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q, %q", c.mediaType, policy, res.Header.Get("X-Content-Type-Options"))
		}
	}
	res, err := http.Get(web.URL + "/artifacts/" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("an unknown digest: %d", res.StatusCode)
	}
}
