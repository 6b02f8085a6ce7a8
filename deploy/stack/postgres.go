package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	temporalPassword = "temporal"

	// elsewhere is where data go that cannot lie in the stack's directory.
	elsewhere = "/var/lib/esteira"
)

// createSQL is run by the single-user server, one statement a line. Its own
// superuser has no password and can therefore not log in.
const createSQL = `CREATE ROLE esteira LOGIN CREATEDB PASSWORD 'esteira'
CREATE ROLE temporal LOGIN PASSWORD '` + temporalPassword + `'
CREATE DATABASE esteira OWNER esteira
CREATE DATABASE temporal OWNER temporal
CREATE DATABASE temporal_visibility OWNER temporal
`

// accessRules let in logins with a password over loopback, and nothing else.
const accessRules = `# type database user address method
host all all 127.0.0.1/32 scram-sha-256
`

// postgres is a server found on the machine and the user it runs as.
type postgres struct {
	bin  string // directory of its programs
	user *account
}

func (pg postgres) part(l layout, p ports) part {
	args := []string{filepath.Join(pg.bin, "postgres"), "-D", dataDir(l), "-p", strconv.Itoa(p["POSTGRES"])}
	for _, setting := range []string{
		"listen_addresses=127.0.0.1",
		"max_connections=300",
		"max_wal_size=2GB",
		"password_encryption=scram-sha-256",
		"shared_buffers=256MB",
		"unix_socket_directories=",
	} {
		args = append(args, "-c", setting)
	}
	return part{
		Name: "postgres", Title: "Postgres", Args: args, Ports: []string{"POSTGRES"}, User: pg.user,
		Env:   []string{"LC_ALL=C"},
		Probe: "postgres://" + p.address("POSTGRES"),
		// The fast shutdown: it ends sessions rather than wait for them.
		Stop: syscall.SIGINT, Patience: 30 * time.Second,
	}
}

// dataDir is where the data really lie; see place.
func dataDir(l layout) string {
	if target, err := os.Readlink(l.postgres()); err == nil {
		return target
	}
	return l.postgres()
}

// place chooses the directory of new data. Where the user that Postgres runs as
// cannot pass through the directories above the stack's (root's home, say), the
// data go under /var/lib and a link says so.
func (pg postgres) place(l layout) (string, error) {
	if pg.user == nil || pg.user.reaches(l.dir) {
		return l.postgres(), nil
	}
	sum := sha256.Sum256([]byte(l.dir))
	base := filepath.Join(elsewhere, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	if !pg.user.reaches(base) {
		return "", fmt.Errorf("user %s, which Postgres runs as, can enter neither %s nor %s: let it pass with chmod o+x on the directories above, or run as an ordinary user", pg.user.Name, l.dir, base)
	}
	fmt.Printf("user %s cannot enter %s: Postgres' data go to %s\n", pg.user.Name, l.dir, base)
	target := filepath.Join(base, "postgres")
	os.Remove(l.postgres())
	return target, os.Symlink(target, l.postgres())
}

// initialise creates the data directory with its roles and databases. It appears
// under its name only when complete, so an interrupted attempt is made anew.
func (pg postgres) initialise(l layout) error {
	data := dataDir(l)
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return pg.checkData(data)
	}
	data, err := pg.place(l)
	if err != nil {
		return fmt.Errorf("place Postgres' data: %w", err)
	}
	fresh := data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if pg.user != nil {
		if err := os.Chown(fresh, int(pg.user.UID), int(pg.user.GID)); err != nil {
			return err
		}
	}
	// Without a password initdb insists on trust; the rules below replace it before
	// the server ever listens.
	if err := pg.command("", "initdb", "-D", fresh, "-U", "postgres", "--encoding=UTF8", "--locale=C", "--auth=trust"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, "pg_hba.conf"), []byte(accessRules), 0o600); err != nil {
		return err
	}
	if err := pg.command(createSQL, "postgres", "--single", "-D", fresh, "-c", "password_encryption=scram-sha-256", "postgres"); err != nil {
		return err
	}
	return os.Rename(fresh, data)
}

// command runs one of Postgres' programs and returns its output as an error.
func (pg postgres) command(input, name string, args ...string) error {
	cmd := exec.Command(filepath.Join(pg.bin, name), args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(input)
	if pg.user != nil {
		pg.user.apply(cmd)
	}
	out, err := cmd.CombinedOutput()
	// The single-user server reports a failed statement but ends with success.
	if err == nil && bytes.Contains(out, []byte("ERROR:")) {
		err = errors.New("a statement failed")
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// checkData refuses data of another user or another major version.
func (pg postgres) checkData(data string) error {
	info, err := os.Stat(data)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && pg.user == nil && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("the data in %s belong to user %d: run as that user, or remove them with make clean as root", data, owner.Uid)
	}
	return nil
}

// clearLock removes a lock file that a crash or reboot left and whose process id
// something else has taken since: Postgres itself might refuse to start.
func clearLock(p part) {
	data := p.Args[2]
	path := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && !strings.Contains(commandLine(pid), data) {
		os.Remove(path)
	}
}
