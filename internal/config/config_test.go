package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
)

// project makes a directory whose parent has .esteira/env with that text.
func project(t *testing.T, env string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "examples", "flights")
	for _, d := range []string{filepath.Join(root, ".esteira"), dir} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, ".esteira", "env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, dir string, environ ...string) config.Config {
	t.Helper()
	c, err := config.LoadFrom(dir, append(environ, "HOME="+dir))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsMeetTheLocalStack(t *testing.T) {
	c := load(t, t.TempDir())
	if c.DatabaseURL != config.DefaultDatabaseURL || c.S3.Endpoint != "http://127.0.0.1:9000" || c.S3.AccessKey != "esteira" || c.Bucket != "esteira" ||
		c.TaskQueue != "esteira" || c.CacheSize != 10<<30 || c.MemoryLimit != 768<<20 || c.FitMemory != 512<<20 || c.Threads < 1 || c.Listen != "127.0.0.1:8090" || c.ServerAddress != "http://127.0.0.1:8090" {
		t.Fatal(c)
	}
}

const stack = `# written by make up
TEMPORAL_ADDRESS=127.0.0.1:17233
export DATABASE_URL="postgres://a:b@127.0.0.1:1/x"
AWS_ENDPOINT_URL=http://127.0.0.1:19000
AWS_ACCESS_KEY_ID=stack
AWS_SECRET_ACCESS_KEY=stack-secret-key
ESTEIRA_SERVER_ADDRESS=127.0.0.1:18090
ESTEIRA_BUCKET=from-file
`

func TestTheFileIsFoundInAParentAndTheEnvironmentWins(t *testing.T) {
	dir := project(t, stack)
	c := load(t, dir, "ESTEIRA_BUCKET=from-env", "ESTEIRA_THREADS=3", "ESTEIRA_CACHE_SIZE=2GB")
	if c.Bucket != "from-env" || c.Threads != 3 || c.CacheSize != 2_000_000_000 || c.S3.AccessKey != "stack" || c.DatabaseURL.Reveal() != "postgres://a:b@127.0.0.1:1/x" {
		t.Fatal(c)
	}
	if c.Listen != "127.0.0.1:18090" || c.ServerAddress != "http://127.0.0.1:18090" {
		t.Fatal(c.Listen, c.ServerAddress)
	}
	home := filepath.Dir(c.File)
	if c.CacheDir != filepath.Join(home, "cache") || c.SpoolDir != filepath.Join(home, "spool") {
		t.Fatal(c.CacheDir, c.SpoolDir)
	}
	if address, _ := c.TemporalEnv().LookupEnv("TEMPORAL_ADDRESS"); address != "127.0.0.1:17233" {
		t.Fatal(address)
	}
}

func TestVariablesThatBelongTogetherStayTogether(t *testing.T) {
	dir := project(t, stack)
	// Keys exported for AWS at large do not meet the local store.
	if c := load(t, dir, "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=s"); c.S3.AccessKey != "stack" {
		t.Fatal(c.S3)
	}
	c := load(t, dir, "MINIO_ENDPOINT=minio:9000", "MINIO_ROOT_USER=u", "MINIO_ROOT_PASSWORD=p", "PGHOST=db.example.com")
	if c.S3.Endpoint != "http://minio:9000" || c.S3.AccessKey != "u" || c.S3.SecretKey.Reveal() != "p" || c.DatabaseURL != "" {
		t.Fatal(c)
	}
	c = load(t, dir, "AWS_ENDPOINT_URL=https://wrong.example.com", "AWS_ENDPOINT_URL_S3=https://s3.example.com/", "AWS_REGION=sa-east-1")
	if c.S3.Endpoint != "https://s3.example.com" || c.S3.AccessKey != "" || c.S3.Region != "sa-east-1" {
		t.Fatal(c)
	}
	if address, ok := load(t, dir, "TEMPORAL_PROFILE=cloud").TemporalEnv().LookupEnv("TEMPORAL_ADDRESS"); ok {
		t.Fatal("the file's address overrides the chosen profile", address)
	}
}

