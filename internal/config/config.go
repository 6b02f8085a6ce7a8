package config

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/signing"
)

// Secret is a value that never prints. Reveal is the only way to its text.
type Secret string

const hidden = "***"

func (s Secret) mask() string {
	if s == "" {
		return ""
	}
	return hidden
}

// String implements fmt.Stringer.
func (s Secret) String() string { return s.mask() }

// Format implements fmt.Formatter, so that no verb shows the text.
func (s Secret) Format(f fmt.State, verb rune) { fmt.Fprint(f, s.mask()) }

// MarshalText implements encoding.TextMarshaler: JSON, YAML and zerolog use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.mask()), nil }

// Reveal returns the text, for the one call that needs it.
func (s Secret) Reveal() string { return string(s) }

// Config is everything a program of ours is told from outside. It may be
// printed or encoded as JSON: secrets are hidden.
type Config struct {
	// ESTEIRA_ALLOW_PRIVATE_ADDRESSES: whether HTTP and Postgres sources, webhooks and
	// mail servers may be on loopback,
	// private or link-local addresses
	AllowPrivateAddresses bool `json:"allow_private_addresses"`

	Bucket        string   `json:"bucket"`         // ESTEIRA_BUCKET
	CacheDir      string   `json:"cache_dir"`      // ESTEIRA_CACHE_DIR: artifacts on local disk
	CacheSize     int64    `json:"cache_size"`     // ESTEIRA_CACHE_SIZE, bytes
	ConsoleListen string   `json:"console_listen"` // ESTEIRA_CONSOLE_LISTEN: host:port of the console
	DatabaseURL   Secret   `json:"database_url"`   // DATABASE_URL or PG*; empty: pgx reads PG* itself
	FitMemory     int64    `json:"fit_memory"`     // ESTEIRA_FIT_MEMORY, bytes of rows kept ready for fits
	Listen        string   `json:"listen"`         // ESTEIRA_LISTEN: host:port of the prediction server
	Log           Log      `json:"log"`
	MemoryLimit   int64    `json:"memory_limit"` // ESTEIRA_MEMORY_LIMIT of the engine, bytes
	ONNXRuntime   string   `json:"onnx_runtime"` // ONNXRUNTIME_LIB: path of libonnxruntime; empty: look for it
	S3            S3       `json:"s3"`
	ServerAddress string   `json:"server_address"` // ESTEIRA_SERVER_ADDRESS: base URL clients ask
	SigningKey    string   `json:"signing_key"`    // ESTEIRA_SIGNING_KEY: env:NAME or file:PATH; empty: bundles are not signed
	SourceDirs    []string `json:"source_dirs"`    // ESTEIRA_SOURCE_DIRS; empty: any
	SpoolBytes    int64    `json:"spool_bytes"`    // ESTEIRA_SPOOL_MAX_BYTES
	SpoolDir      string   `json:"spool_dir"`      // ESTEIRA_SPOOL_DIR: audit records not yet in Postgres
	TaskQueue     string   `json:"task_queue"`     // ESTEIRA_TASK_QUEUE: prefix of the queues
	Temporal      Temporal `json:"temporal"`
	Threads       int      `json:"threads"`      // ESTEIRA_THREADS, at least 1
	TrustedKeys   []string `json:"trusted_keys"` // ESTEIRA_TRUSTED_KEYS: files and directories; empty: bundles need no signature

	Edge Edge `json:"edge"`

	// Token is what the command line sends to the prediction server.
	Token Secret `json:"token"` // ESTEIRA_TOKEN

	// File is the .esteira/env that was read, or empty.
	File string `json:"file,omitempty"`

	temporalEnv map[string]string
}

// Log says how logs look.
type Log struct {
	Level  zerolog.Level `json:"level"`  // ESTEIRA_LOG_LEVEL
	Format string        `json:"format"` // ESTEIRA_LOG_FORMAT: json, console or auto

	secrets []string
}

// Secrets lists the values a log must not show: those of at least twelve
// characters, since a shorter one would also blot out ordinary words.
func (l Log) Secrets() []string { return l.secrets }

// S3 locates the object store.
type S3 struct {
	Endpoint     string `json:"endpoint"` // URL
	AccessKey    string `json:"access_key"`
	SecretKey    Secret `json:"secret_key"`
	SessionToken Secret `json:"session_token"`
	Region       string `json:"region"`
}

// Temporal locates Temporal for people's eyes; the client's options, with TLS
// and API key, are made from TemporalEnv by internal/temporal.
type Temporal struct {
	UIURL string `json:"ui_url"` // TEMPORAL_UI_URL, no trailing slash
}

// Format implements fmt.Formatter: JSON, whatever the verb. Package fmt would
// otherwise print the fields that are not exported, an API key among them.
func (c Config) Format(f fmt.State, _ rune) {
	b, err := json.Marshal(c)
	if err != nil {
		b = []byte("config: " + err.Error())
	}
	_, _ = f.Write(b)
}

// ArtifactOptions returns the options that open the artifact store.
func (c Config) ArtifactOptions() artifact.Options {
	return artifact.Options{
		AccessKey:    c.S3.AccessKey,
		Bucket:       c.Bucket,
		CacheDir:     c.CacheDir,
		CacheSize:    c.CacheSize,
		Endpoint:     c.S3.Endpoint,
		Region:       c.S3.Region,
		SecretKey:    c.S3.SecretKey.Reveal(),
		SessionToken: c.S3.SessionToken.Reveal(),
	}
}

// Trust reads the keys whose signatures count, as their files are now. Errors are
// ConfigInvalid.
func (c Config) Trust() (signing.Trust, error) { return signing.Trusted(c.TrustedKeys) }

// TemporalEnv gives Temporal's variables (TEMPORAL_*), merged as everything
// else; it has the methods envconfig's EnvLookup asks for.
func (c Config) TemporalEnv() Env { return Env(c.temporalEnv) }

// Env is a set of variables.
type Env map[string]string

// Environ lists NAME=VALUE in no particular order.
func (e Env) Environ() []string {
	out := make([]string, 0, len(e))
	for name, value := range e {
		out = append(out, name+"="+value)
	}
	return out
}

// LookupEnv is os.LookupEnv on the set.
func (e Env) LookupEnv(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

// Load reads the configuration of this process. Its errors are ConfigInvalid
// and name the variable and what to write instead.
func Load() (Config, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Config{}, fmt.Errorf("find the working directory: %w", err)
	}
	return LoadFrom(dir, os.Environ())
}
