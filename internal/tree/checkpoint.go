package tree

import (
	"encoding/json"
	"math"

	"github.com/esteira-ml/esteira/internal/fault"
)

// checkpoint is a fit after some rounds. Scores are not in it: the trees say
// what they are, to the last bit.
type checkpoint struct {
	Version  int       `json:"version"`
	Rounds   int       `json:"rounds"`
	Ensemble *Ensemble `json:"ensemble"`
	Train    []float64 `json:"train"`
	Held     []float64 `json:"held"`
}

const checkpointVersion = 1

func (f *fit) save() ([]byte, error) {
	data, err := json.Marshal(checkpoint{checkpointVersion, f.rounds, f.model, f.report.Train, f.report.Held})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode a checkpoint of boosted_trees")
	}
	return data, nil
}

// restore goes on where a checkpoint was made. One that is broken, or of another
// fit, is an error: Internal, for nobody but this package writes them.
func (f *fit) restore(data []byte) error {
	var c checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return fault.Wrap(err, fault.Internal, "the checkpoint of boosted_trees cannot be read")
	}
	if c.Version != checkpointVersion || c.Ensemble == nil || c.Rounds < 0 || c.Rounds > f.s.Rounds {
		return otherBins()
	}
	if err := c.Ensemble.Validate(); err != nil {
		return fault.Wrap(err, fault.Internal, "the checkpoint of boosted_trees cannot be read")
	}
	e := c.Ensemble
	if e.Loss != f.s.Loss || len(e.Base) != f.outputs || len(e.Features) != len(f.model.Features) || len(e.Trees) != c.Rounds*f.outputs {
		return otherBins()
	}
	for k, v := range e.Base {
		if math.Float64bits(v) != math.Float64bits(f.model.Base[k]) {
			return otherBins()
		}
	}
	if len(c.Train) > c.Rounds || f.held != nil && len(c.Held) != c.Rounds {
		return otherBins()
	}
	for i, t := range e.Trees {
		r, err := newRouter(t, f.bins)
		if err != nil {
			return err
		}
		f.route(r, f.bins, f.scores, i%f.outputs, nil)
		if f.held != nil {
			f.route(r, f.heldBins, f.heldAt, i%f.outputs, nil)
		}
		if err := f.crew.ctx.Err(); err != nil {
			return err
		}
	}
	f.model.Trees, f.rounds = e.Trees, c.Rounds
	f.report.Train, f.report.Held = c.Train, c.Held
	return nil
}
