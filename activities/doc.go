// Package activities holds what each step of a run does to the world: one file
// per step, each thin over internal/.
//
// A step reads artifacts by reference, writes artifacts by reference, and gives
// the workflow counts, scores and references, never rows. step.go makes every
// step alike: the cache, the lineage, the step's row, heartbeats, and errors
// with a stable type are in one place, so that a step's own file holds only what
// it is for.
//
// The monitor's activities (monitor*.go) are no steps of a run: a window's row says how
// often it was computed, which makes each of them safe to try again.
//
// Deliberate differences from the design:
//
//   - engineer stores the fitted features, not the transformed columns. They are
//     a pure function of (features, split) that takes under a second for three
//     million rows, less than moving twice the bytes through the store.
//   - A fit is an activity of its own, or where fits are short one of several that an
//     activity makes (batch.go); either way it is a step, with its place in the cache
//     and its row.
//   - Heartbeats of a long fit name its last checkpoint, from which the next
//     attempt goes on (checkpoint.go). Other steps are begun again when they are
//     killed; those before them come from the cache.
//   - validate reads the dataset, not its profile: the rules are counted in a pass
//     of their own.
//   - evaluate counts a look at the test rows before it reads them, so that a look
//     which a crash cut short is counted too; done again, it is the same look.
//   - The rows that a trainer elsewhere is given are artifacts, not staged objects:
//     the trials of a fold share them, and it stays on record what a model learnt
//     from. Only what the trainer sends is staged, and removed.
//   - deploy is a rollout, in a workflow of its own, whose activities are small:
//     each is one transaction or one look, fenced in metadata, so that one that was
//     cut off and comes back changes nothing.
//   - A scoring reads and writes its rows in the engine, and holds a frame of them in
//     memory: the answers go into a table of a second engine, are joined with the
//     rows by their number and written in its order. It is recorded as a run; its rows
//     are not predictions of the audit log.
//   - A contract or a gate that says no is a result, not an error: the workflow
//     ends completed with the decision "rejected", so that its evaluation and
//     report are in the result. Everything else that ends a run is an error.
package activities
