package table

/*
#include <stddef.h>

// The allocator inside the engine; nothing where the engine was built without it.
extern int duckdb_je_mallctl(const char *name, void *was, size_t *size, void *to, size_t length) __attribute__((weak));

static void purge(void) {
	if (duckdb_je_mallctl)
		duckdb_je_mallctl("arena.4096.purge", NULL, NULL, NULL, 0); // of all arenas: MALLCTL_ARENAS_ALL
}
*/
import "C"

// purge gives the pages that the engine has freed back to the system: its allocator
// keeps them for some seconds, beyond the engine's limit, and those of threads that rest
// for longer.
func purge() { C.purge() }
