package artifact

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Options locate a store and its cache.
type Options struct {
	AccessKey    string // empty with SecretKey: the machine's own role
	Bucket       string // made if missing
	CacheDir     string // made if missing; may be shared by processes of one machine
	CacheSize    int64  // bytes; default 10 GiB
	Endpoint     string // http(s)://host:port
	Region       string // default us-east-1
	SecretKey    string `json:"-"`
	SessionToken string `json:"-"`
}

// String says where, without the credentials.
func (o Options) String() string {
	return o.Endpoint + "/" + o.Bucket + " cached in " + o.CacheDir
}

// Format hides the credentials whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { fmt.Fprint(f, o.String()) }

// An outage must surface in seconds: the wait is for a server that does not
// answer, never for one that is busy sending.
const (
	dialTimeout  = 3 * time.Second
	stallTimeout = 20 * time.Second
	attempts     = 3 // minio-go's own, about a second in all when connections are refused
)

func (o Options) client() (*minio.Client, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") {
		return nil, fault.New(fault.ConfigInvalid, "the object store's address is not a URL of scheme, host and port").
			WithRemedy("set AWS_ENDPOINT_URL_S3, for example http://127.0.0.1:9000")
	}
	creds := credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	if o.AccessKey == "" {
		creds = credentials.NewChainCredentials([]credentials.Provider{&credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	region := o.Region
	if region == "" {
		region = "us-east-1"
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:      creds,
		MaxRetries: attempts,
		Region:     region,
		Secure:     u.Scheme == "https",
		Transport:  transport(),
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "open the object store at %s", u.Host).WithRemedy("check AWS_ENDPOINT_URL_S3")
	}
	return client, nil
}

func transport() *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return stallConn{conn}, nil
		},
		DisableCompression:    true, // an artifact is the bytes as they are
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   32,
		ResponseHeaderTimeout: stallTimeout,
		TLSHandshakeTimeout:   5 * time.Second,
	}
}

// stallConn fails a write that makes no progress. Reads are watched where the
// body is read: net/http reads a connection ahead while a long upload runs.
type stallConn struct{ net.Conn }

func (c stallConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
