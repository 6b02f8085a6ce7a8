package trace

import (
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Node is one line of a tree: one line of printable text.
type Node struct {
	Text     string
	About    []string // what it is about: a kind and its names, {"models", "flights", "3"}; none: itself
	Children []*Node
}

// New makes the root of a tree.
func New(format string, args ...any) *Node {
	return &Node{Text: fault.Plain(fmt.Sprintf(format, args...))}
}

// Add adds a line below n and returns it.
func (n *Node) Add(format string, args ...any) *Node {
	child := New(format, args...)
	n.Children = append(n.Children, child)
	return child
}

// To says what n is about and returns n.
func (n *Node) To(about ...string) *Node {
	n.About = about
	return n
}

// String draws the tree for a terminal.
func (n *Node) String() string {
	var b strings.Builder
	b.WriteString(n.Text + "\n")
	n.draw(&b, "")
	return b.String()
}

func (n *Node) draw(b *strings.Builder, indent string) {
	for i, child := range n.Children {
		branch, next := "├─ ", "│  "
		if i == len(n.Children)-1 {
			branch, next = "└─ ", "   "
		}
		b.WriteString(indent + branch + child.Text + "\n")
		child.draw(b, indent+next)
	}
}
