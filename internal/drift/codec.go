package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxSummary bounds an encoded summary: 10,000 columns of a few KB.
const maxSummary = 64 << 20

// Encode writes the canonical JSON of a summary: equal summaries have equal bytes.
func (s *Summary) Encode() ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode a summary")
	}
	return append(data, '\n'), nil
}

// Decode reads what Encode wrote of a layout. It trusts nothing: what it accepts
// can be merged and compared. Errors are ArtifactCorrupt.
func Decode(data []byte, l *Layout) (*Summary, error) {
	s := &Summary{}
	if err := decode(data, maxSummary, s); err != nil {
		return nil, fault.Wrap(err, fault.ArtifactCorrupt, "the summary of a window cannot be read")
	}
	if err := s.Validate(l); err != nil {
		return nil, fault.Wrap(err, fault.ArtifactCorrupt, "the summary of a window is not valid")
	}
	return s, nil
}

func decode(data []byte, most int, into any) error {
	if len(data) > most {
		return fmt.Errorf("%d bytes are more than the bound of %d", len(data), most)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there are bytes after the value")
	}
	return nil
}

// Validate refuses what cannot be a summary of the layout, or a layout that
// nothing can be counted in.
func (s *Summary) Validate(l *Layout) error {
	if err := l.validate(); err != nil {
		return err
	}
	switch {
	case s.Version != SummaryVersion:
		return fmt.Errorf("it has version %d and this build reads %d", s.Version, SummaryVersion)
	case s.Layout != l.Digest():
		return fmt.Errorf("it is of layout %.20q, not %s", s.Layout, l.Digest())
	case len(s.Features) != len(l.Features) || len(s.Outputs) != len(l.Outputs):
		return fmt.Errorf("it has %d features and %d outputs, not %d and %d", len(s.Features), len(s.Outputs), len(l.Features), len(l.Outputs))
	case len(s.Service.Latency) > latencyBins || len(s.Service.Status) > 501:
		return errors.New("it has more bins of latency or status than there are")
	}
	for i := range s.Features {
		if err := s.Features[i].validate(&l.Features[i], s.Rows); err != nil {
			return err
		}
	}
	for i := range s.Outputs {
		if err := s.Outputs[i].validate(&l.Outputs[i], s.Rows); err != nil {
			return err
		}
	}
	return s.Service.Errors.validate()
}

func (c *Column) validate(f *Field, rows int64) error {
	total, negative := c.Missing+c.Infinite+c.Rare, false
	for _, n := range append([]int64{c.Missing, c.Infinite, c.Rare}, c.Bins...) {
		negative = negative || n < 0 || n > maxCounted
	}
	for _, n := range c.Bins {
		total += n
	}
	if c.Unlisted != nil {
		total, negative = total+c.Unlisted.Rows, negative || c.Unlisted.Rows < 0 || c.Unlisted.Rows > maxCounted
	}
	switch {
	case c.Name != f.Name || len(c.Bins) != f.bins():
		return fmt.Errorf("column %.60q is not %q of the layout, or has other bins", c.Name, f.Name)
	case negative || total != c.Rows || c.Rows > rows:
		return fmt.Errorf("the counts of column %q do not add up to its rows", f.Name)
	case f.text() != (c.Sum == nil) || f.text() != (c.Squares == nil) || (c.Least == nil) != (c.Greatest == nil):
		return fmt.Errorf("column %q lacks sums, or has them without being numbers", f.Name)
	}
	if err := c.validateMoments(f); err != nil {
		return err
	}
	return c.Unlisted.validate()
}

// maxCounted bounds one count, so that no sum of them overflows.
const maxCounted = 1 << 50

// validateMoments refuses sums that no values between least and greatest have.
func (c *Column) validateMoments(f *Field) error {
	if f.text() {
		return nil
	}
	if (c.Least != nil) != (c.present() > 0) {
		return fmt.Errorf("column %q has values without a least, or the other way round", f.Name)
	}
	if c.Least == nil {
		if c.Sum.n.Sign() != 0 || c.Squares.n.Sign() != 0 {
			return fmt.Errorf("column %q has sums of no values", f.Name)
		}
		return nil
	}
	mean := c.Mean()
	if low, high := *c.Least, *c.Greatest; !(mean >= low && mean <= high) || spread(c.Sum, c.Squares, c.present()).Sign() < 0 {
		return fmt.Errorf("the sums of column %q are not those of values between %v and %v", f.Name, low, high)
	}
	return nil
}

func (t *Tally) validate() error {
	if t == nil {
		return nil
	}
	rows := int64(0)
	for i, item := range t.Texts {
		if rows += item.Rows; item.Rows < 1 || i > 0 && item.Hash <= t.Texts[i-1].Hash {
			return errors.New("a tally of texts is out of order or counts none")
		}
	}
	if len(t.Texts) > kept || rows > t.Rows {
		return errors.New("a tally has more texts or rows than it may")
	}
	return nil
}

func (l *Layout) validate() error {
	for _, fields := range [][]Field{l.Features, l.Outputs} {
		for i := range fields {
			if err := fields[i].validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Field) validate() error {
	if f.text() {
		if len(f.Edges)+len(f.Groups) > 0 || f.Listed < 0 || f.Listed > len(f.Categories) || len(f.Categories) > MostCategories {
			return fmt.Errorf("the layout of texts %.60q has edges, or lists more than it has", f.Name)
		}
		return f.Rare.validate()
	}
	ok := f.Rare == nil && len(f.Categories) == 0 && len(f.Edges) <= maxEdges && (len(f.Edges) == 0) == (len(f.Groups) == 0)
	for i, e := range f.Edges {
		ok = ok && e-e == 0 && (i == 0 || e > f.Edges[i-1])
	}
	for i, g := range f.Groups {
		ok = ok && g >= 0 && g < len(f.Edges) && (i == 0 || g > f.Groups[i-1])
	}
	if !ok {
		return fmt.Errorf("the layout of %.60q has edges or groups that are out of order, too many or not finite", f.Name)
	}
	return nil
}
