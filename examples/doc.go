// Package examples holds pipelines that run as they are, each with its data or the way
// to it, in a folder of its own. Its tests run every one as a person would.
package examples
