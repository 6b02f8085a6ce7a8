package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"text/template"
	"time"

	"github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"gopkg.in/yaml.v3"
)

//go:embed config.yaml
var configTemplate string

// dynamic raises the poll rates that otherwise cost an activity up to 50 ms, and
// makes new namespaces and search attributes usable within a second.
var dynamic = dynamicconfig.StaticClient{
	dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
	dynamicconfig.NamespaceCacheRefreshInterval.Key():           time.Second,
	dynamicconfig.OutboundProcessorMaxPollRPS.Key():             2000,
	// Each test, and each team with queues of its own, is a deployment of its own.
	dynamicconfig.MatchingMaxDeployments.Key():        10000,
	dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
	dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
	dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 2000,
}

// newServer returns the four services in one process, on loopback. They find
// each other by static addresses: a restart after a crash need not wait until a
// dead member's place in the ring expires.
func newServer(o options) (temporal.Server, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = template.Must(template.New("config").Parse(configTemplate)).Execute(&text, map[string]any{
		"History":      ports[0],
		"Matching":     ports[1],
		"Password":     os.Getenv("PGPASSWORD"),
		"Port":         o.Port,
		"Postgres":     o.Postgres,
		"PostgresUser": o.PostgresUser,
		"Worker":       ports[2],
	})
	if err != nil {
		return nil, err
	}
	var cfg config.Config
	if err := yaml.Unmarshal(text.Bytes(), &cfg); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return temporal.NewServer(
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithConfig(&cfg),
		temporal.WithDynamicConfigClient(dynamic),
		temporal.WithLogger(log.NewZapLogger(log.BuildZapLogger(cfg.Log))),
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService: localHost(o.Port),
			primitives.HistoryService:  localHost(ports[0]),
			primitives.MatchingService: localHost(ports[1]),
			primitives.WorkerService:   localHost(ports[2]),
		}),
	)
}

func localHost(port int) static.Hosts {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return static.Hosts{All: []string{address}, Self: address}
}

// freePorts returns n ports nothing listens on, below the range from which
// systems take the ports of outgoing connections.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))))
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found, so that they differ
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
		if len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no free port between 20000 and 32000")
}

// newUI returns the web UI. Its cookie is not marked secure, since it is served
// over plain HTTP on loopback, where a browser may drop a secure one.
func newUI(o options) *server.Server {
	return server.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
		CORS:                uiconfig.CORS{CookieInsecure: true},
		DefaultNamespace:    o.Namespace,
		DisableNewsFetch:    true,
		EnableUI:            true,
		HideLogs:            true,
		Host:                "127.0.0.1",
		Port:                o.UIPort,
		TemporalGRPCAddress: net.JoinHostPort("127.0.0.1", strconv.Itoa(o.Port)),
	}))
}
