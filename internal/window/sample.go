package window

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/frame"
)

// sampleSeed makes the draw of rows one of its own.
const sampleSeed = 0x65737465697261

// sample keeps rows so that each has the same chance: every id is dealt a level, k
// with chance 2^-(k+1), and kept are the rows from one level on, the lowest that
// leaves no more than maxSampled. Which are kept depends on which ids there are, not
// on when they came: the sample of a window is that of its hours' samples.
type sample struct {
	level  int
	kept   sampled
	levels []uint8 // of the rows kept
}

// sampled are rows with what was answered, and where they are labelled the truth.
type sampled struct {
	IDs     []uuid.UUID
	At      []int64 // when they were asked, microseconds
	Rows    *frame.Frame
	Answers []float64 // Rows × outputs
	Y       []float64 // none: the rows are of all, labelled or not
}

// levelOf is the level that an id is dealt.
func levelOf(id uuid.UUID) uint8 {
	x := mixed(binary.BigEndian.Uint64(id[:8]) ^ mixed(binary.BigEndian.Uint64(id[8:])^sampleSeed))
	return uint8(min(bits.TrailingZeros64(x), maxLevel))
}

// maxLevel is of 2^-32 of the ids.
const maxLevel = 32

// add offers rows.
func (s *sample) add(more sampled) {
	var take []int32
	for i, id := range more.IDs {
		if level := levelOf(id); int(level) >= s.level {
			take, s.levels = append(take, int32(i)), append(s.levels, level)
		}
	}
	s.kept.append(more.take(take))
	for len(s.kept.IDs) > maxSampled && s.level < maxLevel {
		s.level++
		s.thin()
	}
}

func (s *sample) thin() {
	var take []int32
	levels := s.levels[:0]
	for i, level := range s.levels {
		if int(level) >= s.level {
			take, levels = append(take, int32(i)), append(levels, level)
		}
	}
	s.levels, s.kept = levels, s.kept.take(take)
}

// len is how many rows are kept.
func (s *sample) len() int { return len(s.kept.IDs) }

// ordered puts the rows in order of time and id, and their texts in order of the
// rows, so that they do not tell in which order they came.
func (s *sample) ordered() *sampled {
	if s.len() == 0 {
		return &sampled{Rows: &frame.Frame{}}
	}
	order := make([]int32, s.len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(s.kept.At[i], s.kept.At[j]), cmp.Compare(string(s.kept.IDs[i][:]), string(s.kept.IDs[j][:])))
	})
	out := s.kept.take(order)
	compact(out.Rows)
	return &out
}

// compact leaves out texts that no row has, and puts the others in order of the rows.
func compact(f *frame.Frame) {
	for i := range f.Columns {
		if c := &f.Columns[i]; c.Kind == frame.Text {
			own := frame.Column{Name: c.Name, Kind: c.Kind, Codes: []int32{}}
			extend(&own, c)
			*c = own
		}
	}
}

func (s *sampled) outputs() int { return len(s.Answers) / max(1, len(s.IDs)) }

// take returns the rows of these numbers.
func (s *sampled) take(rows []int32) sampled {
	out, k := sampled{}, s.outputs()
	if s.Rows != nil {
		out.Rows = s.Rows.Take(rows)
	}
	for _, i := range rows {
		out.IDs, out.At = append(out.IDs, s.IDs[i]), append(out.At, s.At[i])
		out.Answers = append(out.Answers, s.Answers[int(i)*k:(int(i)+1)*k]...)
		if s.Y != nil {
			out.Y = append(out.Y, s.Y[i])
		}
	}
	return out
}

func (s *sampled) append(more sampled) {
	if len(more.IDs) == 0 {
		return
	}
	s.IDs, s.At, s.Answers, s.Y = append(s.IDs, more.IDs...), append(s.At, more.At...), append(s.Answers, more.Answers...), append(s.Y, more.Y...)
	s.Rows = appended(s.Rows, more.Rows)
}

// mixed is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// appended is the rows of both; to may be nil.
func appended(to, from *frame.Frame) *frame.Frame {
	if to == nil {
		return from
	}
	for i := range to.Columns {
		if c := from.Column(to.Columns[i].Name); c != nil {
			extend(&to.Columns[i], c)
		}
	}
	to.Rows += from.Rows
	return to
}
