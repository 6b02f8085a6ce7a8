package split

import (
	"context"
	"fmt"
	"strings"

	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/report"
	"github.com/esteira-ml/esteira/internal/table"
)

// maxStrata is how many strata, the rarest first, are told one by one.
const maxStrata = 20

// Strata says what each stratum of a stratified split came to: chance deals it, and
// of a rare one may leave a part without a row.
type Strata struct {
	Columns []string  `json:"columns"`
	Count   int64     `json:"count"`
	Lacking int64     `json:"lacking"` // strata of which a part has no row
	Rarest  []Stratum `json:"rarest"`
}

// Stratum is the rows of one stratum in train, validation and test.
type Stratum struct {
	Values []string `json:"values"` // as text, cut at 200 characters; "" is a missing value
	Rows   [3]int64 `json:"rows"`
}

// strata counts the strata of the written parts.
func strata(ctx context.Context, e *table.Engine, parts Paths, by []pipeline.Column) (*Strata, error) {
	s := &Strata{}
	var texts, names, shown []string
	for i, c := range by {
		names = append(names, fmt.Sprintf("%sv%d", pipeline.ReservedPrefix, i))
		texts = append(texts, fmt.Sprintf("coalesce(CAST(%s AS VARCHAR), '') AS %s", table.Ident(c.Name), names[i]))
		shown = append(shown, fmt.Sprintf("left(%s, 200)", names[i]))
		s.Columns = append(s.Columns, c.Name)
	}
	var dealt []string
	for _, part := range []struct{ path, counts string }{{parts.Train, "n, 0, 0"}, {parts.Validation, "0, n, 0"}, {parts.Test, "0, 0, n"}} {
		dealt = append(dealt, fmt.Sprintf("SELECT %[1]s, %[2]s FROM (SELECT %[3]s, count(*) AS n FROM %[4]s GROUP BY ALL)", strings.Join(names, ", "), part.counts, strings.Join(texts, ", "), table.Scan(part.path)))
	}
	all := strings.Join(names, ", ")
	rows, err := e.Query(ctx, fmt.Sprintf(`SELECT %[4]s, a, b, c, count(*) OVER (), count(*) FILTER (least(a, b, c) = 0) OVER ()
		FROM (SELECT %[1]s, sum(a)::BIGINT AS a, sum(b)::BIGINT AS b, sum(c)::BIGINT AS c FROM (%[2]s) t(%[1]s, a, b, c) GROUP BY %[1]s) ORDER BY a + b + c, %[1]s LIMIT %[3]d`,
		all, strings.Join(dealt, " UNION ALL "), maxStrata, strings.Join(shown, ", ")))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		one := Stratum{}
		for i := range by {
			one.Values = append(one.Values, r[i].(string))
		}
		r = r[len(by):]
		one.Rows = [3]int64{r[0].(int64), r[1].(int64), r[2].(int64)}
		s.Count, s.Lacking = r[3].(int64), r[4].(int64)
		s.Rarest = append(s.Rarest, one)
	}
	return s, nil
}

// section is the strata on the page of the split.
func (s *Strata) section() report.Section {
	n := &report.Notice{Level: report.Good, Title: "Every split has rows of every stratum:", Text: report.Count(s.Count) + " by " + report.Cut(strings.Join(s.Columns, ", "), 120)}
	if s.Lacking > 0 {
		n.Level, n.Title = report.Warn, "A split has no row of some strata:"
		n.Text = fmt.Sprintf("%s of %s; collect more of their rows, raise the shares, or put rare strata together", report.Count(s.Lacking), report.Count(s.Count))
	}
	t := &report.Table{Caption: fmt.Sprintf("Up to %d strata, the rarest first", maxStrata)}
	for _, name := range s.Columns {
		t.Columns = append(t.Columns, report.Column{Name: report.Cut(name, 40)})
	}
	for _, part := range []string{"Train", "Validation", "Test"} {
		t.Columns = append(t.Columns, report.Column{Name: part, Numeric: true})
	}
	for _, one := range s.Rarest {
		var cells []string
		for _, v := range one.Values {
			cells = append(cells, report.Cut(v, 60))
		}
		for _, rows := range one.Rows {
			cells = append(cells, report.Count(rows))
		}
		t.Rows = append(t.Rows, cells)
	}
	return report.Section{ID: "strata", Title: "Strata", Intro: "Each stratum is dealt by a hash of its own rows' keys: shares are met on average, the more nearly the more rows it has.", Blocks: []report.Block{{Notice: n}, {Table: t}}}
}
