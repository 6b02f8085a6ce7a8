package artifact_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
)

// proxied puts a proxy that can be told to misbehave before the real store.
func proxied(t *testing.T, broken http.HandlerFunc) (*artifact.Store, *atomic.Bool, artifact.Options) {
	t.Helper()
	o := testenv.StoreOptions(t)
	target, err := url.Parse(o.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var breaks atomic.Bool
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if breaks.Load() {
			broken(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	o.Endpoint = server.URL
	store, err := artifact.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return store, &breaks, o
}

func TestOutagesAreTypedAndQuick(t *testing.T) {
	for name, broken := range map[string]http.HandlerFunc{
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"connection cut": func(w http.ResponseWriter, _ *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, breaks, _ := proxied(t, broken)
			ref, err := s.PutBytes(t.Context(), []byte("kept"), artifact.MediaTypeJSON)
			if err != nil {
				t.Fatal(err)
			}
			breaks.Store(true)
			began := time.Now()
			if _, err := s.PutBytes(t.Context(), []byte("new"), artifact.MediaTypeJSON); fault.KindOf(err) != fault.StoreUnavailable {
				t.Fatal(err)
			}
			if _, err := s.Exists(t.Context(), ref); fault.KindOf(err) != fault.StoreUnavailable {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Fatalf("it took %v to say so", took)
			}
			if b, err := s.Bytes(t.Context(), ref, 10); err != nil || string(b) != "kept" {
				t.Fatal("what is cached must survive an outage", err)
			}
			breaks.Store(false)
			if _, err := s.PutBytes(t.Context(), []byte("new"), artifact.MediaTypeJSON); err != nil {
				t.Fatal("the store came back, but", err)
			}
		})
	}
}

func TestABodyCutShortIsAnOutageAndLeavesNothing(t *testing.T) {
	b := random(4<<20, 9)
	s, breaks, o := proxied(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4194304")
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(b[:1<<20])
		panic(http.ErrAbortHandler)
	})
	ref, err := s.PutBytes(t.Context(), b, artifact.MediaTypeParquet)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(o.CacheDir, "sha256")); err != nil {
		t.Fatal(err)
	}
	breaks.Store(true)
	if _, _, err := s.File(t.Context(), ref); fault.KindOf(err) != fault.StoreUnavailable {
		t.Fatal(err)
	}
	if n := cacheBytes(t, o.CacheDir); n != 0 {
		t.Fatalf("%d bytes of a broken download are left", n)
	}
	breaks.Store(false)
	if _, release, err := s.File(t.Context(), ref); err != nil {
		t.Fatal(err)
	} else {
		release()
	}
}

func TestNobodyListening(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	began := time.Now()
	_, err = artifact.Open(t.Context(), artifact.Options{Endpoint: "http://" + address, AccessKey: "a", SecretKey: "b", Bucket: "esteira", CacheDir: t.TempDir()})
	if fault.KindOf(err) != fault.StoreUnavailable || time.Since(began) > 10*time.Second {
		t.Fatal(err, time.Since(began))
	}
}

func TestWrongKeysAreAConfigurationError(t *testing.T) {
	o := testenv.StoreOptions(t)
	o.SecretKey = "not the secret key"
	_, err := artifact.Open(t.Context(), o)
	if fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
	for _, endpoint := range []string{"", "127.0.0.1:9000", "ftp://x", "http://"} {
		o.Endpoint = endpoint
		if _, err := artifact.Open(t.Context(), o); fault.KindOf(err) != fault.ConfigInvalid {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
