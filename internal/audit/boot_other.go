//go:build !linux

package audit

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// bootID is a new one for every process: where the system names no boot, a killed
// process is taken for a stopped machine, and the bound for what was lost.
var bootID = sync.OnceValue(func() string {
	sum := sha256.Sum256(fmt.Append(nil, time.Now().UnixNano()))
	return string(sum[:16])
})
