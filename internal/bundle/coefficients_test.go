package bundle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestTheCardShowsTheSurestCoefficientsFirst(t *testing.T) {
	i := &model.Inference{Rows: 100, DegreesOfFreedom: 69, ResidualError: 2.5, RSquared: 0.75, AdjustedRSquared: 0.7, F: 12, FP: 1e-9, Intercept: model.Estimate{Value: 4, Error: 2, T: 2, P: 0.05, Low: 0.01, High: 7.99}}
	for k := range 30 {
		i.Coefficients = append(i.Coefficients, model.Estimate{Name: fmt.Sprintf("x|%d", k), Value: float64(k - 20), Error: 1, T: float64(k - 20), P: 0.5, Low: float64(k - 22), High: float64(k - 18)})
	}
	c := Card{Name: "flights", Kind: "ols", Problem: pipeline.Problem{Task: pipeline.Regression, Target: "delay"}, Model: &model.Linear{Learner: "ols", Inference: i}}
	got := c.Markdown()
	for _, want := range []string{
		"## Coefficients\n\n| feature | coefficient | standard error | t | p | 95 % confidence |\n|---|---:|---:|---:|---:|---|\n| x\\|0 | -20 | 1 | -20 | 0.5 | -22 to -18 |\n| x\\|1 | -19 |",
		"| intercept | 4 | 2 | 2 | 0.05 | 0.01 to 7.99 |\n",
		"The 25 features with the largest magnitude of t; 5 more have smaller ones.",
		"Residual standard error 2.5 on 69 degrees of freedom, of 100 rows. R² 0.75, adjusted 0.7. F 12 on 30 and 69, p 1e-09.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the card does not say %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, `| x\|20 |`) || strings.Count(got, `| x\|`) != 25 || strings.Contains(got, "Without information") {
		t.Errorf("not the 25 of the largest |t|:\n%s", got)
	}
	if i.Coefficients[0].T != -20 || i.Coefficients[29].T != 9 {
		t.Error("the model was sorted")
	}
}

func TestTheCardNamesTheColumnsLeftOut(t *testing.T) {
	c := Card{Problem: pipeline.Problem{Task: pipeline.Regression}, Dropped: []string{"flat", "origin=<JFK>"}}
	if got := c.Markdown(); !strings.Contains(got, "## Coefficients\n\nWithout information of their own, constant or told by the others, and so with the coefficient 0: flat, origin=&lt;JFK>.\n") {
		t.Error(got)
	}
	for k := range 300 {
		c.Dropped = append(c.Dropped, fmt.Sprint(k))
	}
	if got := c.Markdown(); !strings.Contains(got, ", 22 and 277 more.\n") {
		t.Error(got)
	}
	c.Dropped = nil
	if got := c.Markdown(); strings.Contains(got, "Coefficients") {
		t.Error(got)
	}
}
