// Package config owns the configuration of every program: which variables
// exist, what they mean, their defaults, and how a wrong one is refused.
//
// Load merges, later over earlier: defaults that meet the local stack of
// `make up`; the file .esteira/env of the working directory or its nearest
// parent; the environment. Variables that only make sense together (the
// database; the object store and its credentials; Temporal) are taken together
// from one place, so that AWS keys exported for something else never meet the
// local store.
//
// Secrets have the type Secret, which prints as "***" however it is printed.
// Turning Temporal's variables into client options is internal/temporal's.
package config
