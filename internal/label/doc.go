// Package label owns what a label is when it comes from outside: rows of JSON or
// of a table, each naming a prediction, or the request that asked for it, and the
// truth; and how that truth relates to what the endpoint's model predicts.
//
// A model that predicts numbers has numbers as labels. Of one that predicts
// classes, a label is the class as the model prints it ("1" for 1); a class that
// the model does not know is a label like any other, and told apart: it is how one
// learns that the world has changed. Of an endpoint without a model both are kept
// as they come.
//
// Where labels are kept, which of them is in force and how they meet their
// predictions is metadata's.
package label
