package bundle

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/model"
)

// maxCoefficients bounds the rows of the table, and the names of columns
// left out.
const maxCoefficients = 25

// coefficients writes what the classical theory says of the coefficients of a
// least squares model, the largest |t| first, and which columns were left out.
func (c Card) coefficients(line func(string, ...any)) {
	var i *model.Inference
	if l, ok := c.Model.(*model.Linear); ok {
		i = l.Inference
	}
	if i == nil && len(c.Dropped) == 0 {
		return
	}
	line("## Coefficients\n")
	if i != nil {
		estimates := slices.Clone(i.Coefficients)
		slices.SortStableFunc(estimates, func(a, b model.Estimate) int {
			switch at, bt := math.Abs(a.T), math.Abs(b.T); {
			case at > bt:
				return -1
			case at < bt:
				return 1
			}
			return 0
		})
		line("| feature | coefficient | standard error | t | p | 95 %% confidence |\n|---|---:|---:|---:|---:|---|")
		for _, e := range append(estimates[:min(maxCoefficients, len(estimates))], named("intercept", i.Intercept)) {
			line("| %s | %s | %s | %s | %s | %s to %s |", inline(e.Name), figure(e.Value), figure(e.Error), figure(e.T), figure(e.P), figure(e.Low), figure(e.High))
		}
		if more := len(estimates) - maxCoefficients; more > 0 {
			line("\nThe %d features with the largest magnitude of t; %d more have smaller ones.", maxCoefficients, more)
		}
		line("\nResidual standard error %s on %d degrees of freedom, of %d rows. R² %s, adjusted %s. F %s on %d and %d, p %s. These hold for independent errors of equal variance (inversely proportional to the weights, if there are any), and take no account of features or candidates having been chosen by the data.",
			figure(i.ResidualError), i.DegreesOfFreedom, i.Rows, figure(i.RSquared), figure(i.AdjustedRSquared), figure(i.F), len(i.Coefficients), i.DegreesOfFreedom, figure(i.FP))
	}
	if n := len(c.Dropped); n > 0 {
		if i != nil {
			line("")
		}
		text := strings.Join(c.Dropped[:min(maxCoefficients, n)], ", ")
		if n > maxCoefficients {
			text += fmt.Sprintf(" and %d more", n-maxCoefficients)
		}
		line("Without information of their own, constant or told by the others, and so with the coefficient 0: %s.", inline(text))
	}
	line("")
}

func named(name string, e model.Estimate) model.Estimate {
	e.Name = name
	return e
}
