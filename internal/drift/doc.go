// Package drift owns how far two distributions lie apart.
//
// A distribution is counts over the same bins, missing values being one of them.
// What the bins are is the caller's: quality's for a contract, profile's for the
// comparison with an earlier run.
package drift