func TestNonsenseIsRefusedByName(t *testing.T) {
	for pair, names := range map[string]string{
		"ESTEIRA_BUCKET=No_Good":                    "ESTEIRA_BUCKET",
		"ESTEIRA_CACHE_SIZE=lots":                   "ESTEIRA_CACHE_SIZE",
		"ESTEIRA_CACHE_SIZE=12":                     "ESTEIRA_CACHE_SIZE",
		"ESTEIRA_MEMORY_LIMIT=-1GB":                 "ESTEIRA_MEMORY_LIMIT",
		"ESTEIRA_THREADS=0":                         "ESTEIRA_THREADS",
		"ESTEIRA_TASK_QUEUE=a b":                    "ESTEIRA_TASK_QUEUE",
		"ESTEIRA_LISTEN=8080":                       "ESTEIRA_LISTEN",
		"ESTEIRA_CONSOLE_LISTEN=7080":               "ESTEIRA_CONSOLE_LISTEN",
		"ESTEIRA_AUTH=maybe":                        "ESTEIRA_AUTH",
		"ESTEIRA_GRPC_LISTEN=8091":                  "ESTEIRA_GRPC_LISTEN",
		"ESTEIRA_TLS_CERT=/x":                       "ESTEIRA_TLS_KEY",
		"ESTEIRA_LOG_LEVEL=loud":                    "ESTEIRA_LOG_LEVEL",
		"ESTEIRA_LOG_FORMAT=xml":                    "ESTEIRA_LOG_FORMAT",
		"ESTEIRA_SERVER_ADDRESS=ftp://x":            "ESTEIRA_SERVER_ADDRESS",
		"TEMPORAL_UI_URL=not a url":                 "TEMPORAL_UI_URL",
		"AWS_ENDPOINT_URL_S3=http://u:sesame@x":     "AWS_ENDPOINT_URL",
		"DATABASE_URL=postgres://u:sesame@h:port/x": "DATABASE_URL",
		"DATABASE_URL=mysql://u:sesame@h/x":         "DATABASE_URL",
	} {
		_, err := config.LoadFrom(t.TempDir(), []string{pair, "HOME=/root"})
		if fault.KindOf(err) != fault.ConfigInvalid || !strings.Contains(err.Error(), names) || !strings.Contains(err.Error(), ";") {
			t.Errorf("%s: %v", pair, err)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	if _, err := config.LoadFrom(t.TempDir(), []string{"AWS_ENDPOINT_URL=http://x", "AWS_ACCESS_KEY_ID=a"}); fault.KindOf(err) != fault.ConfigInvalid {
		t.Error(err)
	}
	if _, err := config.LoadFrom(project(t, "FINE=1\nthis is not a pair\n"), nil); fault.KindOf(err) != fault.ConfigInvalid || !strings.Contains(err.Error(), "env:2") {
		t.Error(err)
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	secrets := []string{"db-password-123", "s3-secret-key-1", "session-token-1", "api-key-1234567"}
	c := load(t, t.TempDir(), "DATABASE_URL=postgres://u:"+secrets[0]+"@h/x", "AWS_ENDPOINT_URL=http://h", "AWS_ACCESS_KEY_ID=id",
		"AWS_SECRET_ACCESS_KEY="+secrets[1], "AWS_SESSION_TOKEN="+secrets[2], "TEMPORAL_API_KEY="+secrets[3])
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed := string(b)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, c.S3) + fmt.Sprintf(verb, c.DatabaseURL) + fmt.Sprintf(verb, c.ArtifactOptions())
	}
	for _, secret := range secrets {
		if strings.Contains(printed, secret) || strings.Contains(printed, fmt.Sprintf("%x", secret)) {
			t.Errorf("%s was printed", secret)
		}
		if !strings.Contains(strings.Join(c.Log.Secrets(), " "), secret) {
			t.Errorf("a log may show %s", secret)
		}
	}
	if c.DatabaseURL.Reveal() == "" || !strings.Contains(string(b), `"secret_key":"***"`) {
		t.Fatal(string(b))
	}
}

func TestEveryVariableIsDescribedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range config.Describe() {
		if seen[v.Name] || v.Meaning == "" {
			t.Error(v)
		}
		seen[v.Name] = true
	}
	for _, name := range []string{"TEMPORAL_ADDRESS", "DATABASE_URL", "AWS_ENDPOINT_URL_S3", "ESTEIRA_BUCKET", "ESTEIRA_SPOOL_DIR", "ONNXRUNTIME_LIB"} {
		if !seen[name] {
			t.Error(name, "is not described")
		}
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add(stack)
	f.Add("A=\n=\nB='x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := config.LoadFrom(project(t, text), nil); err != nil && fault.KindOf(err) != fault.ConfigInvalid {
			t.Fatal(err)
		}
	})
}
