package bundle

import "github.com/esteira-ml/esteira/internal/model"

// gains writes what the splits of boosted trees on each feature saved.
func (c Card) gains(line func(string, ...any)) {
	all := model.Gains(c.Model)
	if len(all) == 0 {
		return
	}
	line("## Features by gain\n\n| feature | share of gain | splits |\n|---|---:|---:|")
	for _, g := range all[:min(maxCoefficients, len(all))] {
		line("| %s | %.1f %% | %d |", inline(g.Feature), 100*g.Share, g.Splits)
	}
	if more := len(all) - maxCoefficients; more > 0 {
		line("\nThe %d features of the greatest gain; %d more have less.", maxCoefficients, more)
	}
	line("\nGain is the training loss that splits on a feature saved. It favours features of many values, and says what the trees use, not what causes what.\n")
}
