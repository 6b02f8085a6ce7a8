package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// RegisterParams name the bundle that becomes a model version.
type RegisterParams struct {
	Run        Run          `json:"run"`
	Bundle     artifact.Ref `json:"bundle"`
	Evaluation artifact.Ref `json:"evaluation"`
}

// RegisterResult is the model version of a bundle.
type RegisterResult struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
}

// Name is the version as people write it: "flights@3".
func (r RegisterResult) Name() string { return fmt.Sprintf("%s@%d", r.Model, r.Version) }

// Register gives the bundle a model version; the same bundle has the same one.
func (a *Activities) Register(ctx context.Context, p RegisterParams) (*RegisterResult, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "register"}, time.Now()
	var judged evaluation.Evaluation
	if err := a.Store.JSON(ctx, p.Evaluation, &judged); err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	v, err := a.DB.RegisterModel(ctx, metadata.RegisterModel{
		Name: p.Run.Pipeline, Bundle: p.Bundle, Run: p.Run.ID, Metrics: metadata.Values(judged.Test.Scores),
	})
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return &RegisterResult{Model: v.Name, Version: v.Version}, nil
}

const (
	// serverAlive is how long after its last heartbeat (one a second) a server
	// still counts: one that stopped is not waited for, one that pauses is.
	serverAlive = 5 * time.Second
	// serverDeadline is how long the live servers may take to load a bundle.
	serverDeadline = 2 * time.Minute
	serverPoll     = 50 * time.Millisecond
)

// awaitServers returns how many servers answer from the revision once all live
// ones do.
func (a *Activities) awaitServers(ctx context.Context, endpoint string, revision int64) (int, error) {
	deadline := time.Now().Add(serverDeadline)
	tick := time.NewTicker(serverPoll)
	defer tick.Stop()
	for {
		servers, err := a.DB.LiveServers(ctx, serverAlive)
		if err != nil {
			return 0, err
		}
		reports, err := a.DB.RevisionReports(ctx, endpoint, revision)
		if err != nil {
			return 0, err
		}
		waiting, err := unanswered(servers, reports)
		if err != nil || len(waiting) == 0 {
			return len(servers), err
		}
		if time.Now().After(deadline) {
			return 0, fault.New(fault.DeploymentFailed, "no answer from revision %d of %s within %s by %s", revision, endpoint, serverDeadline, strings.Join(waiting, ", ")).
				WithRemedy("look at the log of these servers, or stop them")
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// unanswered lists the live servers that have not yet answered; a server that
// could not load is an error.
func unanswered(servers []metadata.Server, reports []metadata.RevisionReport) ([]string, error) {
	var waiting []string
	for _, s := range servers {
		answered := false
		for _, r := range reports {
			if r.Server != s.ID {
				continue
			}
			if r.State == metadata.ServerFailed {
				return nil, fault.New(fault.DeploymentFailed, "server %s could not load the bundle: %s", s.Address, r.Error).
					WithRemedy("the endpoint is put back as it was; mend the cause and run again")
			}
			answered = answered || r.State == metadata.ServerLive && r.AnsweredAt != nil
		}
		if !answered {
			waiting = append(waiting, s.Address)
		}
	}
	return waiting, nil
}
