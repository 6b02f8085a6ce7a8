package serving

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// decodeCSV reads a table with a head (RFC 4180, UTF-8). An empty field is missing;
// so are NaN and NA where a number is expected, as pandas writes and reads them.
func (r *rows) decodeCSV(body []byte, maxRows int) error {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	reader.ReuseRecord = true
	bad := func(err error) error {
		return fault.Wrap(err, fault.RequestInvalid, "the body is not CSV").WithRemedy("send a head with the names of the columns and a line for each row (RFC 4180, UTF-8)")
	}
	head, err := reader.Read()
	if err != nil {
		return bad(err)
	}
	order := make([]int, 0, len(r.sig.Inputs))
	for _, name := range head {
		if order, err = r.place(order, name); err != nil {
			return err
		}
	}
	if err := r.placed(order); err != nil {
		return err
	}
	for n := 0; ; n++ {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bad(err)
		}
		if n >= maxRows {
			return tooManyRows(maxRows)
		}
		for k, field := range fields {
			if err := r.field(order[k], n, field); err != nil {
				return err
			}
		}
		r.frame.Rows = n + 1
	}
	if r.frame.Rows == 0 {
		return fault.New(fault.RequestInvalid, "the table has no rows").WithRemedy("send at least one row")
	}
	return nil
}

// field reads one field of CSV.
func (r *rows) field(j, row int, s string) error {
	col := &r.frame.Columns[j]
	if col.Kind != frame.Number {
		if n, ok := micros(s); ok && col.Kind == frame.Time {
			return r.writeInt(j, row, n, datatypes["INT64"])
		}
		if len(s) > 0 && !utf8.ValidString(s) {
			return problem(row, col.Name, "bytes that are not UTF-8", r.expected(j, nil))
		}
		return r.writeText(j, row, []byte(s), datatypes["BYTES"])
	}
	switch s {
	case "", "NaN", "nan", "NA":
		return r.writeMissing(j, row, quote([]byte(s)))
	case "True", "true", "TRUE":
		return r.writeTruth(j, row, 1, datatypes["BOOL"])
	case "False", "false", "FALSE":
		return r.writeTruth(j, row, 0, datatypes["BOOL"])
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) || strings.ContainsAny(s, "xX_") || len(s) > jsontext.MaxNumber {
		return problem(row, col.Name, "the text "+quote([]byte(s)), r.expected(j, nil))
	}
	return r.writeFloat(j, row, x, datatypes["FP64"])
}

// micros reads a time as whole microseconds.
func micros(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n != frame.MissingTime
}
