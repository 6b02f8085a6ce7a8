package token_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/token"
)

func open(t *testing.T, path string) *token.Set {
	t.Helper()
	s, err := token.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATokenMayDoWhatItsScopesSay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	s := open(t, path)
	past, future := time.Now().Add(-time.Second), time.Now().Add(time.Hour)
	secrets := map[string]string{}
	var list []metadata.Token
	for name, change := range map[string]func(*metadata.Token){
		"all":     func(*metadata.Token) {},
		"flights": func(k *metadata.Token) { k.Endpoint, k.Expires = "flights", &future },
		"labels":  func(k *metadata.Token) { k.Scopes = []string{token.Label} },
		"expired": func(k *metadata.Token) { k.Expires = &past },
		"revoked": func(k *metadata.Token) { k.Revoked = &past },
	} {
		secret, hash := token.New()
		k := metadata.Token{Name: name, Hash: hash, Scopes: []string{token.Predict}}
		change(&k)
		secrets[name], list = secret, append(list, k)
	}
	if err := s.Replace(list); err != nil {
		t.Fatal(err)
	}
	secrets["none"], secrets["unknown"] = "", "est_unknown"
	for _, set := range []*token.Set{s, open(t, path)} { // after a restart, too
		for _, step := range []struct {
			name, endpoint string
			kind           fault.Kind
		}{
			{"all", "flights", ""}, {"all", "species", ""}, {"all", "", ""}, {"flights", "flights", ""}, {"flights", "species", fault.PermissionDenied},
			{"labels", "flights", fault.PermissionDenied}, {"expired", "flights", fault.Unauthenticated}, {"revoked", "flights", fault.Unauthenticated},
			{"none", "flights", fault.Unauthenticated}, {"unknown", "flights", fault.Unauthenticated},
		} {
			name, err := set.Admit(secrets[step.name], token.Predict, step.endpoint)
			if fault.KindOf(err) != step.kind || (name == step.name) == (step.kind == fault.Unauthenticated) {
				t.Errorf("%s on %q: %q, %v", step.name, step.endpoint, name, err)
			}
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

// A token that is revoked is worthless once the server is told, and the server goes
// on deciding by what it knows.
func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	db := testenv.OpenDatabase(t, testenv.DatabaseURL(t))
	secret, hash := token.New()
	create := metadata.Token{Name: "app", Hash: hash, Scopes: []string{token.Predict}, Actor: "ana"}
	if err := db.CreateToken(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	if err := db.CreateToken(t.Context(), create); fault.KindOf(err) != fault.ConfigInvalid {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(t.TempDir(), "tokens.json"))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Follow(ctx, db, time.Hour, zerolog.Nop()); close(done) }() // so that only the notice can tell
	until := func(kind fault.Kind) {
		for deadline := time.Now().Add(20 * time.Second); ; {
			_, err := s.Admit(secret, token.Predict, "")
			if fault.KindOf(err) == kind {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	until("")
	if err := db.RevokeToken(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	until(fault.Unauthenticated)
	if err := db.RevokeToken(t.Context(), "nobody"); fault.KindOf(err) != fault.NotFound {
		t.Fatal(err)
	}
	list, err := db.Tokens(t.Context())
	if err != nil || len(list) != 1 || list[0].Revoked == nil || list[0].Actor != "ana" || len(list[0].Hash) != 32 {
		t.Fatal(list, err)
	}
	stop()
	<-done
}
