//go:build !linux

package main

import "syscall"

// Where mount namespaces are not known, no test asks for a small disk.
func mountSpool() error { return nil }

func onSmallDisk() *syscall.SysProcAttr { return nil }
