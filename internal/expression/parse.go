package expression

import (
	"fmt"
	"slices"
	"strconv"
)

// Bounds on a formula.
const (
	maxLength = 4000
	maxDepth  = 100
)

// Parse reads a formula. The error is an *Error.
func Parse(text string) (*Formula, error) {
	if len(text) > maxLength {
		return nil, &Error{1, fmt.Sprintf("the formula has %d bytes, more than the bound of %d", len(text), maxLength), "derive part of it in dataset.sql"}
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, formula: &Formula{}}
	if p.formula.Root = p.or(); p.err == nil && p.next().kind != end {
		p.fail(p.next(), "an operator", "put an operator such as + or * before it")
	}
	if root := p.formula.Root; p.err == nil && root.truth() {
		p.err = &Error{1, "the formula is a condition, not a number", "write if(…, 1, 0)"}
	}
	if p.err == nil && len(p.formula.Columns) == 0 {
		p.err = &Error{1, "the formula reads no column", "name one"}
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.formula, nil
}

// parser is a descent over the grammar; after the first error it reads nothing.
type parser struct {
	tokens  []token
	at      int
	depth   int
	formula *Formula
	err     *Error
}

func (p *parser) next() token { return p.tokens[p.at] }

// take consumes the next token if it is one of texts.
func (p *parser) take(texts ...string) (token, bool) {
	t := p.next()
	if p.err != nil || t.kind == quoted || t.kind == number || t.kind == end || !slices.Contains(texts, t.text) {
		return t, false
	}
	p.at++
	return t, true
}

func (p *parser) fail(t token, wanted, remedy string) *Node {
	found := strconv.Quote(t.text)
	if t.kind == end {
		found = "the end"
	}
	return p.mistake(t, "found "+found+" where "+wanted+" should be", remedy)
}

func (p *parser) mistake(t token, message, remedy string) *Node {
	if p.err == nil {
		p.err = &Error{t.position, message, remedy}
	}
	return &Node{Op: Number}
}

// join makes a node whose arguments must all be conditions, or all numbers.
func (p *parser) join(t token, op Op, truth bool, args ...*Node) *Node {
	for _, a := range args {
		if p.err == nil && a.truth() != truth {
			if truth {
				return p.mistake(t, string(op)+" joins conditions, and one side is a number", "compare it, as in x > 0")
			}
			return p.mistake(t, string(op)+" works on numbers, and one side is a condition", "write if(condition, 1, 0)")
		}
	}
	return &Node{Op: op, Args: args}
}

func (p *parser) or() *Node {
	if p.depth++; p.depth > maxDepth {
		return p.mistake(p.next(), fmt.Sprintf("is nested more than %d deep", maxDepth), "derive part of it in dataset.sql")
	}
	defer func() { p.depth-- }()
	left := p.and()
	for {
		t, ok := p.take("or")
		if !ok {
			return left
		}
		left = p.join(t, Or, true, left, p.and())
	}
}

func (p *parser) and() *Node {
	left := p.not()
	for {
		t, ok := p.take("and")
		if !ok {
			return left
		}
		left = p.join(t, And, true, left, p.not())
	}
}

func (p *parser) not() *Node {
	if t, ok := p.take("not"); ok {
		if p.depth++; p.depth > maxDepth {
			return p.mistake(t, fmt.Sprintf("is nested more than %d deep", maxDepth), "derive part of it in dataset.sql")
		}
		defer func() { p.depth-- }()
		return p.join(t, Not, true, p.not())
	}
	left := p.sum()
	if t, ok := p.take("<", "<=", ">", ">=", "==", "!="); ok {
		return p.join(t, Op(t.text), false, left, p.sum())
	}
	return left
}

func (p *parser) sum() *Node {
	left := p.term()
	for {
		t, ok := p.take("+", "-")
		if !ok {
			return left
		}
		left = p.join(t, Op(t.text), false, left, p.term())
	}
}

func (p *parser) term() *Node {
	left := p.factor()
	for {
		t, ok := p.take("*", "/")
		if !ok {
			return left
		}
		left = p.join(t, Op(t.text), false, left, p.factor())
	}
}

func (p *parser) factor() *Node {
	if t, ok := p.take("-"); ok {
		if p.depth++; p.depth > maxDepth {
			return p.mistake(t, fmt.Sprintf("is nested more than %d deep", maxDepth), "derive part of it in dataset.sql")
		}
		defer func() { p.depth-- }()
		return p.join(t, Neg, false, p.factor())
	}
	t := p.next()
	if p.err != nil {
		return &Node{Op: Number}
	}
	switch t.kind {
	case number:
		v, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return p.mistake(t, t.text+" is not a number", "write it as 12, 0.5 or 1e-3")
		}
		p.at++
		return &Node{Op: Number, Value: v}
	case quoted:
		p.at++
		return p.column(t.text)
	case word:
		if _, ok := arity[t.text]; ok {
			return p.call(t)
		}
		if t.text != "and" && t.text != "or" && t.text != "not" {
			p.at++
			if after := p.next(); after.kind == symbol && after.text == "(" {
				return p.mistake(t, "there is no function "+t.text, "use min, max, abs, exp, log, sqrt or if")
			}
			return p.column(t.text)
		}
	case symbol:
		if _, ok := p.take("("); ok {
			inner := p.or()
			if _, ok := p.take(")"); !ok {
				return p.fail(p.next(), ")", "close the parenthesis")
			}
			return inner
		}
	}
	return p.fail(t, "a number, a column or a function", "write one there")
}

func (p *parser) column(name string) *Node {
	at := slices.Index(p.formula.Columns, name)
	if at < 0 {
		at = len(p.formula.Columns)
		p.formula.Columns = append(p.formula.Columns, name)
	}
	return &Node{Op: Column, Index: at}
}

func (p *parser) call(t token) *Node {
	p.at++
	if _, ok := p.take("("); !ok {
		return p.fail(p.next(), "( after "+t.text, `write `+t.text+`(…), or put a column of that name in double quotes`)
	}
	var args []*Node
	for {
		args = append(args, p.or())
		if _, ok := p.take(","); !ok {
			break
		}
	}
	if _, ok := p.take(")"); !ok {
		return p.fail(p.next(), ", or )", "close the parenthesis")
	}
	want := arity[t.text]
	switch {
	case want == 0 && len(args) < 2:
		return p.mistake(t, t.text+" needs two values or more", "write "+t.text+"(a, b)")
	case want > 0 && len(args) != want:
		return p.mistake(t, fmt.Sprintf("%s takes %d values, not %d", t.text, want, len(args)), "write as many")
	case t.text == "if":
		p.join(t, "the condition of if", true, args[0])
		p.join(t, "then and else of if", false, args[1:]...)
		return &Node{Op: If, Args: args}
	}
	node := args[0]
	if want == 1 {
		return p.join(t, Op(t.text), false, node)
	}
	for _, a := range args[1:] {
		node = p.join(t, Op(t.text), false, node, a)
	}
	return node
}
