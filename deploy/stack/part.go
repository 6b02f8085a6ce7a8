package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	minioUser     = "esteira"
	minioPassword = "esteira-secret"
)

// part is one program of the stack, as up writes it for the supervisor.
type part struct {
	Name     string         `json:"name"`
	Title    string         `json:"title"`
	Args     []string       `json:"args"`     // program and arguments
	Env      []string       `json:"env"`      // added to the caller's environment
	Needs    []string       `json:"needs"`    // parts that must answer first
	Ports    []string       `json:"ports"`    // names of the ports it listens on
	Probe    string         `json:"probe"`    // see probe
	Stop     syscall.Signal `json:"stop"`     // asks it to end
	Patience time.Duration  `json:"patience"` // how long it may take to end
	Version  string         `json:"version"`  // of the program; a change restarts the part
	User     *account       `json:"user"`     // to run as, if not the caller
}

// key changes when the part has to be restarted.
func (p part) key() string {
	text, _ := json.Marshal(p)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// allParts lists the parts in the order of their needs.
func allParts(l layout, p ports, pg postgres, extra []string) ([]part, error) {
	parts := []part{pg.part(l, p), minioPart(l, p), temporalPart(l, p)}
	for _, name := range []string{"server", "worker"} {
		if !slices.Contains(extra, name) {
			continue
		}
		own, err := productPart(l, p, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, own)
	}
	return parts, nil
}

func minioPart(l layout, p ports) part {
	return part{
		Name: "minio", Title: "MinIO", Ports: []string{"MINIO", "MINIO_CONSOLE"},
		Args: []string{l.bin("minio"), "server", l.minio(), "--quiet",
			"--address", p.address("MINIO"), "--console-address", p.address("MINIO_CONSOLE")},
		Env: []string{"MINIO_ROOT_USER=" + minioUser, "MINIO_ROOT_PASSWORD=" + minioPassword,
			"MINIO_UPDATE=off", "MINIO_CONFIG_ENV_FILE=", "MINIO_VOLUMES="},
		Probe: "http://" + p.address("MINIO") + "/minio/health/ready",
		Stop:  syscall.SIGTERM, Patience: 15 * time.Second, Version: builtKey(l.bin("minio")),
	}
}

func temporalPart(l layout, p ports) part {
	return part{
		Name: "temporal", Title: "Temporal", Ports: []string{"TEMPORAL", "UI"}, Needs: []string{"postgres"},
		Args: []string{l.bin("temporal"), "--postgres", p.address("POSTGRES"),
			"--port", strconv.Itoa(p["TEMPORAL"]), "--ui-port", strconv.Itoa(p["UI"])},
		Env:   []string{"PGPASSWORD=" + temporalPassword},
		Probe: "http://" + p.address("UI") + "/api/v1/namespaces/default",
		Stop:  syscall.SIGTERM, Patience: 20 * time.Second, Version: builtKey(l.bin("temporal")),
	}
}

// productPart is the worker or the prediction server, built by make build.
func productPart(l layout, p ports, name string) (part, error) {
	program := filepath.Join(l.root, "bin", "esteira-"+name)
	version, err := digestOf(program)
	if err != nil {
		return part{}, fmt.Errorf("the %s is not built yet, run make build: %w", name, err)
	}
	own := part{
		Name: name, Title: "Esteira " + name, Args: []string{program}, Version: version,
		Needs: []string{"postgres", "minio", "temporal"},
		Stop:  syscall.SIGTERM, Patience: 60 * time.Second,
	}
	for _, v := range settings(l, p) {
		own.Env = append(own.Env, v.key+"="+v.value)
	}
	if name == "server" {
		own.Needs = []string{"postgres", "minio"}
		own.Ports = []string{"SERVER"}
		own.Probe = "http://" + p.address("SERVER") + "/v2/health/live"
	}
	return own, nil
}

// start runs the part in a session of its own, so that it outlives its starter.
func (p part) start(l layout) (*exec.Cmd, error) {
	rotate(l.log(p.Name))
	log, err := os.OpenFile(l.log(p.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Dir = l.root
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if p.User != nil {
		cmd.Dir = "/"
		p.User.apply(cmd)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, newRecord(cmd.Process.Pid, p.key()).save(l, p.Name)
}

// logLimit bounds a log file; with the one before it a part keeps twice as much.
const logLimit = 32 << 20

// rotate keeps a log that has grown too large as NAME.log.1 and starts it anew.
// The writer holds the file open for appending, so it is copied and truncated.
func rotate(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Size() < logLimit {
		return
	}
	from, err := os.Open(path)
	if err != nil {
		return
	}
	defer from.Close()
	to, err := os.OpenFile(path+".1", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer to.Close()
	if _, err := from.Seek(-logLimit, io.SeekEnd); err != nil {
		return
	}
	io.Copy(to, from)
	os.Truncate(path, 0)
}

// tail returns the last lines of a log.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
