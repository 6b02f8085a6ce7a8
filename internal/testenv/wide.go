package testenv

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// WideRows is how many rows Wide has.
const WideRows = 200

// Wide writes a CSV file of that many columns, c0 to cN, and WideRows rows: numbers,
// and of every period columns, at least 4, the second texts of which each ninth is
// missing, and the fourth times. c0 is the row's number, c2 twice that.
func Wide(t testing.TB, columns, period int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wide.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for row := -1; row < WideRows; row++ {
		for i := range columns {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			switch {
			case row < 0:
				fmt.Fprintf(w, "c%d", i)
			case i == 0 || i == 2:
				fmt.Fprint(w, row*(1+i/2))
			case i%period == 1 && row%9 == 0:
			case i%period == 1:
				fmt.Fprintf(w, "k%d", row*i%7)
			case i%period == 3:
				fmt.Fprintf(w, "2024-01-%02d 00:00:00", 1+row*i%28)
			default:
				fmt.Fprint(w, float64(row*(i+1)%199)+0.5)
			}
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
