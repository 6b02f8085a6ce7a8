// Package labeltable reads labels from tables: files that people bring, and what
// monitor.labels names. It is apart from package label because it needs the data
// engine, which the prediction server, to whom labels come one by one, does without.
package labeltable
