package model

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
)

// shape is data of a size, without the data.
func shape(rows, dense, categories, classes int) Data {
	x := &frame.Matrix{Rows: rows, Features: make([]frame.Feature, dense)}
	if categories > 0 {
		x.Features = append(x.Features, frame.Feature{Name: "c", Categories: make([]string, categories)})
	}
	return Data{X: x, Classes: classes}
}

func classesOf(kind string) int {
	if kind == "logistic" {
		return 2
	}
	return 0
}

func TestEveryKindIsRefusedWithItsEstimateWhereMemoryWouldNotDo(t *testing.T) {
	had := debug.SetMemoryLimit(64 << 20)
	defer debug.SetMemoryLimit(had)
	for _, kind := range Kinds() {
		l, err := For(kind)
		require.NoError(t, err)
		require.NoError(t, Affordable(l, shape(1000, 5, 0, classesOf(kind)), Settings{}), kind)
		d := shape(1<<20, 20, 0, classesOf(kind))
		err = Affordable(l, d, Settings{})
		require.Equal(t, fault.ResourceExhausted, fault.KindOf(err), kind)
		require.ErrorContains(t, err, fmt.Sprintf("%s on 1048576 rows of 20 columns needs about %d MB of memory, over the bound of 64 MB", kind, (d.Bytes()+l.Need(d, Settings{}))>>20))
		held := shape(1000, 5, 0, classesOf(kind))
		held.Held = &d
		require.Error(t, Affordable(l, held, Settings{}), "%s: rows held out count, too", kind)
	}
	// What a learner takes besides the rows is what their width makes of it.
	for kind, width := range map[string]int{"ols": 1500, "ridge": 1500, "lasso": 1500, "elastic_net": 1500, "logistic": 400_000, "poisson": 400_000} {
		l, _ := For(kind)
		d := shape(1000, 0, width, classesOf(kind))
		require.Less(t, d.Bytes(), int64(1<<20))
		require.Equal(t, fault.ResourceExhausted, fault.KindOf(Affordable(l, d, Settings{})), kind)
	}
}

// The estimate is that of what a fit takes: it is no less, and not many times more.
func TestTheEstimateIsAboutWhatAFitTakes(t *testing.T) {
	for kind, width := range map[string]int{"ols": 300, "ridge": 300, "lasso": 300, "logistic": 600, "poisson": 600} {
		d := shape(4000, 0, width, classesOf(kind))
		codes := make([]int32, d.X.Rows)
		d.Y = make([]float64, d.X.Rows)
		for i := range codes {
			codes[i] = int32(i % width)
			d.Y[i] = float64(i*i%7) / 3
			if d.Classes > 0 {
				d.Y[i] = math.Mod(float64(i/3), 2)
			}
		}
		d.X.Features[0].Codes = codes
		for k := range d.X.Features[0].Categories {
			d.X.Features[0].Categories[k] = fmt.Sprint(k)
		}
		l, err := For(kind)
		require.NoError(t, err)
		need := l.Need(d, Settings{})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, _, err = l.Fit(t.Context(), d, Settings{Params: map[string]float64{}})
		require.NoError(t, err, kind)
		runtime.ReadMemStats(&after)
		// What is allocated in all is at least what is held at once.
		require.Greater(t, int64(after.TotalAlloc-before.TotalAlloc)*4, need, "%s: the estimate is far above what the fit allocates", kind)
		t.Logf("%s: estimated %d kB, allocated %d kB in all", kind, need>>10, (after.TotalAlloc-before.TotalAlloc)>>10)
	}
}
