//go:build !linux

package table

// purge does nothing: the engine uses the system's own allocator.
func purge() {}
