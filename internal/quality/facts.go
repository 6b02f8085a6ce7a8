package quality

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// tokens are the texts that most often stand for a missing value.
var tokens = []string{"na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "missing", "unknown", "#n/a", "."}

// maxSuggestedSet is the number of distinct texts up to which a set is suggested.
const maxSuggestedSet = 30

type shape struct{ pattern, said string }

// shapes are the patterns that a column of texts may follow without exception.
var shapes = []shape{
	{`^[0-9]+$`, "digits"}, {`^[A-Z]+$`, "capital letters"}, {`^[a-z]+$`, "small letters"}, {`^[A-Z0-9]+$`, "capital letters and digits"},
	{`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, "UUIDs"}, {`^[^@\s]+@[^@\s]+\.[^@\s]+$`, "addresses of mail"},
}

// facts are what Infer knows of a column.
type facts struct {
	missing   int64
	low, high float64 // of the finite numbers; low > high if there are none
	text      *textFacts
}

// textFacts are what it knows of a column's texts.
type textFacts struct {
	distinct, known   int64
	shortest, longest int64 // characters
	times, numbers    int64 // texts that read as one
	tokens            []string
	shape             *shape
	set               []string // if there are few, the most frequent first
}

// few reports whether the distinct texts are few enough to be listed.
func (t *textFacts) few() bool {
	return t.distinct <= maxSuggestedSet && float64(t.distinct) <= float64(t.known)/3
}

// Columns that are looked at together: by vectors, and in one query.
const (
	scanned = 512
	grouped = 100
)

// factsOf looks at all columns, in a pass for some hundred of them and two queries
// for a hundred of texts.
func factsOf(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema) ([]facts, error) {
	out := make([]facts, len(schema))
	var texts []int
	values := make([]float64, table.BatchRows)
	for from := 0; from < len(schema); from += scanned {
		some := schema[from:min(from+scanned, len(schema))]
		for j, c := range some {
			out[from+j] = facts{low: math.Inf(1), high: math.Inf(-1)}
			if c.Type == frame.Text.String() {
				texts = append(texts, from+j)
			}
		}
		err := e.Batches(ctx, in, some, func(b *table.Batch) error {
			for j, c := range some {
				if f := &out[from+j]; c.Type == frame.Number.String() {
					f.see(b.Numbers(j, values))
				} else {
					f.missing += b.Nulls(j)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for some := range slices.Chunk(texts, grouped) {
		if err := textsOf(ctx, e, in, schema, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f *facts) see(values []float64) {
	for _, x := range values {
		switch {
		case x != x:
			f.missing++
		case x-x == 0:
			f.low, f.high = min(f.low, x), max(f.high, x)
		}
	}
}

// textsOf looks at the distinct texts of some columns.
func textsOf(ctx context.Context, e *table.Engine, in string, schema pipeline.Schema, columns []int, out []facts) error {
	items := []string{"count(*)", "sum(n)::BIGINT", "min(length(v))", "max(length(v))", "list(v ORDER BY v) FILTER (trim(lower(v)) IN (" + literals(tokens) + "))",
		"coalesce(sum(n) FILTER (TRY_CAST(v AS TIMESTAMP) IS NOT NULL), 0)::BIGINT", "coalesce(sum(n) FILTER (TRY_CAST(trim(v) AS DOUBLE) IS NOT NULL), 0)::BIGINT"}
	for _, s := range shapes {
		items = append(items, "bool_and(regexp_matches(v, "+table.Literal(s.pattern)+"))")
	}
	rows, err := e.Query(ctx, "SELECT k, "+strings.Join(items, ", ")+" FROM "+distinctTexts(in, schema, columns)+" GROUP BY k")
	if err != nil {
		return err
	}
	var few []int
	for _, r := range rows {
		i, err := strconv.Atoi(r[0].(string))
		if err != nil {
			return err
		}
		t := &textFacts{distinct: r[1].(int64), known: r[2].(int64), shortest: r[3].(int64), longest: r[4].(int64), tokens: listOf(r[5]), times: r[6].(int64), numbers: r[7].(int64)}
		for k := range shapes {
			if r[8+k] == true {
				t.shape = &shapes[k]
				break
			}
		}
		out[i].text = t
		if t.few() {
			few = append(few, i)
		}
	}
	if len(few) == 0 {
		return nil
	}
	slices.Sort(few)
	rows, err = e.Query(ctx, "SELECT k, list(v ORDER BY n DESC, v) FROM "+distinctTexts(in, schema, few)+" GROUP BY k")
	if err != nil {
		return err
	}
	for _, r := range rows {
		i, err := strconv.Atoi(r[0].(string))
		if err != nil {
			return err
		}
		out[i].text.set = listOf(r[1])
	}
	return nil
}

// distinctTexts is the FROM of rows k, v and n: the number of a column, one of its
// texts and the rows that have it.
func distinctTexts(in string, schema pipeline.Schema, columns []int) string {
	selected := make([]string, len(columns))
	for i, c := range columns {
		selected[i] = fmt.Sprintf("CAST(%s AS VARCHAR) AS %s", table.Ident(schema[c].Name), table.Ident(strconv.Itoa(c)))
	}
	return fmt.Sprintf("(SELECT k, v, count(*) AS n FROM (UNPIVOT (SELECT %s FROM %s) ON * INTO NAME k VALUE v) GROUP BY k, v)", strings.Join(selected, ", "), table.Scan(in))
}

func listOf(v any) []string {
	values, _ := v.([]any)
	out := make([]string, len(values))
	for i, s := range values {
		out[i] = s.(string)
	}
	return out
}

func literals(values []string) string {
	out := make([]string, len(values))
	for i, s := range values {
		out[i] = table.Literal(s)
	}
	return strings.Join(out, ", ")
}
