package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// findPostgres looks for the server's programs and installs them if there are
// none. Data of a major version ask for a server of the same.
func findPostgres(l layout) (postgres, error) {
	user, err := postgresAccount(dataDir(l))
	if err != nil {
		return postgres{}, err
	}
	text, _ := os.ReadFile(filepath.Join(dataDir(l), "PG_VERSION"))
	version := strings.TrimSpace(string(text))
	if bin := postgresBin(version); bin != "" {
		return postgres{bin: bin, user: user}, nil
	}
	if version != "" && postgresBin("") != "" {
		return postgres{}, fmt.Errorf("the data in %s are of Postgres %s, which is not installed: install it (Debian: apt-get install postgresql-%s), or start anew with make clean", dataDir(l), version, version)
	}
	if err := installPostgres(l); err != nil {
		return postgres{}, err
	}
	bin := postgresBin(version)
	if bin == "" {
		return postgres{}, errors.New("after its installation the programs of Postgres are not where they were expected: put initdb and postgres on the PATH")
	}
	// The package may just have created the user.
	user, err = postgresAccount(dataDir(l))
	return postgres{bin: bin, user: user}, err
}

// postgresBin returns the directory of the newest server of a major version, or
// of any when version is empty.
func postgresBin(version string) string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return majorOf(b) - majorOf(a) })
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	for _, dir := range dirs {
		if version != "" && majorOf(dir) != 0 && strconv.Itoa(majorOf(dir)) != version {
			continue
		}
		_, err1 := os.Stat(filepath.Join(dir, "initdb"))
		_, err2 := os.Stat(filepath.Join(dir, "postgres"))
		if err1 == nil && err2 == nil {
			return dir
		}
	}
	return ""
}

// majorOf reads the major version from a path such as /usr/lib/postgresql/15/bin.
func majorOf(dir string) int {
	name := filepath.Base(filepath.Dir(dir))
	number, _ := strconv.Atoi(name[strings.LastIndexAny(name, "@-")+1:])
	return number
}

// installPostgres installs Debian's package without the cluster it would create
// and start on port 5432.
func installPostgres(l layout) error {
	return install(l, "Postgres", "postgresql", `apt-get update -q
apt-get install -q -y --no-install-recommends postgresql-common
sed -i 's/^#* *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
apt-get install -q -y --no-install-recommends postgresql`)
}

// install runs a script of Debian's package commands as root, or says what to type.
func install(l layout, title, pkg, script string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s is missing: install it, on macOS with brew install %s", title, pkg)
	}
	command := []string{"sh", "-ec", script}
	if os.Geteuid() != 0 {
		if exec.Command("sudo", "-n", "true").Run() != nil {
			return fmt.Errorf("%s is missing, and installing it needs root: type sudo apt-get install -y %s", title, pkg)
		}
		command = append([]string{"sudo", "-n", "DEBIAN_FRONTEND=noninteractive"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if err := watch(l, "install "+title, "install-"+pkg, cmd); err != nil {
		return fmt.Errorf("%w\nor install it by hand: apt-get install -y %s", err, pkg)
	}
	return nil
}
