package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// maxProblems bounds how many problems of a request are named.
const maxProblems = 20

// Problem is one thing wrong with a request. Row counts from 0 and is -1 for the
// request as a whole.
type Problem struct {
	Row      int    `json:"row"`
	Column   string `json:"column,omitempty"`
	Got      string `json:"got"`
	Expected string `json:"expected"`
}

func (p Problem) String() string {
	switch {
	case p.Row < 0:
		return fmt.Sprintf("got %s, expected %s", p.Got, p.Expected)
	case p.Column == "":
		return fmt.Sprintf("row %d: got %s, expected %s", p.Row, p.Got, p.Expected)
	}
	return fmt.Sprintf("row %d, column %q: got %s, expected %s", p.Row, p.Column, p.Got, p.Expected)
}

// FrameFromRecords turns JSON records into a frame with the signature's columns,
// in its order. Values are what encoding/json makes, with or without UseNumber:
//
//	number  a finite number; true and false are 1 and 0
//	text    a string; "" is missing
//	time    RFC 3339, "2006-01-02 15:04:05" or "2006-01-02" in UTC, or a whole
//	        number of microseconds since the Unix epoch
//
// null is a missing value where the column is nullable. An absent key is an
// error, not a missing value: it is nearly always a misspelt one. Unknown
// categories and values outside the training range are answered.
//
// The error is RequestInvalid; it names up to 20 problems, in the message and as
// []Problem in its details.
func FrameFromRecords(sig Signature, records []map[string]any) (*frame.Frame, error) {
	r := reader{sig: sig}
	f := &frame.Frame{Rows: len(records), Columns: make([]frame.Column, len(sig.Inputs))}
	if len(records) == 0 {
		r.problem(Problem{Row: -1, Got: "no records", Expected: "at least one"})
		return nil, r.fault()
	}
	for row, record := range records {
		r.keys(row, record)
	}
	for j := range sig.Inputs {
		f.Columns[j] = r.column(&sig.Inputs[j], records)
	}
	if r.found > 0 {
		return nil, r.fault()
	}
	return f, nil
}

type reader struct {
	sig      Signature
	problems []Problem
	found    int
}

func (r *reader) problem(p Problem) {
	if r.found++; len(r.problems) < maxProblems {
		r.problems = append(r.problems, p)
	}
}

func (r *reader) fault() error {
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Row - b.Row })
	texts := make([]string, len(r.problems))
	for i, p := range r.problems {
		texts[i] = p.String()
	}
	if more := r.found - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return fault.New(fault.RequestInvalid, "the request does not fit the model's signature: %s", strings.Join(texts, "; ")).
		WithRemedy("send each record with the columns %s", strings.Join(r.described(), ", ")).
		WithDetails(r.problems)
}

func (r *reader) described() []string {
	var out []string
	for i, in := range r.sig.Inputs {
		if i == maxProblems {
			return append(out, fmt.Sprintf("and %d more", len(r.sig.Inputs)-i))
		}
		out = append(out, in.Name+" ("+in.Kind+")")
	}
	return out
}

// keys reports absent and unknown columns of a record.
func (r *reader) keys(row int, record map[string]any) {
	known := 0
	var absent []string
	for i := range r.sig.Inputs {
		if _, ok := record[r.sig.Inputs[i].Name]; ok {
			known++
		} else {
			absent = append(absent, r.sig.Inputs[i].Name)
		}
	}
	if len(absent) > 0 {
		r.problem(Problem{Row: row, Got: "no " + list(absent), Expected: "every column, null where a value is missing"})
	}
	if known == len(record) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(record)) {
		if !slices.ContainsFunc(r.sig.Inputs, func(in Input) bool { return in.Name == name }) {
			r.problem(Problem{Row: row, Column: clip(name), Got: "an unknown column", Expected: "only columns of the signature"})
		}
	}
}

func list(names []string) string {
	if n := len(names); n > maxProblems {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxProblems], ", "), n-maxProblems)
	}
	return strings.Join(names, ", ")
}

func (r *reader) column(in *Input, records []map[string]any) frame.Column {
	c := frame.Column{Name: in.Name}
	n := len(records)
	var codes map[string]int32
	switch in.Kind {
	case frame.Text.String():
		c.Kind, c.Codes, c.Dict = frame.Text, make([]int32, n), make([]string, 0, min(n, 16))
		if n > 1 {
			codes = make(map[string]int32, min(n, 16))
		}
	case frame.Time.String():
		c.Kind, c.Times = frame.Time, make([]int64, n)
	default:
		c.Kind, c.Numbers = frame.Number, make([]float64, n)
	}
	for row, record := range records {
		value, ok := record[in.Name]
		if !ok {
			continue // reported by keys
		}
		wrong := ""
		switch c.Kind {
		case frame.Number:
			c.Numbers[row], wrong = number(value)
		case frame.Time:
			c.Times[row], wrong = micros(value)
		default:
			text, isText := value.(string)
			switch {
			case value == nil || isText && text == "":
				c.Codes[row] = frame.MissingCode
			case !isText:
				wrong = "a string"
			default:
				code, seen := codes[text]
				if !seen {
					code = int32(len(c.Dict))
					c.Dict = append(c.Dict, text)
					if codes != nil {
						codes[text] = code
					}
				}
				c.Codes[row] = code
			}
		}
		if wrong == "" && !in.Nullable && c.Missing(row) {
			wrong = "a " + in.Kind + " that is not null"
		}
		if wrong != "" {
			r.problem(Problem{Row: row, Column: clip(in.Name), Got: shown(value), Expected: wrong})
		}
	}
	return c
}
