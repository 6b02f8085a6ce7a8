package table_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

func TestReadTurnsEveryTypeIntoItsColumn(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", `SELECT * FROM (VALUES
		(1::TINYINT, 9007199254740993, 1.25::DECIMAL(10, 2), true, 2.5::FLOAT, DATE '1970-01-02', TIMESTAMP '1970-01-01 00:00:01', TIMESTAMPTZ '1970-01-01 02:00:00+01', 'b', '00000000-0000-0000-0000-000000000001'::UUID, TIME '12:30:00'),
		(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
		(-1, 2, -1.25, false, 'nan', 'infinity', '-infinity', 'infinity', 'a long text of more than twelve bytes', '00000000-0000-0000-0000-000000000002', TIME '12:30:01'),
		(0, 3, 0, true, 'inf', '1969-12-31', '1969-12-31 23:59:59', '1970-01-01 00:00:00+00', 'b', NULL, NULL)
		) t(i, big, dec, flag, f, day, ts, tz, s, u, clock)`)
	f, err := b.engine.Read(context.Background(), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	missing := frame.MissingTime
	for name, want := range map[string]string{
		"i": "[1 NaN -1 0]", "big": "[9.007199254740992e+15 NaN 2 3]", "dec": "[1.25 NaN -1.25 0]", "flag": "[1 NaN 0 1]", "f": "[2.5 NaN NaN +Inf]",
		"day": fmt.Sprint([]int64{86400e6, missing, missing, -86400e6}),
		"ts":  fmt.Sprint([]int64{1e6, missing, missing, -1e6}),
		"tz":  fmt.Sprint([]int64{3600e6, missing, missing, 0}),
		"s":   "[0 -1 1 0] [b a long text of more than twelve bytes]", "u": "[0 -1 1 -1] [00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000002]",
		"clock": "[0 -1 1 -1] [12:30:00 12:30:01]",
	} {
		c := f.Column(name)
		got := fmt.Sprint(c.Numbers)
		switch c.Kind {
		case frame.Text:
			got = fmt.Sprint(c.Codes, c.Dict)
		case frame.Time:
			got = fmt.Sprint(c.Times)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestReadKeepsTheFilesOrder(t *testing.T) {
	for _, threads := range []int{1, 8} {
		b := setup(t, threads)
		// Constant and repetitive columns come as constant and dictionary vectors.
		in := b.parquet("in.parquet", "SELECT (i * 7919) % 1000003 AS x, 'same' AS c, 'v' || (i // 1000) % 3 AS s, NULL::DOUBLE AS n FROM range(700000) t(i)")
		f, err := b.engine.Read(context.Background(), in, []string{"s", "x", "c", "n"})
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows != 700_000 || f.Columns[1].Name != "x" {
			t.Fatalf("%d rows", f.Rows)
		}
		for i := range f.Rows {
			if f.Columns[1].Numbers[i] != float64(i*7919%1000003) || f.Columns[0].Codes[i] != int32(i/1000%3) || f.Columns[2].Codes[i] != 0 || !math.IsNaN(f.Columns[3].Numbers[i]) {
				t.Fatalf("%d threads: row %d differs", threads, i)
			}
		}
	}
}

// The rows that are read of too many are as many as asked for, spread evenly, the
// same with any number of threads.
func TestReadSomeSpreadsEvenly(t *testing.T) {
	var before []float64
	for _, threads := range []int{2, 8} {
		b := setup(t, threads)
		in := b.parquet("in.parquet", "SELECT i AS x, i % 5 AS period FROM range(500000) t(i)")
		f, of, err := b.engine.ReadSome(context.Background(), in, []string{"x", "period"}, 10_000)
		if err != nil || of != 500_000 || math.Abs(float64(f.Rows-10_000)) > 2 || !slices.IsSorted(f.Columns[0].Numbers) {
			t.Fatal(f.Rows, of, err)
		}
		var tenths, periods [10]int
		for i, x := range f.Columns[0].Numbers {
			tenths[int(x)/50_000]++
			periods[int(f.Columns[1].Numbers[i])]++
		}
		for k := range 10 {
			if math.Abs(float64(tenths[k]-1000)) > 3 || k < 5 && math.Abs(float64(periods[k]-2000)) > 10 {
				t.Fatal(tenths, periods)
			}
		}
		if before != nil && !slices.Equal(before, f.Columns[0].Numbers) {
			t.Fatal("other rows with other threads")
		}
		before = f.Columns[0].Numbers
		if f, of, err = b.engine.ReadSome(context.Background(), in, []string{"x"}, 500_000); err != nil || of != 500_000 || f.Rows != 500_000 {
			t.Fatal(f.Rows, of, err)
		}
	}
}

func TestEachFrameGivesAllRowsSomeAtATime(t *testing.T) {
	b := setup(t, 2)
	in := b.parquet("in.parquet", "SELECT i AS x, 't' || i AS s FROM range(200000) t(i)")
	next, frames := 0, 0
	err := b.engine.EachFrame(context.Background(), in, []string{"s", "x"}, func(f *frame.Frame) error {
		frames++
		if len(f.Columns[0].Dict) != f.Rows || f.Rows > 70_000 {
			t.Fatal(f.Rows, len(f.Columns[0].Dict))
		}
		for i := range f.Rows {
			if f.Columns[1].Numbers[i] != float64(next) || f.Columns[0].Dict[f.Columns[0].Codes[i]] != fmt.Sprint("t", next) {
				t.Fatal(next)
			}
			next++
		}
		return nil
	})
	if err != nil || next != 200_000 || frames < 3 {
		t.Fatal(next, frames, err)
	}
	stop := errors.New("stop")
	if err := b.engine.EachFrame(context.Background(), in, []string{"x"}, func(*frame.Frame) error { return stop }); err != stop {
		t.Fatal(err)
	}
	b.wantKind(b.engine.EachFrame(context.Background(), in, []string{"y"}, nil), fault.ColumnMissing)
}

func TestReadRefuses(t *testing.T) {
	b := setup(t, 1)
	in := b.parquet("in.parquet", "SELECT 1 AS a, [1] AS l")
	_, err := b.engine.Read(context.Background(), in, []string{"b"})
	b.wantKind(err, fault.ColumnMissing)
	_, err = b.engine.Read(context.Background(), in, nil)
	b.wantKind(err, fault.TypeMismatch)
	_, err = b.engine.Read(context.Background(), b.file("x.parquet", "not parquet at all"), nil)
	if fault.KindOf(err) != fault.SourceUnreadable {
		t.Fatal(err)
	}
	long := b.parquet("long.parquet", "SELECT i, i AS j FROM range(4000000) t(i)")
	had := debug.SetMemoryLimit(32 << 20)
	_, err = b.engine.Read(context.Background(), long, nil)
	debug.SetMemoryLimit(had)
	b.wantKind(err, fault.ResourceExhausted)
	if err == nil || !strings.Contains(err.Error(), "4000000 rows and 2 columns needs about 61 MB of memory, over the bound of 32 MB") {
		t.Error(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		setupB(b).Close()
	}
}

func BenchmarkRead3M(b *testing.B) {
	e := setupB(b)
	defer e.Close()
	path := b.TempDir() + "/in.parquet"
	_, err := e.Write(context.Background(), `SELECT i AS a, i / 3 AS b, random() AS c, random() AS d, random() AS e, i % 100 AS f,
		'origin' || i % 300 AS g, 'destination ' || i % 300 AS h, TIMESTAMP '2001-01-01' + INTERVAL (i) SECOND AS t, i % 2 = 0 AS k FROM range(3000000) t(i)`, path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := e.Read(context.Background(), path, nil)
		if err != nil {
			b.Fatal(err)
		}
		runtime.KeepAlive(f)
	}
}
