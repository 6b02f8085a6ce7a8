package config

// The defaults, which meet the local stack.
const (
	DefaultCacheSize            = "10GiB"
	DefaultSpoolBytes           = "1GiB"
	DefaultConsoleListen        = "127.0.0.1:7080"
	DefaultDatabaseURL   Secret = "postgres://esteira:esteira@127.0.0.1:15432/esteira"
	DefaultListen               = "127.0.0.1:8090"
	DefaultMemoryLimit          = "768MiB"
	DefaultFitMemory            = "512MiB"
	DefaultRegion               = "us-east-1"
	DefaultS3Endpoint           = "http://127.0.0.1:9000"
	DefaultServerAddress        = "http://127.0.0.1:8090"
	DefaultTemporalUIURL        = "http://127.0.0.1:8233"
)

// Variable is one environment variable, for help texts.
type Variable struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
	Default string `json:"default,omitempty"` // as text for people
}

// Describe lists every variable Load reads.
func Describe() []Variable {
	return []Variable{
		{"TEMPORAL_ADDRESS", "host:port of Temporal", "127.0.0.1:7233"},
		{"TEMPORAL_NAMESPACE", "namespace in Temporal", "default"},
		{"TEMPORAL_API_KEY", "API key for Temporal; turns TLS on", ""},
		{"TEMPORAL_TLS", "true or false; TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH, TEMPORAL_TLS_SERVER_CA_CERT_PATH, TEMPORAL_TLS_SERVER_NAME and the rest of Temporal's own", "false"},
		{"TEMPORAL_PROFILE", "profile in Temporal's configuration file; TEMPORAL_CONFIG_FILE names the file", "default"},
		{"TEMPORAL_UI_URL", "address of Temporal's web interface, for links", DefaultTemporalUIURL},
		{"DATABASE_URL", "Postgres; or PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE", "the local stack's"},
		{"AWS_ENDPOINT_URL_S3", "URL of the object store; or AWS_ENDPOINT_URL, or MINIO_ENDPOINT", DefaultS3Endpoint},
		{"AWS_ACCESS_KEY_ID", "its access key; or MINIO_ACCESS_KEY, MINIO_ROOT_USER", "the local stack's"},
		{"AWS_SECRET_ACCESS_KEY", "its secret key; or MINIO_SECRET_KEY, MINIO_ROOT_PASSWORD", "the local stack's"},
		{"AWS_SESSION_TOKEN", "its session token, if the keys are temporary", ""},
		{"AWS_REGION", "its region", DefaultRegion},
		{"ESTEIRA_BUCKET", "bucket of the artifacts; made if missing", "esteira"},
		{"ESTEIRA_CACHE_DIR", "artifacts kept on local disk", ".esteira/cache, else the user's cache directory"},
		{"ESTEIRA_CACHE_SIZE", "bound of that directory", DefaultCacheSize},
		{"ESTEIRA_MEMORY_LIMIT", "memory the data engine may use before it spills to disk", DefaultMemoryLimit},
		{"ESTEIRA_FIT_MEMORY", "memory for the rows kept ready for further fits, beyond those that are learnt from now", DefaultFitMemory},
		{"ESTEIRA_THREADS", "threads of one step", "all cores"},
		{"ESTEIRA_ALLOW_PRIVATE_ADDRESSES", "true lets HTTP and Postgres sources, webhooks and mail reach loopback, private and link-local addresses", "false"},
		{"ESTEIRA_TASK_QUEUE", "prefix of the task queues", "esteira"},
		{"ESTEIRA_LISTEN", "host:port the prediction server listens on", "that of ESTEIRA_SERVER_ADDRESS, if on this machine"},
		{"ESTEIRA_GRPC_LISTEN", "host:port of the Open Inference Protocol over gRPC, such as 127.0.0.1:8091; or off", "off"},
		{"ESTEIRA_METRICS_LISTEN", "host:port of the prediction server's metrics for Prometheus, such as 127.0.0.1:8092; or off", "off"},
		{"ESTEIRA_CONSOLE_LISTEN", "host:port that esteira console listens on", DefaultConsoleListen},
		{"ESTEIRA_AUTH", "required: the prediction server and the console answer only requests with a token, see esteira tokens; off: whoever asks. One that listens beyond loopback wants it said", "off on loopback"},
		{"ESTEIRA_TOKEN", "token that the command line sends to the prediction server", ""},
		{"ESTEIRA_TLS_CERT", "file with the certificates (PEM) of the prediction server and the console, read again when it changes; with ESTEIRA_TLS_KEY, the file of their key", "no TLS"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "where the prediction server sends a trace of each request (OTLP); and the other OTEL_* variables of OpenTelemetry", "no traces"},
		{"ESTEIRA_SERVER_ADDRESS", "URL clients find the prediction server at", DefaultServerAddress},
		{"ESTEIRA_SPOOL_DIR", "audit records on their way to Postgres; a durable disk", ".esteira/spool, else the user's cache directory"},
		{"ESTEIRA_SOURCE_DIRS", "directories below which a worker may read source files, separated by colons", "any"},
		{"ESTEIRA_SIGNING_KEY", "key that a worker signs bundles with, as a reference: env:NAME or file:PATH; see esteira keys", "bundles are not signed"},
		{"ESTEIRA_TRUSTED_KEYS", "public keys, files or directories of *.pub, separated by colons: workers and servers open only bundles that one of them signed", "any bundle"},
		{"ESTEIRA_SPOOL_MAX_BYTES", "bound of that directory; a full spool answers 503", DefaultSpoolBytes},
		{"ESTEIRA_LOG_LEVEL", "debug, info, warn or error", "info"},
		{"ESTEIRA_LOG_FORMAT", "json, console, or auto (console on a terminal)", "auto"},
		{"ONNXRUNTIME_LIB", "path of ONNX Runtime's shared library: workers, and servers of models trained elsewhere", "looked for where make setup puts it"},
	}
}
