package config

import (
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/secret"
)

// LoadFrom is Load for a given working directory and environment (NAME=VALUE).
func LoadFrom(dir string, environ []string) (Config, error) {
	env := Env{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" {
			env[name] = value
		}
	}
	path, file, err := findFile(dir)
	if err != nil {
		return Config{}, err
	}
	l := loader{env: env, file: file, values: merge(file, env)}
	if path != "" {
		l.home = filepath.Dir(path)
	}
	c := Config{
		AllowPrivateAddresses: l.truth("ESTEIRA_ALLOW_PRIVATE_ADDRESSES"),

		Bucket:        l.matching("ESTEIRA_BUCKET", "esteira", bucketName, "3 to 63 lower-case letters, digits, dots and hyphens"),
		CacheDir:      l.directory("ESTEIRA_CACHE_DIR", "cache"),
		CacheSize:     l.bytes("ESTEIRA_CACHE_SIZE", DefaultCacheSize),
		ConsoleListen: l.hostPort("ESTEIRA_CONSOLE_LISTEN", DefaultConsoleListen),
		SourceDirs:    filepath.SplitList(l.values["ESTEIRA_SOURCE_DIRS"]),
		SpoolBytes:    l.bytes("ESTEIRA_SPOOL_MAX_BYTES", DefaultSpoolBytes),
		MemoryLimit:   l.bytes("ESTEIRA_MEMORY_LIMIT", DefaultMemoryLimit),
		FitMemory:     l.bytes("ESTEIRA_FIT_MEMORY", DefaultFitMemory),
		ONNXRuntime:   l.values["ONNXRUNTIME_LIB"],
		ServerAddress: l.serverAddress(),
		SigningKey:    l.reference("ESTEIRA_SIGNING_KEY"),
		SpoolDir:      l.directory("ESTEIRA_SPOOL_DIR", "spool"),
		TaskQueue:     l.matching("ESTEIRA_TASK_QUEUE", "esteira", queueName, "letters, digits, dots, underscores and hyphens"),
		Token:         Secret(l.values["ESTEIRA_TOKEN"]),
		Threads:       l.count("ESTEIRA_THREADS", runtime.NumCPU()),
		TrustedKeys:   filepath.SplitList(l.values["ESTEIRA_TRUSTED_KEYS"]),
		Temporal:      Temporal{UIURL: l.url("TEMPORAL_UI_URL", DefaultTemporalUIURL)},
		File:          path,
		temporalEnv:   l.temporal(),
	}
	c.Listen = l.listen(c.ServerAddress)
	c.Edge = l.edge(c.Listen)
	c.Log = l.log()
	c.S3 = l.s3()
	c.DatabaseURL = l.database()
	c.Log.secrets = l.secrets(c)
	return c, l.err
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	queueName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
)

// merge returns file overlaid by env.
func merge(file, env Env) Env {
	out := maps.Clone(file)
	if out == nil {
		out = Env{}
	}
	maps.Copy(out, env)
	return out
}

// loader keeps the first error, so that LoadFrom reads as a list of fields.
type loader struct {
	env, file, values Env
	home              string // the .esteira directory, or empty
	err               error
}

func (l *loader) refuse(name, why, remedy string, args ...any) {
	if l.err == nil {
		l.err = fault.New(fault.ConfigInvalid, "%s %s", name, why).WithRemedy(remedy, args...)
	}
}

// group returns the place that has one of the leading names: variables that
// belong together come from the environment or from the file, never from both.
func (l *loader) group(leading ...string) Env {
	for _, place := range []Env{l.env, l.file} {
		for _, name := range leading {
			if _, ok := place[name]; ok {
				return place
			}
		}
	}
	return nil
}

func (l *loader) matching(name, def string, pattern *regexp.Regexp, what string) string {
	value, ok := l.values[name]
	if !ok {
		return def
	}
	if !pattern.MatchString(value) {
		l.refuse(name, strconv.Quote(value)+" is not a valid name", "use %s", what)
	}
	return value
}

// directory defaults to a folder beside the local stack's data, or else below
// the user's cache directory.
func (l *loader) directory(name, sub string) string {
	value, ok := l.values[name]
	switch {
	case ok:
	case l.home != "":
		value = filepath.Join(l.home, sub)
	default:
		base, err := os.UserCacheDir()
		if err != nil {
			l.refuse(name, "has no default here, because there is no home directory", "set %s to a writable directory", name)
			return ""
		}
		value = filepath.Join(base, "esteira", sub)
	}
	abs, err := filepath.Abs(value)
	if err != nil {
		l.refuse(name, strconv.Quote(value)+" is not a path", "set an absolute path")
	}
	return abs
}

func (l *loader) bytes(name, def string) int64 {
	value, ok := l.values[name]
	if !ok {
		value = def
	}
	n, err := humanize.ParseBytes(value)
	if err != nil || n < 1<<20 || n > 1<<60 {
		l.refuse(name, strconv.Quote(value)+" is not a size of at least 1MiB", "write a number with a unit, such as %s", def)
		return 0
	}
	return int64(n)
}

func (l *loader) count(name string, def int) int {
	value, ok := l.values[name]
	if !ok {
		return def
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 1024 {
		l.refuse(name, strconv.Quote(value)+" is not a count from 1 to 1024", "write a whole number, or unset it to use all cores")
	}
	return n
}

func (l *loader) truth(name string) bool {
	switch value := l.values[name]; value {
	case "true":
		return true
	case "", "false":
	default:
		l.refuse(name, strconv.Quote(value)+" is neither true nor false", "write true or false")
	}
	return false
}

// reference does not repeat a value that is none: it may be the secret itself.
func (l *loader) reference(name string) string {
	value := l.values[name]
	if value != "" && !secret.Valid(value) {
		l.refuse(name, "is not a reference to a secret", "write env:NAME or file:PATH")
	}
	return value
}

func (l *loader) hostPort(name, def string) string {
	value, ok := l.values[name]
	if !ok {
		return def
	}
	_, port, err := net.SplitHostPort(value)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		l.refuse(name, strconv.Quote(value)+" is not host:port", "write for example %s", def)
	}
	return value
}

