// Package servingtest makes small real bundles for tests of what serves them: fitted
// by our own learners or read from a foreign graph, packed as the line packs them, so
// that a test serves nothing that production would not.
package servingtest
