package evaluation

import "context"

// ScoreIntervals is Score with the middle 95 % of each metric over resamples of the
// rows; a metric that too few resamples define has none. Equal samples and seed give
// equal intervals, whatever the number of threads.
//
// Errors: those of ScoreWeighted, and ctx's.
func ScoreIntervals(ctx context.Context, s Sample, seed int64) (*Scores, map[string]Interval, error) {
	p, err := prepare(s)
	if err != nil {
		return nil, nil, err
	}
	scores, err := p.point()
	if err != nil {
		return nil, nil, err
	}
	drawn, err := resamplingOf(len(s.Y), seed).replicate(ctx, nil, p)
	if err != nil {
		return nil, nil, err
	}
	out := map[string]Interval{}
	for metric := range scores.Values {
		if i := drawn[0].interval(metric); i != nil {
			out[metric] = *i
		}
	}
	return scores, out, nil
}
