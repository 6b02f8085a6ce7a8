package drift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/tree"
)

// Encoder turns a raw column into what trees read. Times are left out: they move on
// by themselves.
type Encoder struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"`                 // "number" or "text"
	Categories []string `json:"categories,omitempty"` // the most frequent texts; others are as missing ones are
}

// encodersOf returns those of the columns of frames of the same columns.
func encodersOf(frames ...*frame.Frame) (encoders []Encoder, left []string) {
	for i := range frames[0].Columns {
		c := &frames[0].Columns[i]
		e := Encoder{Name: c.Name, Kind: c.Kind.String()}
		switch c.Kind {
		case frame.Time:
			left = append(left, c.Name)
			continue
		case frame.Text:
			for _, f := range frames {
				if o := f.Column(c.Name); o != nil && o.Kind == c.Kind {
					texts := frequent(o)
					e.Categories = append(e.Categories, texts[:min(MostCategories, len(texts))]...)
				}
			}
			slices.Sort(e.Categories)
			e.Categories = slices.Compact(e.Categories)
			if e.Categories == nil {
				e.Categories = []string{""} // a block has a category
			}
		}
		encoders = append(encoders, e)
	}
	return encoders, left
}

// encode returns the feature of a column; of one that is absent or of another kind
// every value is missing.
func (e *Encoder) encode(c *frame.Column, rows int) frame.Feature {
	if c != nil && c.Kind.String() != e.Kind {
		c = nil
	}
	if e.Kind == frame.Text.String() {
		f := frame.Feature{Name: e.Name, Codes: make([]int32, rows), Categories: e.Categories}
		if c == nil {
			for i := range f.Codes {
				f.Codes[i] = frame.MissingCode
			}
			return f
		}
		to := make([]int32, len(c.Dict)+1)
		to[0] = frame.MissingCode
		for i, text := range c.Dict {
			to[i+1] = frame.MissingCode
			if at, ok := slices.BinarySearch(e.Categories, text); ok && text != "" {
				to[i+1] = int32(at)
			}
		}
		for i, code := range c.Codes {
			f.Codes[i] = to[code+1]
		}
		return f
	}
	f := frame.Feature{Name: e.Name, Numbers: make([]float64, rows)}
	for i := range f.Numbers {
		if c == nil {
			f.Numbers[i] = math.NaN()
		} else {
			f.Numbers[i] = bounded(c.Numbers[i])
		}
	}
	return f
}

// bounded brings infinities to the ends of float32, in which trees compare.
func bounded(x float64) float64 { return min(max(x, -math.MaxFloat32), math.MaxFloat32) }

func matrixOf(encoders []Encoder, f *frame.Frame) *frame.Matrix {
	x := &frame.Matrix{Rows: f.Rows, Features: make([]frame.Feature, len(encoders))}
	parallel(len(encoders), func(i int) { x.Features[i] = encoders[i].encode(f.Column(encoders[i].Name), f.Rows) })
	return x
}

// drawn takes at most n rows without replacement, in their order: the same for the
// same seed.
func drawn(f *frame.Frame, n int, seed int64) *frame.Frame {
	if f.Rows <= n {
		return f
	}
	r := rand.New(rand.NewPCG(uint64(seed), 0x6472617773))
	rows := make([]int32, f.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	for i := range n {
		j := i + r.IntN(len(rows)-i)
		rows[i], rows[j] = rows[j], rows[i]
	}
	rows = rows[:n]
	slices.Sort(rows)
	return f.Take(rows)
}

// small are the settings of a few shallow trees.
func small(loss tree.Loss, rounds int, seed int64) tree.Settings {
	s := tree.Settings{
		CatL2: 10, CatSmooth: 10, ColsampleByNode: 1, ColsampleByTree: 1, HuberDelta: 1, L2: 1, LearningRate: 0.1, Loss: loss, MaxBins: 63,
		MaxCatThreshold: 16, MaxDepth: 3, MaxLeaves: 8, MinChildWeight: 1, MinSamplesLeaf: 50, Quantile: 0.5, Rounds: rounds, Seed: seed, Subsample: 1,
	}
	if loss == tree.Logistic {
		s.Classes = 2
	}
	return s
}

// validTrees refuses an ensemble from outside that could not read what encoders
// give, and makes others ready.
func validTrees(e *tree.Ensemble, encoders []Encoder, more ...string) error {
	if e == nil {
		return fmt.Errorf("there are no trees")
	}
	if err := e.Validate(); err != nil {
		return err
	}
	ok := len(e.Features) == len(encoders)+len(more) && e.Outputs() == 1
	for i := range e.Features {
		if f := &e.Features[i]; ok && i < len(encoders) {
			ok = f.Name == encoders[i].Name && slices.Equal(f.Categories, encoders[i].Categories)
		} else if ok {
			ok = f.Name == more[i-len(encoders)] && f.Categories == nil
		}
	}
	if !ok {
		return fmt.Errorf("the trees read other columns than are encoded")
	}
	e.Seal()
	return nil
}
