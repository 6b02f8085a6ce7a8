package main

import (
	"fmt"
	"testing"

	"github.com/esteira-ml/esteira/internal/profile"
	"github.com/esteira-ml/esteira/internal/table"
)

// TestLeakageSuspectsOfTheExamples: the delay, of which the target is made, is what
// to look at first among the delays; no other example holds a suspect.
func TestLeakageSuspectsOfTheExamples(t *testing.T) {
	for file, want := range map[string]string{
		"delays/delays.yaml": "[delay]", "flights/flights.yaml": "[]", "penguins/penguins.yaml": "[]", "cars/cars.yaml": "[]", "minimal.yaml": "[]",
	} {
		f, err := readFileAlone("../examples/"+file, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := f.pipeline
		err = (&app{}).withDataset(t.Context(), f, "", func(e *table.Engine, d localDataset) error {
			found, err := profile.Compute(t.Context(), e, d.path, d.schema, profile.Options{
				Target: p.Problem.Target, Task: p.Problem.Task, Key: p.Dataset.Key, EventTime: p.Dataset.EventTime, Split: p.Split.Method,
			})
			if err != nil {
				return err
			}
			suspects := []string{}
			for i, w := range found.Warnings {
				if w.Kind == "leakage_suspect" {
					suspects = append(suspects, w.Column)
					if i >= len(suspects) {
						t.Errorf("%s: %s is suspected only after %+v", file, w.Column, found.Warnings[0])
					}
				}
			}
			if got := fmt.Sprint(suspects); got != want {
				t.Errorf("%s: suspects %s, want %s", file, got, want)
			}
			return nil
		})
		if err != nil {
			t.Error(file, err)
		}
	}
}
