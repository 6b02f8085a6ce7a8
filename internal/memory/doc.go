// Package memory knows how much memory this process may use, so that what needs more
// is refused before it starts, with the estimate, instead of being killed half way, and
// how much a process holds.
package memory
