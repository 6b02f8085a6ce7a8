package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/token"
)

// A token is shown once, listed without its secret, sent by the command line, and
// revoked.
func TestTokensAreMadeListedSentAndRevoked(t *testing.T) {
	db := isolated(t).DB
	made := decoded[struct {
		Secret string
		Token  metadata.Token
	}](t, exitDone, "tokens", "create", "shop", "--scope", "predict,label", "--endpoint", "flights", "--expires", "1h", "--actor", "ana")
	require.NotNil(t, made.Token.Expires)
	list, err := db.Tokens(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, token.Hash(made.Secret), list[0].Hash)

	shown, _, _ := esteira(t, "tokens", "list")
	require.Contains(t, shown, "good until")
	require.NotContains(t, shown, made.Secret)
	for _, args := range [][]string{{"create", "x"}, {"create", "x", "--scope", "dream"}, {"create", "shop", "--scope", "predict"}} {
		_, said, code := esteira(t, append([]string{"tokens"}, args...)...)
		require.NotEqual(t, exitDone, code, said)
	}

	sent := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{"endpoint":"flights","predictions":[]}`))
	}))
	defer server.Close()
	t.Setenv("ESTEIRA_SERVER_ADDRESS", server.URL)
	t.Setenv("ESTEIRA_TOKEN", made.Secret)
	_, _, code := esteira(t, "predict", "flights", "--data", `{}`)
	require.Equal(t, exitDone, code)
	require.Equal(t, "Bearer "+made.Secret, sent)

	decoded[map[string]string](t, exitDone, "tokens", "revoke", "shop")
	shown, _, _ = esteira(t, "tokens", "list")
	require.Contains(t, shown, "revoked")
}
