package profile

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxClasses bounds the target's classes, and maxGroupShare the distinct texts
// per row, beyond which an association says nothing: every row is its own group.
const (
	maxClasses    = 200
	maxGroupShare = 0.05
)

// associate sets every column in relation to the target.
func (p *Profile) associate(ctx context.Context, e *table.Engine, in string) error {
	target := p.Column(p.Target)
	if target == nil || target.Distinct < 2 {
		return nil
	}
	var err error
	if p.Task == pipeline.Regression {
		if target.Number == nil || !target.standardised() {
			return nil
		}
		err = p.pearson(ctx, e, in, target)
	} else {
		if target.Distinct > maxClasses {
			return nil
		}
		err = p.classes(ctx, e, in, target)
	}
	if err != nil {
		return err
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Type != "text" || c.Name == p.Target || c.Distinct < 2 || float64(c.Distinct) > math.Max(20, maxGroupShare*float64(c.Count)) {
			continue
		}
		if p.Task == pipeline.Regression {
			err = c.ratioOfText(ctx, e, in, target)
		} else {
			err = c.cramersV(ctx, e, in, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// standardised reports whether the column has a scale of its own.
func (c *Column) standardised() bool {
	return c.Number != nil && c.Number.SD != nil && *c.Number.SD > 0
}

// z is the SQL of the standardised value.
func (c *Column) z() string {
	return fmt.Sprintf("((%s - (%s::DOUBLE)) / (%s::DOUBLE))", c.value(), literal(c.Number.Mean), literal(*c.Number.SD))
}

func literal(x float64) string { return table.Literal(strconv.FormatFloat(x, 'g', -1, 64)) }

// exact sums an expression over rows in whole billionths: sums of integers do
// not depend on the order of the rows. Squares and products of standardised
// values are at most the number of rows, so a billionth of them fits 64 bits.
func exact(expression string) string {
	return "CAST(sum(TRY_CAST(round(" + expression + " * 1e9) AS BIGINT)) AS DOUBLE) / 1e9"
}

// perPass is how many columns one query associates: the engine's time to plan a
// query grows with the square of its expressions.
const perPass = 20

// scaled returns the columns but the target that have a scale, some at a time.
func (p *Profile) scaled() iter.Seq[[]*Column] {
	var columns []*Column
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Name != p.Target && c.standardised() {
			columns = append(columns, c)
		}
	}
	return slices.Chunk(columns, perPass)
}

// pearson fills Pearson's correlation of the numbers with a numeric target.
func (p *Profile) pearson(ctx context.Context, e *table.Engine, in string, target *Column) error {
	for columns := range p.scaled() {
		var inner, query []string
		for i, c := range columns {
			x := fmt.Sprintf("x%d", i)
			inner = append(inner, fmt.Sprintf("CASE WHEN %s THEN %s END AS %s", c.finite(), c.z(), x))
			both := fmt.Sprintf(" FILTER (%s IS NOT NULL)", x)
			query = append(query, "count("+x+")")
			for _, s := range []string{x, "y", x + "*" + x, "y*y", x + "*y"} {
				query = append(query, filtered(exact(s), both))
			}
		}
		row, err := e.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM (SELECT %s AS y, %s FROM %s WHERE %s)",
			strings.Join(query, ",\n "), target.z(), strings.Join(inner, ",\n "), table.Scan(in), target.finite()))
		if err != nil {
			return err
		}
		for i, c := range columns {
			r := row[6*i:]
			n := r[0].(int64)
			if n < 2 {
				continue
			}
			sx, sy, sxx, syy, sxy := float(r[1]), float(r[2]), float(r[3]), float(r[4]), float(r[5])
			k := float64(n)
			c.associated("pearson", (sxy-sx*sy/k)/math.Sqrt((sxx-sx*sx/k)*(syy-sy*sy/k)), n)
		}
	}
	return nil
}

// filtered puts a FILTER behind the sum inside exact's cast.
func filtered(sum, filter string) string {
	return strings.Replace(sum, " AS DOUBLE) / 1e9", filter+" AS DOUBLE) / 1e9", 1)
}

// classes fills the correlation ratio (eta) of the numbers over the target's
// classes: the square root of the share of the variance between the classes.
func (p *Profile) classes(ctx context.Context, e *table.Engine, in string, target *Column) error {
	for columns := range p.scaled() {
		var query []string
		for _, c := range columns {
			filter := " FILTER (" + c.finite() + ")"
			query = append(query, "count(*)"+filter, filtered(exact(c.z()), filter), filtered(exact(c.z()+"*"+c.z()), filter))
		}
		class := "CAST(" + table.Ident(target.Name) + " AS VARCHAR)"
		rows, err := e.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s IS NOT NULL GROUP BY %[3]s ORDER BY %[3]s", strings.Join(query, ",\n "), table.Scan(in), class))
		if err != nil {
			return err
		}
		for i, c := range columns {
			var r ratio
			for _, row := range rows {
				if n := row[3*i].(int64); n > 0 {
					r.add(n, float(row[3*i+1]), float(row[3*i+2]))
				}
			}
			c.associated("correlation_ratio", r.eta(), r.n)
		}
	}
	return nil
}

// ratioOfText fills the correlation ratio of a numeric target over a text's
// values.
func (c *Column) ratioOfText(ctx context.Context, e *table.Engine, in string, target *Column) error {
	x := "CAST(" + table.Ident(c.Name) + " AS VARCHAR)"
	var r ratio
	err := e.Stream(ctx, fmt.Sprintf("SELECT count(*), %s, %s FROM %s WHERE %s AND %s IS NOT NULL GROUP BY %[5]s ORDER BY %[5]s",
		exact(target.z()), exact(target.z()+"*"+target.z()), table.Scan(in), target.finite(), x), func(row []any) error {
		r.add(row[0].(int64), float(row[1]), float(row[2]))
		return nil
	})
	c.associated("correlation_ratio", r.eta(), r.n)
	return err
}

// ratio collects groups, with the count, sum and sum of squares of each.
type ratio struct {
	n                int64
	sum, sq, between float64
}

func (r *ratio) add(n int64, sum, sq float64) {
	r.n += n
	r.sum += sum
	r.sq += sq
	r.between += sum * sum / float64(n)
}

func (r *ratio) eta() float64 {
	mean := r.sum * r.sum / float64(r.n)
	return math.Sqrt(math.Max(0, (r.between-mean)/(r.sq-mean)))
}

// cramersV fills Cramér's V of a text and the target's classes.
func (c *Column) cramersV(ctx context.Context, e *table.Engine, in string, target *Column) error {
	query := fmt.Sprintf(`SELECT n, sum(n) OVER (PARTITION BY x), sum(n) OVER (PARTITION BY y) FROM
		(SELECT CAST(%s AS VARCHAR) AS x, CAST(%s AS VARCHAR) AS y, count(*) AS n FROM %s WHERE x IS NOT NULL AND y IS NOT NULL GROUP BY x, y) ORDER BY x, y`,
		table.Ident(c.Name), table.Ident(target.Name), table.Scan(in))
	n, chi := int64(0), 0.0
	err := e.Stream(ctx, query, func(row []any) error {
		o := row[0].(int64)
		n += o
		chi += float64(o) * float64(o) / (float(row[1]) * float(row[2]))
		return nil
	})
	least := min(c.Distinct, target.Distinct) - 1
	c.associated("cramers_v", math.Sqrt(math.Max(0, chi-1)/float64(least)), n)
	return err
}

func (c *Column) associated(measure string, value float64, rows int64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return // one of the two is constant where both are known
	}
	value = math.Round(math.Max(-1, math.Min(1, value))*1e10) / 1e10
	c.Association = &Association{Measure: measure, Value: value + 0, Rows: rows}
}
