// Package workflows says what happens in a run, and in what order. It is
// deterministic: everything it knows it was given or an activity told it.
//
// Pipeline reads from top to bottom like the table of steps in the design;
// Tuning fans the fits of a search out over the training workers; Rollout brings a
// model version to its endpoint, and takes orders (rollout_orders.go) in every
// state. A run waits for its rollout, unless a person is asked: then the run ends,
// awaiting_approval, and the rollout goes on. Scoring has a table answered in parts
// that the workers share; Retraining decides when a pipeline runs by itself, and
// Monitor watches an endpoint. What a run
// looks like in the Temporal UI (summaries, current details, memo, search
// attributes) is in details.go and is part of the product: a run must read there
// like a report.
//
// A change to this package must replay the histories in testdata, or be guarded
// by workflow.GetVersion. The histories are of real runs, one for each way a run
// can end; with the local stack up,
//
//	go test ./workflows -run 'TestRecord$' -record
//
// records those that are missing. One that is there stays: once released, it
// guards the runs of users that are under way.
package workflows
