//go:build !linux

package audit

import (
	"errors"
	"os"
)

func datasync(f *os.File) error { return f.Sync() }

func reserve(*os.File, int64) error { return errors.ErrUnsupported }
