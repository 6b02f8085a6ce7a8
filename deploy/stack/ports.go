package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

// ports maps a name to a port on loopback. The variable ESTEIRA_PORT_<name> sets it.
type ports map[string]int

// portNames fixes the order in messages and files.
var portNames = []string{"POSTGRES", "TEMPORAL", "UI", "MINIO", "MINIO_CONSOLE", "SERVER"}

func defaultPorts() ports {
	return ports{"POSTGRES": 15432, "TEMPORAL": 7233, "UI": 8233, "MINIO": 9000, "MINIO_CONSOLE": 9001, "SERVER": 8090}
}

func (p ports) address(name string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p[name]))
}

// choosePorts takes each port from the environment, else from the last time, else
// a free one if asked for, else the default.
func choosePorts(l layout, free bool) (ports, error) {
	remembered, err := readPorts(l)
	if err != nil {
		return nil, err
	}
	chosen := defaultPorts()
	if free {
		if chosen, err = freePorts(); err != nil {
			return nil, err
		}
	}
	owner := map[int]string{}
	for _, name := range portNames {
		if port, ok := remembered[name]; ok {
			chosen[name] = port
		}
		if text := os.Getenv("ESTEIRA_PORT_" + name); text != "" {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil || port == 0 {
				return nil, fmt.Errorf("ESTEIRA_PORT_%s=%s is not a port: give a number from 1 to 65535", name, text)
			}
			chosen[name] = int(port)
		}
		if other, ok := owner[chosen[name]]; ok {
			return nil, fmt.Errorf("ESTEIRA_PORT_%s and ESTEIRA_PORT_%s are both %d: give each its own", other, name, chosen[name])
		}
		owner[chosen[name]] = name
	}
	return chosen, nil
}

func (p ports) save(l layout) error {
	var text strings.Builder
	for _, name := range portNames {
		fmt.Fprintf(&text, "%s=%d\n", name, p[name])
	}
	return writeFile(l.ports(), []byte(text.String()))
}

func readPorts(l layout) (ports, error) {
	text, err := os.ReadFile(l.ports())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p := ports{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if port, err := strconv.Atoi(value); err == nil {
			p[name] = port
		}
	}
	return p, nil
}

// freePorts finds ports nobody listens on, below the range from which systems
// take the ports of outgoing connections: a stopped part finds its port free
// again when it starts anew.
func freePorts() (ports, error) {
	p := ports{}
	for range 1000 {
		if len(p) == len(portNames) {
			return p, nil
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))))
		if err != nil {
			continue
		}
		defer listener.Close() // held until all are found, so that they differ
		p[portNames[len(p)]] = listener.Addr().(*net.TCPAddr).Port
	}
	return nil, errors.New("no free port between 20000 and 32000")
}

// checkFree fails if someone else listens on a port that a part needs.
func (p ports) checkFree(names []string, part string) error {
	for _, name := range names {
		listener, err := net.Listen("tcp", p.address(name))
		if err != nil {
			return fmt.Errorf("port %d, which %s needs, is taken by another program: set ESTEIRA_PORT_%s to a free port, or stop that program (%w)", p[name], part, name, err)
		}
		listener.Close()
	}
	return nil
}
