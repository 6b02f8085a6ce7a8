package feature_test

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestTargetsBecomeNumbersInTheOrderOfTheirClasses(t *testing.T) {
	for _, c := range []struct {
		task     pipeline.Task
		positive string
		column   frame.Column
		classes  []string
		values   []float64
	}{
		{pipeline.Regression, "", number("y", 3, -1), nil, []float64{3, -1}},
		{pipeline.Binary, "", number("y", 1, 0, 1), []string{"0", "1"}, []float64{1, 0, 1}},
		{pipeline.Binary, "false", number("y", 1, 0, 1), []string{"1", "0"}, []float64{0, 1, 0}},
		{pipeline.Binary, "1.50", number("y", 1.5, 10), []string{"10", "1.5"}, []float64{1, 0}},
		{pipeline.Binary, "", text("y", "no", "yes"), []string{"no", "yes"}, []float64{0, 1}},
		{pipeline.Binary, "", text("y", "Yes", "never"), []string{"never", "Yes"}, []float64{1, 0}},
		{pipeline.Binary, "", text("y", "b", "a"), []string{"a", "b"}, []float64{1, 0}},
		{pipeline.Multiclass, "", text("y", "c", "a", "b"), []string{"a", "b", "c"}, []float64{2, 0, 1}},
		{pipeline.Multiclass, "", number("y", 10, 9, -2), []string{"-2", "9", "10"}, []float64{2, 1, 0}},
	} {
		target, err := feature.FitTarget(pipeline.Problem{Task: c.task, Target: "y", Positive: c.positive}, &c.column)
		if err != nil {
			t.Fatal(err)
		}
		data, err := target.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if target, err = feature.DecodeTarget(data); err != nil {
			t.Fatal(err)
		}
		values, err := target.Values(&c.column)
		if err != nil || !reflect.DeepEqual(target.Classes, c.classes) || !reflect.DeepEqual(values, c.values) {
			t.Errorf("%v: classes %v values %v error %v", c, target.Classes, values, err)
		}
	}
}

func TestTargetsThatCannotBeLearnedAreRefused(t *testing.T) {
	many := frame.Column{Name: "y", Kind: frame.Number}
	for i := range 1001 {
		many.Numbers = append(many.Numbers, float64(i))
	}
	for name, c := range map[string]struct {
		task     pipeline.Task
		positive string
		column   frame.Column
		says     string
	}{
		"constant":     {pipeline.Regression, "", number("y", 2, 2), "is 2 in every"},
		"missing":      {pipeline.Regression, "", number("y", 2, nan), "missing in 1"},
		"infinite":     {pipeline.Regression, "", number("y", 2, math.Inf(1)), "infinite in 1"},
		"text":         {pipeline.Regression, "", text("y", "a", "b"), "text"},
		"time":         {pipeline.Binary, "", frame.Column{Name: "y", Kind: frame.Time, Times: []int64{1}}, "time"},
		"one class":    {pipeline.Binary, "", text("y", "a", "a"), `"a" in every`},
		"three":        {pipeline.Binary, "", text("y", "a", "b", "c"), "3 classes"},
		"many":         {pipeline.Multiclass, "", many, "more than 1000"},
		"empty text":   {pipeline.Multiclass, "", text("y", "a", ""), "missing in 1"},
		"no such":      {pipeline.Binary, "c", text("y", "a", "b"), `no class "c"`},
		"number as it": {pipeline.Binary, "true", number("y", 3, 4), `no class "1"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := feature.FitTarget(pipeline.Problem{Task: c.task, Target: "y", Positive: c.positive}, &c.column)
			refused(t, err, fault.TargetInvalid, `"y"`, c.says)
		})
	}
	empty := number("y")
	_, err := feature.FitTarget(problem, &empty)
	refused(t, err, fault.DatasetEmpty)
}

func TestAClassNoTrainingRowHasIsRefused(t *testing.T) {
	train, test := text("y", "a", "b"), text("y", "a", "z")
	target, err := feature.FitTarget(pipeline.Problem{Task: pipeline.Multiclass}, &train)
	if err != nil {
		t.Fatal(err)
	}
	_, err = target.Values(&test)
	refused(t, err, fault.TargetInvalid, `"z"`)
	numbers := number("y", 1)
	_, err = target.Values(&numbers)
	refused(t, err, fault.TargetInvalid, "number", "text")
}

func FuzzDecodeTarget(f *testing.F) {
	for _, task := range []string{"regression", "binary", "multiclass"} {
		f.Add([]byte(fmt.Sprintf(`{"column":"y","kind":"text","task":%q,"classes":["a","b"]}`, task)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		target, err := feature.DecodeTarget(data)
		if err != nil {
			refused(t, err, fault.BundleInvalid)
			return
		}
		if _, err := target.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}
