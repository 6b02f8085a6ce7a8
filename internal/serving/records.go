package serving

import (
	"fmt"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// decodeRecords reads {"records": [{column: value, …}, …], "id": "…"}. "id" is
// optional and comes back as the request's.
func (r *rows) decodeRecords(x *exchange, maxRows int) error {
	c := &jsontext.Cursor{B: x.body}
	return r.object(c, func(name string) error {
		switch name {
		case "records":
			return r.array(c, "an array of records", func(n int) error {
				if n >= maxRows {
					return tooManyRows(maxRows)
				}
				return r.record(c, n)
			})
		case "id":
			return r.readID(c)
		}
		return unknownMember(c, name, `"records" and, optionally, "id"`)
	}, func(seen map[string]bool) error {
		if !seen["records"] {
			return fault.New(fault.RequestInvalid, `the body has no "records"`).WithRemedy(`send {"records": [{"column": value, ...}]}`)
		}
		if r.frame.Rows == 0 {
			return fault.New(fault.RequestInvalid, `"records" is empty`).WithRemedy("send at least one record")
		}
		return nil
	})
}

func tooManyRows(bound int) error {
	return fault.New(fault.ResourceExhausted, "the request has more than %d rows, the bound of one request", bound).
		WithRemedy("split it into requests of at most %d rows", bound)
}

func unknownMember(c *jsontext.Cursor, name, known string) error {
	return fault.New(fault.RequestInvalid, "the body has the unknown member %q before byte %d", clip(name), c.At).WithRemedy("send %s", known)
}

// object reads the members of the body; a name comes at most once.
func (r *rows) object(c *jsontext.Cursor, member func(name string) error, end func(seen map[string]bool) error) error {
	seen := make(map[string]bool, 4)
	err := r.members(c, func(name string) error {
		seen[name] = true
		return member(name)
	})
	if err != nil {
		return err
	}
	if err := c.End(); err != nil {
		return err
	}
	return end(seen)
}

// members reads those of one object; a name comes at most once.
func (r *rows) members(c *jsontext.Cursor, member func(name string) error) error {
	seen := make(map[string]bool, 4)
	return c.Members("an object", func(key []byte) error {
		name := string(key)
		if seen[name] {
			return fault.New(fault.RequestInvalid, "%q comes twice, again before byte %d", clip(name), c.At).WithRemedy("send each name once")
		}
		seen[name] = true
		return member(name)
	})
}

// array reads the elements of an array, which must be one.
func (r *rows) array(c *jsontext.Cursor, what string, element func(n int) error) error {
	if err := c.Expect('[', what); err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, err := c.Next(n == 0, ']')
		if err != nil || !more {
			return err
		}
		if err := element(n); err != nil {
			return err
		}
	}
}

// maxID bounds the caller's own request id, in bytes.
const maxID = 256

func (r *rows) readID(c *jsontext.Cursor) error {
	if c.Peek() != '"' {
		return c.Unexpected("the request's id as a string")
	}
	id, err := c.Text()
	if err != nil {
		return err
	}
	if len(id) > maxID {
		return fault.New(fault.RequestInvalid, "the request's id has %d bytes, the bound is %d", len(id), maxID).WithRemedy("send a shorter id")
	}
	r.id = string(id)
	return nil
}

// record reads one row.
func (r *rows) record(c *jsontext.Cursor, row int) error {
	if c.Peek() != '{' {
		return c.Unexpected("a record, {column: value, ...}")
	}
	from := c.At
	c.At++
	columns := 0
	for first := true; ; first = false {
		more, err := c.Next(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := c.Key()
		if err != nil {
			return err
		}
		j, ok := r.index[string(key)]
		if !ok {
			return problem(row, string(key), "an unknown column", "only columns of the signature: "+r.names())
		}
		if r.seen[j] == row+1 {
			return problem(row, r.sig.Inputs[j].Name, "the column twice", "each column once")
		}
		r.seen[j] = row + 1
		columns++
		if err := r.value(c, j, row, nil); err != nil {
			return err
		}
	}
	if columns < len(r.sig.Inputs) {
		for j := range r.sig.Inputs {
			if r.seen[j] != row+1 {
				return problem(row, r.sig.Inputs[j].Name, "no such column", "every column, null where a value is missing")
			}
		}
	}
	r.records = append(r.records, jsontext.Span{From: from, To: c.At})
	r.frame.Rows++
	return nil
}

// names lists the columns for a message.
func (r *rows) names() string {
	out := ""
	for j := range r.sig.Inputs {
		if j == 20 {
			return out + fmt.Sprintf(" and %d more", len(r.sig.Inputs)-j)
		}
		if j > 0 {
			out += ", "
		}
		out += r.sig.Inputs[j].Name
	}
	return out
}
