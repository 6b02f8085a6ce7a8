package serving_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/serving"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/signing"
)

func TestAServerAloneAsksForSignaturesAsOthersDo(t *testing.T) {
	key, err := signing.Generate(signing.Ed25519)
	require.NoError(t, err)
	trust := signing.Trust{Keys: []signing.PublicKey{key.Public("release", time.Time{})}}
	plain := servingtest.Regression(t, 7)
	_, err = serving.NewAlone(t.Context(), t.TempDir(), "flights", plain, trust)
	require.Equal(t, fault.SignatureInvalid, fault.KindOf(err), "%v", err)

	data, err := bundle.Sign(plain, key)
	require.NoError(t, err)
	server, err := serving.NewAlone(t.Context(), t.TempDir(), "flights", data, trust)
	require.NoError(t, err)
	ask := func(endpoint string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		body := strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`)
		server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/endpoints/"+endpoint+"/predict", body))
		return w
	}
	require.Equal(t, http.StatusOK, ask("flights").Code)
	require.Contains(t, ask("flights").Body.String(), `"prediction":14`)
	require.Equal(t, http.StatusNotFound, ask("others").Code)
	require.NoError(t, server.Close())
	require.Equal(t, http.StatusServiceUnavailable, ask("flights").Code, "without its spool it answers nobody")
}

func TestTrustIsAskedForAtEachLoad(t *testing.T) {
	state, err := serving.OpenState(t.TempDir())
	require.NoError(t, err)
	broken := fault.New(fault.ConfigInvalid, "the keys are gone")
	loader := &serving.BundleLoader{State: state, Trust: func() (signing.Trust, error) { return signing.Trust{}, broken }}
	_, err = loader.Load(t.Context(), artifact.Ref{Digest: strings.Repeat("a", 64)})
	require.ErrorIs(t, err, broken, "no keys to look at is not the same as none asked for")
}
