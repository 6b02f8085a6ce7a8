// Command overhead measures what the steps of a small pipeline cost beyond
// Temporal itself: it runs a pipeline without cache, counts its activities, and
// runs a workflow of as many activities that do nothing, on the same server, in
// turn. It prints JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/logging"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/temporal"
	"github.com/esteira-ml/esteira/workflows"
)

// Shape is the activities of a run: how many ran side by side, stage by stage.
type Shape []int

func (s Shape) total() (n int) {
	for _, w := range s {
		n += w
	}
	return n
}

// NoOp does nothing, as an activity.
func NoOp(context.Context) error { return nil }

// Nothing runs the stages one after the other, each stage's activities at once.
func Nothing(ctx workflow.Context, stages Shape) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for _, n := range stages {
		futures := make([]workflow.Future, n)
		for i := range futures {
			futures[i] = workflow.ExecuteActivity(ctx, NoOp)
		}
		for _, f := range futures {
			if err := f.Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func main() {
	file := flag.String("file", "examples/penguins/penguins.yaml", "pipeline to run")
	rounds := flag.Int("rounds", 7, "counted rounds, after one that warms up")
	flag.Parse()
	if err := run(*file, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		os.Exit(1)
	}
}

func run(file string, rounds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	c, err := temporal.Dial(ctx, cfg, logging.New(cfg.Log, "bench"))
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, "overhead-bench", worker.Options{})
	w.RegisterWorkflow(Nothing)
	w.RegisterActivity(NoOp)
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	return measure(ctx, c, cfg, file, rounds)
}

func measure(ctx context.Context, c client.Client, cfg config.Config, file string, rounds int) error {
	p, err := pipeline.ReadFile(file)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	var pipelines, shaped, sequential []float64
	var shape Shape
	for round := range rounds + 1 {
		input := workflows.PipelineInput{Pipeline: *p, BaseDir: dir, Trigger: "bench", NoCache: true}
		id, took, err := timed(ctx, c, cfg.TaskQueue, workflows.Pipeline, input)
		if err != nil {
			return err
		}
		if shape, err = shapeOf(ctx, c, id); err != nil {
			return err
		}
		_, flat, err := timed(ctx, c, "overhead-bench", Nothing, slices.Repeat(Shape{1}, shape.total()))
		if err != nil {
			return err
		}
		_, same, err := timed(ctx, c, "overhead-bench", Nothing, shape)
		if err != nil {
			return err
		}
		if round > 0 {
			pipelines, sequential, shaped = append(pipelines, took), append(sequential, flat), append(shaped, same)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"pipeline": p.Name, "activities": shape.total(), "shape": shape, "rounds": rounds,
		"pipeline_seconds": median(pipelines), "noop_sequential_seconds": median(sequential), "noop_same_shape_seconds": median(shaped),
		"ratio_sequential": median(pipelines) / median(sequential), "ratio_same_shape": median(pipelines) / median(shaped),
	})
}

func timed(ctx context.Context, c client.Client, queue string, wf any, input any) (id string, seconds float64, err error) {
	id = "bench/overhead/" + uuid.NewString()
	begun := time.Now()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, wf, input)
	if err != nil {
		return id, 0, err
	}
	err = run.Get(ctx, nil)
	return id, time.Since(begun).Seconds(), err
}

// shapeOf reads the stages of a run from its history: activities scheduled by
// the same workflow task ran side by side.
func shapeOf(ctx context.Context, c client.Client, id string) (Shape, error) {
	var shape Shape
	stage := int64(-1)
	events := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, err
		}
		if child := e.GetChildWorkflowExecutionStartedEventAttributes(); child != nil {
			inner, err := shapeOf(ctx, c, child.GetWorkflowExecution().GetWorkflowId())
			if err != nil {
				return nil, err
			}
			shape, stage = append(shape, inner...), -1
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			if task := a.GetWorkflowTaskCompletedEventId(); task != stage {
				shape, stage = append(shape, 0), task
			}
			shape[len(shape)-1]++
		}
	}
	return shape, nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
