package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/logging"
)

func configured(t *testing.T, environ ...string) config.Log {
	t.Helper()
	c, err := config.LoadFrom(t.TempDir(), append(environ, "HOME=/root"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Log
}

func TestALineIsOneJSONObject(t *testing.T) {
	var out bytes.Buffer
	log := logging.NewTo(&out, configured(t, "ESTEIRA_LOG_LEVEL=info"), "worker")
	log.Debug().Msg("unseen")
	log.Info().Str("run", "flights/run/1").Int("attempt", 2).Msg("step completed")
	var line struct {
		Time, Level, Component, Run, Message string
		Attempt                              int
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(out.String(), err)
	}
	if line.Component != "worker" || line.Run != "flights/run/1" || line.Attempt != 2 || line.Level != "info" || line.Message != "step completed" {
		t.Fatalf("%+v", line)
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", line.Time)
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Fatal(line.Time, err)
	}
}

func TestSecretsAreBlottedOut(t *testing.T) {
	secret := `hunter2"\hunter2`
	for _, format := range []string{"json", "console"} {
		var out bytes.Buffer
		log := logging.NewTo(&out, configured(t, "ESTEIRA_LOG_FORMAT="+format, "AWS_ENDPOINT_URL=http://h", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY="+secret), "server")
		log.Error().Err(errors.New("put with "+secret+" failed")).Str("secret", secret).Msg("the key " + secret)
		if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "***") || !strings.Contains(out.String(), "failed") {
			t.Fatal(format, out.String())
		}
	}
}
