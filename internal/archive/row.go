package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// column is one of a row: how each database gives its text, and its type in Parquet.
type column struct{ name, postgres, parquet, cast string }

// columns are those of a row in their canonical order. prediction_at, at in the
// table (a word of the engine's own), is a time to read, and microseconds to hash.
var columns = []column{
	{name: "id", postgres: "id::text"},
	{name: "endpoint"},
	{name: "revision", postgres: "revision::text", cast: "BIGINT"},
	{name: "model_name"},
	{name: "model_version", postgres: "model_version::text", cast: "INTEGER"},
	{name: "prediction_at", postgres: "(extract(epoch from at) * 1000000)::bigint::text", parquet: "epoch_us(prediction_at)::VARCHAR", cast: "TIMESTAMP"},
	{name: "request_id"},
	{name: "features", postgres: "features::text"},
	{name: "outputs", postgres: "outputs::text"},
	{name: "status", postgres: "status::text", cast: "INTEGER"},
	{name: "error"},
	{name: "latency_us", postgres: "latency_us::text", cast: "INTEGER"},
	{name: "role"},
	{name: "shadow_of", postgres: "shadow_of::text"},
	{name: "token"},
	{name: "request_hash", postgres: "encode(request_hash, 'hex')"},
	{name: "idempotency_key"},
	{name: "mode"},
	{name: "redacted", postgres: "redacted::text"},
}

// Positions of the columns that the code looks at.
const (
	atID, atEndpoint, atRevision, atModel, atVersion, atTime = 0, 1, 2, 3, 4, 5
	atStatus, atRole                                         = 9, 12
)

// fromPostgres selects the texts of a row.
var fromPostgres = list(func(c column) string {
	if c.postgres == "" {
		return c.name
	}
	return c.postgres
})

// fromParquet selects the same texts, and hash, from an exported file.
var fromParquet = list(func(c column) string {
	switch {
	case c.parquet != "":
		return c.parquet
	case c.cast != "":
		return c.name + "::VARCHAR"
	}
	return c.name
}) + ", hash"

// toParquet gives the texts of a staged file their types.
var toParquet = list(func(c column) string {
	switch c.cast {
	case "":
		return c.name
	case "TIMESTAMP":
		return "make_timestamp(" + c.name + "::BIGINT) AS " + c.name
	}
	return c.name + "::" + c.cast + " AS " + c.name
})

func list(f func(column) string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = f(c)
	}
	return strings.Join(out, ", ")
}

// row holds the texts of one row; nil is null.
type row [][]byte

// canonical appends the bytes that are hashed.
func (r row) canonical(b []byte) []byte {
	for _, v := range r {
		if v == nil {
			b = binary.BigEndian.AppendUint64(b, math.MaxUint64)
			continue
		}
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(v))), v...)
	}
	return b
}

// chain is the running hash over rows.
type chain struct {
	sum [sha256.Size]byte
	buf []byte
}

// newChain starts the chain of a day.
func newChain(day time.Time, part int, previous string) *chain {
	return &chain{sum: sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s\n", formatName, day.Format(time.DateOnly), part, previous))}
}

func (c *chain) add(r row) {
	c.buf = r.canonical(append(c.buf[:0], c.sum[:]...))
	c.sum = sha256.Sum256(c.buf)
}

func (c *chain) hex() string { return hex.EncodeToString(c.sum[:]) }

// appendLine writes a row with its hash as one line of JSON, for the engine.
func appendLine(b []byte, r row, hash string) ([]byte, error) {
	b = append(b, '{')
	for i, v := range r {
		if v == nil {
			continue
		}
		text, err := json.Marshal(string(v))
		if err != nil {
			return nil, err
		}
		b = append(append(append(append(append(b, '"'), columns[i].name...), `":`...), text...), ',')
	}
	return append(append(append(b, `"hash":"`...), hash...), "\"}\n"...), nil
}
