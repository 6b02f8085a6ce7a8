// Command simulate lives a year with the product, in minutes: flights are asked of a
// real server in the order in which they left, labels come days late, the monitor
// computes its windows, finds what has changed, asks for a retraining, and a model that
// is better goes live through a canary. What came of it is a table, a page and a
// picture of the error of every week, with retraining and without.
//
//	make simulate
//
// # Time
//
// Clocks are real. A week of the world is some seconds (-week), and every duration of
// year.yaml is divided by the same number. Only machines do not hurry: a training run
// takes seconds, which here is days.
//
// # The world
//
// The data hold half a year, January to June 2001, which is played twice: the second half
// of the simulated year asks other flights of the same days, 182 days later, so that days
// of the week stay what they are. So do the eight weeks before it, which the first
// champion learns from: other flights of May and June, 182 days earlier. No flight is
// asked twice. What the weather makes of delays is in the data; what no season
// of them holds, a change that a model can learn, is declared in world.go and said in
// the picture.
//
// # The two arms
//
// With retraining is what the endpoint answered. Without is the first champion, scored
// on the same flights by `esteira score` when the year is over.
package main
