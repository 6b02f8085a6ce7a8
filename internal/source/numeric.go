package source

import (
	"bytes"

	"github.com/jackc/pgx/v5/pgconn"
)

// numeric is what was seen of a column of type numeric without a precision, which may
// hold any number: the engine has no such type.
type numeric struct{ fraction, vast, long bool }

const numericOID = 1700

// numerics has one for each such column, nil for the others.
func numerics(d *pgconn.StatementDescription) []*numeric {
	out := make([]*numeric, len(d.Fields))
	for i, f := range d.Fields {
		if f.DataTypeOID == numericOID && typeOf(f.DataTypeOID, f.TypeModifier) == "DOUBLE" {
			out[i] = &numeric{}
		}
	}
	return out
}

// see looks at a value as Postgres writes it: digits, perhaps with a sign and a point,
// or NaN or Infinity.
func (n *numeric) see(value []byte) {
	const exact, most = 15, 38 // digits of a DOUBLE and of a DECIMAL
	digits := len(bytes.TrimPrefix(value, []byte("-")))
	switch {
	case len(value) == 0:
	case bytes.ContainsAny(value, ".Ny"):
		n.fraction = true
	case digits > most:
		n.long = true
	case digits > exact:
		n.vast = true
	}
}

// sql is the type that keeps the values: whole numbers that a DOUBLE would round are
// ids, and stay apart; a column that also has fractions measures something.
func (n *numeric) sql() string {
	switch {
	case n.fraction || !n.vast && !n.long:
		return "DOUBLE"
	case n.long:
		return "VARCHAR"
	}
	return "DECIMAL(38,0)"
}