func (l *loader) url(name, def string) string {
	value, ok := l.values[name]
	if !ok {
		return def
	}
	return l.checkURL(name, value, def)
}

func (l *loader) checkURL(name, value, example string) string {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		// The value is not repeated: a URL may carry a password.
		l.refuse(name, "is not an http or https URL without user information", "write for example %s", example)
	}
	return strings.TrimRight(value, "/")
}

// serverAddress accepts a bare host:port too.
func (l *loader) serverAddress() string {
	const name = "ESTEIRA_SERVER_ADDRESS"
	value, ok := l.values[name]
	if !ok {
		return DefaultServerAddress
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	return l.checkURL(name, value, DefaultServerAddress)
}

// listen defaults to where clients look, if that is this machine.
func (l *loader) listen(server string) string {
	if u, err := url.Parse(server); err == nil && u.Port() != "" {
		if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
			return l.hostPort("ESTEIRA_LISTEN", u.Host)
		}
	}
	return l.hostPort("ESTEIRA_LISTEN", DefaultListen)
}

func (l *loader) log() Log {
	out := Log{Level: zerolog.InfoLevel, Format: "auto"}
	if value, ok := l.values["ESTEIRA_LOG_LEVEL"]; ok {
		level, err := zerolog.ParseLevel(strings.ToLower(value))
		if err != nil || level == zerolog.NoLevel {
			l.refuse("ESTEIRA_LOG_LEVEL", strconv.Quote(value)+" is not a level", "write debug, info, warn or error")
		}
		out.Level = level
	}
	if value, ok := l.values["ESTEIRA_LOG_FORMAT"]; ok {
		if value != "json" && value != "console" && value != "auto" {
			l.refuse("ESTEIRA_LOG_FORMAT", strconv.Quote(value)+" is not a format", "write json, console or auto")
		}
		out.Format = value
	}
	return out
}

// s3 takes endpoint and credentials from the place that names the endpoint.
func (l *loader) s3() S3 {
	env := l.group("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MINIO_ENDPOINT")
	if env == nil {
		return S3{Endpoint: DefaultS3Endpoint, AccessKey: "esteira", SecretKey: "esteira-secret", Region: DefaultRegion}
	}
	out := S3{
		AccessKey:    env.first("AWS_ACCESS_KEY_ID", "MINIO_ACCESS_KEY", "MINIO_ROOT_USER"),
		SecretKey:    Secret(env.first("AWS_SECRET_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_PASSWORD")),
		SessionToken: Secret(env.first("AWS_SESSION_TOKEN")),
		Region:       env.first("AWS_REGION", "AWS_DEFAULT_REGION", "MINIO_REGION"),
	}
	if out.Region == "" {
		out.Region = DefaultRegion
	}
	name := "AWS_ENDPOINT_URL"
	value := env.first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	if value == "" {
		name, value = "MINIO_ENDPOINT", env["MINIO_ENDPOINT"]
		if !strings.Contains(value, "://") {
			value = "http://" + value // MinIO's own tools accept a bare host:port
		}
	}
	out.Endpoint = l.checkURL(name, value, DefaultS3Endpoint)
	if (out.AccessKey == "") != (out.SecretKey == "") {
		l.refuse("AWS_SECRET_ACCESS_KEY", "and AWS_ACCESS_KEY_ID must be set together, beside "+name, "set both, or neither to use the machine's own role")
	}
	return out
}

// database prefers a URL; with PG* alone the URL stays empty and pgx reads them.
func (l *loader) database() Secret {
	env := l.group("DATABASE_URL", "PGHOST", "PGSERVICE")
	if env == nil {
		return DefaultDatabaseURL
	}
	value := env["DATABASE_URL"]
	if _, err := pgconn.ParseConfig(value); err != nil {
		name := "DATABASE_URL"
		if value == "" {
			name = "PGHOST"
		}
		// The driver's message hides the password, but not in every broken URL.
		l.refuse(name, "does not describe a Postgres database", "write postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	return Secret(value)
}

// secrets lists what a log must not show.
func (l *loader) secrets(c Config) []string {
	all := []string{
		c.S3.SecretKey.Reveal(), c.S3.SessionToken.Reveal(), l.values["PGPASSWORD"],
		l.values["TEMPORAL_API_KEY"], l.values["ESTEIRA_TOKEN"], l.values["TEMPORAL_CODEC_AUTH"], l.values["TEMPORAL_TLS_CLIENT_KEY_DATA"],
	}
	if database, err := pgconn.ParseConfig(c.DatabaseURL.Reveal()); err == nil {
		all = append(all, database.Password)
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 12 })
}

// temporal leaves the file's variables out when the environment chooses a
// profile of Temporal's own configuration, which they would override.
func (l *loader) temporal() map[string]string {
	_, profile := l.env["TEMPORAL_PROFILE"]
	_, custom := l.env["TEMPORAL_CONFIG_FILE"]
	from := l.values
	if profile || custom {
		from = l.env
	}
	out := map[string]string{}
	for name, value := range from {
		if strings.HasPrefix(name, "TEMPORAL_") {
			out[name] = value
		}
	}
	return out
}

func (e Env) first(names ...string) string {
	for _, name := range names {
		if value := e[name]; value != "" {
			return value
		}
	}
	return ""
}
