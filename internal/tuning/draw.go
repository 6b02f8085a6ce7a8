package tuning

import (
	"math/rand/v2"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// random is a source of its own for one trial: which others were drawn before it
// does not matter.
func random(seed int64, trial int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(seed), uint64(trial)+0x9e3779b97f4a7c15))
}

// draw is point n of a space, without regard to what others came to.
func (s space) draw(method string, seed int64, n int) model.Params {
	if method == pipeline.RandomSearch {
		r := random(seed, n)
		u := make([]float64, len(s.dimensions))
		for i := range u {
			u[i] = r.Float64()
		}
		return s.at(u)
	}
	return s.at(sobolPoint(uint32(n), len(s.dimensions), func(d int) uint32 {
		return random(seed, -1-d).Uint32()
	}))
}
