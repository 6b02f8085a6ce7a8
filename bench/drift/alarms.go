package main

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/table"
)

// windowsEach is how many windows of each size and kind are judged.
const windowsEach = 200

// Alarms is how many of the windows of one kind alarmed, as JSON.
type Alarms struct {
	Example string `json:"example"`
	Kind    string `json:"kind"`    // "stable", or what was moved
	Rows    int    `json:"rows"`    // of a window
	Windows int    `json:"windows"` //
	Columns int    `json:"columns"`
	Any     int    `json:"any"`      // windows in which any column drifted
	Moved   int    `json:"moved"`    // in which the moved column did
	AnyPSI  int    `json:"any_psi"`  // by PSI of 0.1 or more alone, as is often done
	AnyP    int    `json:"any_p"`    // by an uncorrected p below 0.05 alone
	Apart   int    `json:"apart"`    // of ApartOf, in which trees told the rows apart
	ApartOf int    `json:"apart_of"` //
}

// alarms deals the rows of an example at random: half are the reference, windows
// are drawn from the other half. Such windows are stable by construction. Then one
// column of each window is moved.
func alarms(ctx context.Context, path string) error {
	f, err := read(ctx, path)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	order := make([]int32, f.Rows)
	for i := range order {
		order[i] = int32(i)
	}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	reference, rest := f.Take(order[:f.Rows/2]), order[f.Rows/2:]
	l := drift.LayoutOf(reference, nil)
	base, err := drift.Summarize(l, reference, &frame.Frame{Rows: reference.Rows})
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, rows := range []int{500, 2000, 5000} {
		if 2*rows > len(rest) {
			continue
		}
		for _, kind := range []string{"stable", "a number half a deviation up", "a tenth of a text new", "a tenth missing"} {
			a := Alarms{Example: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Kind: kind, Rows: rows, Windows: windowsEach, Columns: len(f.Columns)}
			for k := range windowsEach {
				for i := range rows { // without replacement within a window
					j := i + r.IntN(len(rest)-i)
					rest[i], rest[j] = rest[j], rest[i]
				}
				window := f.Take(rest[:rows])
				moved := move(window, kind, k)
				if err := a.judge(ctx, l, base, reference, window, moved, k < 25); err != nil {
					return err
				}
			}
			if err := out.Encode(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Alarms) judge(ctx context.Context, l *drift.Layout, base *drift.Summary, reference, window *frame.Frame, moved string, apart bool) error {
	s, err := drift.Summarize(l, window, &frame.Frame{Rows: window.Rows})
	if err != nil {
		return err
	}
	c, err := drift.Compare(l, base, s, drift.Options{})
	if err != nil {
		return err
	}
	var is, psi, p, found bool
	for i := range c.Features {
		r := &c.Features[i]
		is, psi, p = is || r.Outcome == drift.Drifted, psi || r.PSI >= .1, p || r.P < .05
		found = found || r.Outcome == drift.Drifted && r.Name == moved
	}
	for at, yes := range map[*int]bool{&a.Any: is, &a.AnyPSI: psi, &a.AnyP: p, &a.Moved: found} {
		if yes {
			*at++
		}
	}
	if !apart {
		return nil
	}
	told, err := drift.Separate(ctx, reference, window, drift.SeparationOptions{Rows: 2000, Seed: int64(a.ApartOf)})
	if err != nil {
		return err
	}
	if a.ApartOf++; told.Outcome == drift.Drifted {
		a.Apart++
	}
	return nil
}

// move changes one column, another from window to window, and names it; "" where
// the example has none of the kind, or nothing is to be moved.
func move(f *frame.Frame, kind string, turn int) string {
	var fit []*frame.Column
	for i := range f.Columns {
		c := &f.Columns[i]
		if kind == "a number half a deviation up" && c.Kind == frame.Number || kind == "a tenth of a text new" && c.Kind == frame.Text || kind == "a tenth missing" && c.Kind != frame.Time {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	c := fit[turn%len(fit)]
	switch {
	case kind == "a number half a deviation up":
		sum, squares, n := 0.0, 0.0, 0.0
		for _, x := range c.Numbers {
			if x-x == 0 {
				sum, squares, n = sum+x, squares+x*x, n+1
			}
		}
		up := math.Sqrt(squares/n-sum/n*sum/n) / 2
		for i := range c.Numbers {
			c.Numbers[i] += up
		}
	case kind == "a tenth of a text new":
		c.Dict = append(append([]string(nil), c.Dict...), "a text that was never there")
		for i := turn % 10; i < len(c.Codes); i += 10 {
			c.Codes[i] = int32(len(c.Dict) - 1)
		}
	default:
		for i := turn % 10; i < f.Rows; i += 10 {
			if c.Kind == frame.Text {
				c.Codes[i] = frame.MissingCode
			} else {
				c.Numbers[i] = math.NaN()
			}
		}
	}
	return c.Name
}

// read returns the rows of an example's file.
func read(ctx context.Context, path string) (*frame.Frame, error) {
	dir, err := os.MkdirTemp("", "esteira-drift-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	if filepath.Ext(path) != ".parquet" {
		converted := filepath.Join(dir, "rows.parquet")
		if _, err := engine.Convert(ctx, table.Source{Paths: []string{path}}, converted); err != nil {
			return nil, err
		}
		path = converted
	}
	return engine.Read(ctx, path, nil)
}
