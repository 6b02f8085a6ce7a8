// Package pipeline owns the pipeline file: its types, strict parsing with the
// line of every mistake, defaults, canonical form and JSON Schema.
//
// A Pipeline after Parse is complete: every default is filled in, so that the
// rest of the product never asks "and if it is empty?". Its canonical JSON names
// a version of the pipeline by its digest. Checks that need data (does the
// column exist, is it a number) are in Check, which is given the schema found.
package pipeline
