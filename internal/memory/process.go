package memory

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Resident is how many bytes of memory a process has resident, as Linux counts them.
// Elsewhere it is an error.
func Resident(pid int) (int64, error) { return figureOf(pid, "VmRSS") }

// Peak is the most bytes that a process had resident since its program was loaded, as
// Linux counts them. Elsewhere it is an error.
func Peak(pid int) (int64, error) { return figureOf(pid, "VmHWM") }

func figureOf(pid int, name string) (int64, error) {
	return figure(fmt.Sprintf("/proc/%d/status", pid), name)
}

// figure is that of a file of lines such as "VmRSS: 512 kB", in bytes.
func figure(file, name string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no figure %s", file, name)
}
