package audit

import (
	"crypto/sha256"
	"os"
	"sync"
)

// bootID are 16 bytes that differ from one start of the machine to the next.
var bootID = sync.OnceValue(func() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown boot    "
	}
	sum := sha256.Sum256(b)
	return string(sum[:16])
})
