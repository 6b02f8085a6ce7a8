// Package edge owns how a program of ours meets whoever asks it over a network: its
// listeners, its certificate, which is read again when it changes, and the refusal
// to be open to everybody by oversight.
//
// Which variables say so is config's, who may ask for what token's, what is answered
// serving's and console's.
package edge
