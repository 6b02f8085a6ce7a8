package expression

import "fmt"

// Op is what a node does.
type Op string

// The operations. Comparisons and the words give 1 or 0.
const (
	Number Op = "number" // Value
	Column Op = "column" // Columns[Index]
	Neg    Op = "neg"
	Add    Op = "+"
	Sub    Op = "-"
	Mul    Op = "*"
	Div    Op = "/"
	Less   Op = "<"
	AtMost Op = "<="
	More   Op = ">"
	Least  Op = ">="
	Equal  Op = "=="
	Differ Op = "!="
	And    Op = "and"
	Or     Op = "or"
	Not    Op = "not"
	Min    Op = "min" // of two; more are nested
	Max    Op = "max"
	Abs    Op = "abs"
	Exp    Op = "exp"
	Log    Op = "log"
	Sqrt   Op = "sqrt"
	If     Op = "if" // condition, then, else
)

// Node is one operation over the values of its arguments.
type Node struct {
	Op    Op
	Args  []*Node
	Value float64 // of a Number
	Index int     // of a Column, in Formula.Columns
}

// Formula is a parsed expression.
type Formula struct {
	Root    *Node
	Columns []string // the columns it reads, each once, in order of first use
}

// Error is a mistake in a formula.
type Error struct {
	Position int    `json:"position"` // of the first wrong character, from 1
	Message  string `json:"message"`  // what is wrong
	Remedy   string `json:"remedy"`   // what to write instead
}

func (e *Error) Error() string { return fmt.Sprintf("at character %d: %s", e.Position, e.Message) }

// truth reports whether the node gives a condition rather than a number.
func (n *Node) truth() bool {
	switch n.Op {
	case Less, AtMost, More, Least, Equal, Differ, And, Or, Not:
		return true
	}
	return false
}

// arity is the number of arguments of each function; 0 is two or more.
var arity = map[string]int{"min": 0, "max": 0, "abs": 1, "exp": 1, "log": 1, "sqrt": 1, "if": 3}
