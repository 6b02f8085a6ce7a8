package expression

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	end kind = iota
	number
	word   // a name, a function or one of and, or, not
	quoted // a name in double quotes
	symbol
)

type token struct {
	kind     kind
	text     string
	position int // in characters, from 1
}

// scan cuts a formula into tokens.
func scan(text string) ([]token, *Error) {
	var tokens []token
	at := 1
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		n := size
		t := token{position: at}
		switch {
		case r == utf8.RuneError && size == 1:
			return nil, &Error{at, "is not UTF-8", "write the formula in UTF-8"}
		case unicode.IsSpace(r):
			text = text[size:]
			at++
			continue
		case r >= '0' && r <= '9' || r == '.':
			t.kind, n = number, numberLength(text)
		case r == '_' || unicode.IsLetter(r):
			t.kind, n = word, wordLength(text)
		case r == '"':
			close := strings.IndexByte(text[1:], '"')
			if close < 1 {
				return nil, &Error{at, "a quoted name is empty or not closed", `close it with "`}
			}
			t.kind, n = quoted, close+2
		case strings.ContainsRune("+-*/()<>=!,", r):
			t.kind = symbol
			if len(text) > 1 && text[1] == '=' && strings.ContainsRune("<>=!", r) {
				n = 2
			}
			if s := text[:n]; s == "=" || s == "!" {
				return nil, &Error{at, s + " is not an operator", "write == or !="}
			}
		default:
			return nil, &Error{at, "the character " + string(r) + " means nothing here", `put the names of columns that are not letters, digits and underscores in double quotes`}
		}
		t.text = text[:n]
		if t.kind == quoted {
			t.text = t.text[1 : n-1]
		}
		tokens = append(tokens, t)
		at += utf8.RuneCountInString(text[:n])
		text = text[n:]
	}
	return append(tokens, token{kind: end, position: at}), nil
}

func wordLength(text string) int {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(text)
}

// numberLength takes digits, points and an exponent; strconv judges them.
func numberLength(text string) int {
	for i := 0; i < len(text); i++ {
		c := text[i]
		exponent := i > 0 && (c == '+' || c == '-') && (text[i-1] == 'e' || text[i-1] == 'E')
		if !(c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || exponent) {
			return i
		}
	}
	return len(text)
}
