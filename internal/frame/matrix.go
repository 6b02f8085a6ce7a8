package frame

// Matrix is what a learner reads: Rows rows of features, column by column.
type Matrix struct {
	Rows     int
	Features []Feature
}

// Feature is one fitted output of the feature step: either dense (Numbers) or
// an indicator block (Codes), which stands for len(Categories) columns of 0 and
// 1 of which at most one is 1. Keeping the block coded makes a one-hot column of
// 300 airports cost four bytes a row, and lets a learner skip the zeros.
type Feature struct {
	Name       string    // "distance_log1p", or the block's source column, "origin"
	Numbers    []float64 // dense; never NaN
	Raw        []float64 // dense; Numbers with NaN where only the implicit imputer put a value, nil if it put none
	Codes      []int32   // block; MissingCode means all zeros
	Categories []string  // block; names of its columns, in code order
}

// Native returns the numbers of a dense feature for a learner that knows what to
// do with missing values: NaN where the plan says nothing about them.
func (f *Feature) Native() []float64 {
	if f.Raw != nil {
		return f.Raw
	}
	return f.Numbers
}

// Block reports whether the feature is an indicator block.
func (f *Feature) Block() bool { return f.Categories != nil }

// Width returns the number of columns the feature stands for.
func (f *Feature) Width() int {
	if f.Block() {
		return len(f.Categories)
	}
	return 1
}

// Width returns the number of columns of the matrix when every block is spread.
func (m *Matrix) Width() int {
	w := 0
	for i := range m.Features {
		w += m.Features[i].Width()
	}
	return w
}

// Names returns one name per spread column: "distance", "origin=JFK", …
func (m *Matrix) Names() []string {
	names := make([]string, 0, m.Width())
	for i := range m.Features {
		f := &m.Features[i]
		if !f.Block() {
			names = append(names, f.Name)
			continue
		}
		for _, c := range f.Categories {
			names = append(names, f.Name+"="+c)
		}
	}
	return names
}

// Take returns a new matrix of the given rows, in that order.
func (m *Matrix) Take(rows []int32) *Matrix {
	out := &Matrix{Rows: len(rows), Features: make([]Feature, len(m.Features))}
	for j := range m.Features {
		f := &m.Features[j]
		d := Feature{Name: f.Name, Categories: f.Categories}
		if f.Block() {
			d.Codes = take(f.Codes, rows)
		} else {
			d.Numbers = take(f.Numbers, rows)
			if f.Raw != nil {
				d.Raw = take(f.Raw, rows)
			}
		}
		out.Features[j] = d
	}
	return out
}
