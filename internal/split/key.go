package split

import (
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// RowColumn is the column that Apply adds: a DOUBLE that holds a whole number
// in [0, 2⁵³), 53 bits of the hash of the row's key.
const RowColumn = pipeline.ReservedPrefix + "row"

// rowHash is the SQL of the 128-bit hash of a row's key. The text it hashes is
// unambiguous (texts carry their length) and does not depend on how an engine
// stores a value: 1, 1.0 and 1::DECIMAL are the same key, so a column that
// turns from integer to float between two runs moves no row.
func rowHash(seed int64, key []pipeline.Column) string {
	parts := []string{table.Literal(strconv.FormatInt(seed, 10) + ";")}
	for _, c := range key {
		parts = append(parts, canonical(c))
	}
	return "md5_number(concat(" + strings.Join(parts, ", ") + "))"
}

func canonical(c pipeline.Column) string {
	x := table.Ident(c.Name)
	switch c.FrameKind() {
	case frame.Number:
		switch {
		case c.SQL == "BOOLEAN":
			return "CAST(" + x + " AS TINYINT), ';'"
		case table.IsFloat(c) || strings.HasPrefix(c.SQL, "DECIMAL"):
			// Whole numbers as such; 2⁵³ is where doubles stop being exact.
			return "CASE WHEN abs(" + x + ") < 9007199254740992 AND " + x + " = trunc(" + x + ") THEN CAST(CAST(" + x +
				" AS BIGINT) AS VARCHAR) ELSE CAST(CAST(" + x + " AS DOUBLE) AS VARCHAR) END, ';'"
		default:
			return x + ", ';'"
		}
	case frame.Time:
		t := "CAST(" + x + " AS TIMESTAMP)"
		return "CASE WHEN isfinite(" + t + ") THEN CAST(epoch_us(" + t + ") AS VARCHAR) ELSE CAST(" + t + " AS VARCHAR) END, ';'"
	default:
		text := "CAST(" + x + " AS VARCHAR)"
		return "strlen(" + text + "), ':', " + text
	}
}

// kindOf reads the kind from the schema's own word, which survives JSON.
