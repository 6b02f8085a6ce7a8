package window

import "github.com/esteira-ml/esteira/internal/frame"

// sample keeps rows of a stream so that each has the same chance: rows whose number
// mixes to a multiple of 2^level, and one level more whenever there are too many.
// Which are kept depends on the numbers of the rows alone.
type sample struct {
	seen    uint64
	level   int
	numbers []uint64 // of the rows kept
	rows    *frame.Frame
	answers []float64
	outputs int
}

// add offers rows of the stream, with that many answers each.
func (s *sample) add(f *frame.Frame, answers []float64) {
	if f.Rows == 0 {
		return
	}
	s.outputs = len(answers) / f.Rows
	var take []int32
	for i := range f.Rows {
		if s.keeps(s.seen) {
			take = append(take, int32(i))
			s.numbers = append(s.numbers, s.seen)
			s.answers = append(s.answers, answers[i*s.outputs:(i+1)*s.outputs]...)
		}
		s.seen++
	}
	s.rows = appended(s.rows, f.Take(take))
	for s.rows.Rows > maxSampled {
		s.level++
		s.thin()
	}
}

func (s *sample) keeps(number uint64) bool { return mixed(number)&(1<<s.level-1) == 0 }

func (s *sample) thin() {
	var take []int32
	numbers, answers := s.numbers[:0], s.answers[:0]
	for i, n := range s.numbers {
		if s.keeps(n) {
			take = append(take, int32(i))
			numbers, answers = append(numbers, n), append(answers, s.answers[i*s.outputs:(i+1)*s.outputs]...)
		}
	}
	s.numbers, s.answers, s.rows = numbers, answers, s.rows.Take(take)
}

// len is how many rows are kept.
func (s *sample) len() int {
	if s.rows == nil {
		return 0
	}
	return s.rows.Rows
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
