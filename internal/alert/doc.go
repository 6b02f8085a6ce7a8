// Package alert owns when people are told: what one window found becomes an event
// only after it was so in n of the last m windows, an alert that stays open is told
// again after its cool-down and no sooner, and one that is over is told once. One that
// opens again within the cool-down is open, and told when that ends if it still is.
//
// A [Finding] is what one window says of one subject, by a key that is the same in
// every window. A [Board] holds the state of every key of one endpoint; [Board.Step]
// takes the findings of a window and returns what to tell. It is a function of its
// arguments alone: the same windows in the same order give the same events, whoever
// computes them. A window that is computed again replaces its own verdict.
//
// A window that cannot tell (too few rows, a column that could not be measured) is
// neither for nor against: it leaves an open alert open and a closed one closed.
//
// A window with more events than people read tells the most severe one by one and the
// others in one message that counts them ([Group]).
//
// What is measured is drift's and evaluation's; how a message travels is notify's.
package alert
