// Package confined owns processes that the program starts of itself to do what may
// bring a process down: to run a model that nobody knows yet, to load a bundle before
// it counts. Such a process is told by an argument what it is, has no environment but
// what it is given, bounds its own memory and files, and leaves no core; what it says
// is bounded.
//
// What is asked of it and answered is its caller's: see foreign and proof.
package confined
