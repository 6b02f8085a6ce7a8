// Package foreign owns models that somebody else trained: it examines an ONNX graph
// before it counts, and answers with one that does.
//
// What an honest mistake or a hostile trainer may send is refused in three layers:
//
//   - onnx.Vet reads the graph and runs nothing: size, form, operators, inputs,
//     outputs, trees without cycles, nothing that loops or makes shapes of data;
//   - Examine runs it in a process of its own, without any environment but the path
//     of ONNX Runtime, bounded in memory (on Linux), processor time, time and what it
//     may say, and killed beyond: a graph that crashes the runtime, eats memory or
//     does not end harms nobody else;
//   - Examine then judges the answers: finite, probabilities that add up, the same
//     twice and the same alone as among others.
//
// A Graph runs in the process of who opens it. Because what a vetted graph costs
// depends on the number of rows alone, and Examine has it answer a full batch, one
// that was accepted costs no more later. That ONNX Runtime itself is sound on the
// operators that are let through is taken on trust.
package foreign
