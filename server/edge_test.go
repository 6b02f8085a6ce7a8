package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	grpcmetadata "google.golang.org/grpc/metadata"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/serving/oip"
	"github.com/esteira-ml/esteira/internal/token"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// certify writes a certificate of 127.0.0.1 with a serial number.
func certify(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A server with tokens, TLS, gRPC and metrics: each answers, a token that is revoked
// does not, and a certificate that is replaced is the one shown.
func TestTheEdgeOfTheServer(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.deploy(t, 0)
	secret, hash := token.New()
	if err := s.db.CreateToken(t.Context(), metadata.Token{Name: "app", Hash: hash, Scopes: []string{token.Predict}}); err != nil {
		t.Fatal(err)
	}
	dir, stream, metrics := t.TempDir(), freeAddress(t), freeAddress(t)
	certify(t, dir, 1)
	s.start(t, "ESTEIRA_AUTH=required", "ESTEIRA_GRPC_LISTEN="+stream, "ESTEIRA_METRICS_LISTEN="+metrics,
		"ESTEIRA_TLS_CERT="+filepath.Join(dir, "cert.pem"), "ESTEIRA_TLS_KEY="+filepath.Join(dir, "key.pem"))
	insecure := &tls.Config{InsecureSkipVerify: true} // the certificate is its own authority
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true}}
	url := "https" + strings.TrimPrefix(s.url, "http")
	serial := int64(0)
	ask := func(secret string) int {
		req, err := http.NewRequest(http.MethodPost, url+"/v1/endpoints/flights/predict", strings.NewReader(`{"records":[{"distance":7,"origin":"LAX","departs":1}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := client.Do(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		serial = res.TLS.PeerCertificates[0].SerialNumber.Int64()
		return res.StatusCode
	}
	eventually(t, "the token is known and the endpoint answers", func() bool { return ask(secret) == 200 })
	if serial != 1 || ask("est_other") != 401 {
		t.Fatal("who has no token was answered")
	}

	conn, err := grpc.NewClient(stream, grpc.WithTransportCredentials(credentials.NewTLS(insecure)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := grpcmetadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret)
	if m, err := oip.NewGRPCInferenceServiceClient(conn).ModelMetadata(ctx, &oip.ModelMetadataRequest{Name: "flights"}); err != nil || m.GetName() != "flights" {
		t.Fatal(m, err)
	}

	res, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	for _, line := range []string{`nv_inference_request_success{model="flights",role="live",version="1"} `, `esteira_revision{endpoint="flights"} 1`, "esteira_spool_available 1", "esteira_ready 1", `esteira_loads_total{endpoint="flights",result="live"} 1`} {
		if err != nil || !strings.Contains(string(text), line) {
			t.Errorf("%v: no %s", err, line)
		}
	}

	certify(t, dir, 2)
	eventually(t, "the new certificate is shown", func() bool { return ask(secret) == 200 && serial == 2 })
	if err := s.db.RevokeToken(t.Context(), "app"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token is refused", func() bool { return ask(secret) == 401 })
}

// A server that would answer whoever asks from elsewhere refuses to, unless told.
func TestItIsNotExposedByOversight(t *testing.T) {
	t.Parallel()
	s := setup(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(s.env, "ESTEIRA_LISTEN=0.0.0.0:0")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "ESTEIRA_AUTH=required") {
		t.Fatal(string(out))
	}
}
