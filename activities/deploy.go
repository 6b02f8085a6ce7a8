package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/evaluation"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
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

// DeployParams move an endpoint from the revision that was seen to a version.
type DeployParams struct {
	Run        Run          `json:"run"`
	Endpoint   string       `json:"endpoint"`
	Expected   int64        `json:"expected"` // the revision the evaluation compared with; 0: none
	Model      string       `json:"model"`
	Version    int          `json:"version"`
	Reason     string       `json:"reason"`
	Evaluation artifact.Ref `json:"evaluation"`

	Audit *pipeline.Audit `json:"audit,omitempty"` // the endpoint's policy from now on; nil: as it is
}

// DeployResult is the revision that is live.
type DeployResult struct {
	Outcome
	Revision int64 `json:"revision"`
	Servers  int   `json:"servers"` // that answered from it
}

const (
	// serverAlive is how long after its last heartbeat (one a second) a server
	// still counts: one that stopped is not waited for, one that pauses is.
	serverAlive = 5 * time.Second
	// serverDeadline is how long the live servers may take to load a bundle.
	serverDeadline = 2 * time.Minute
	serverPoll     = 50 * time.Millisecond
)

// Deploy puts the version live by compare-and-set and waits until every live
// server has answered from it.
func (a *Activities) Deploy(ctx context.Context, p DeployParams) (*DeployResult, error) {
	s, begun := step{run: p.Run, name: "deploy"}, time.Now()
	res, err := a.deploy(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	a.logger(ctx, s).Info().Str("endpoint", p.Endpoint).Int64("revision", res.Revision).Int("servers", res.Servers).Dur("elapsed", time.Since(begun)).Msg("endpoint live")
	finished := time.Now()
	return res, a.recorded(ctx, s, a.DB.RecordStep(ctx, metadata.Step{
		Run: p.Run.ID, Step: s.name, Attempt: attempt(ctx), State: metadata.StepCompleted, Cache: metadata.CacheOff,
		Figure: res.Figure, Started: begun, Finished: &finished,
	}))
}

func (a *Activities) deploy(ctx context.Context, p DeployParams) (*DeployResult, error) {
	// Before the revision that needs it: what must not be recorded is not, for no moment.
	if err := a.setAuditPolicy(ctx, p.Endpoint, p.Audit, p.Run.ID); err != nil {
		return nil, err
	}
	revision, err := a.DB.SetRevision(ctx, metadata.SetRevision{
		Endpoint: p.Endpoint, Expected: p.Expected, ModelName: p.Model, ModelVersion: p.Version,
		Run: p.Run.ID, Actor: "run", Reason: p.Reason, Evidence: map[string]any{"evaluation": p.Evaluation},
	})
	if err != nil {
		return nil, err
	}
	res := &DeployResult{Revision: revision.Revision}
	res.Cache = metadata.CacheOff
	if res.Servers, err = a.awaitServers(ctx, p.Endpoint, revision.Revision); err != nil {
		return nil, err
	}
	if err := a.crown(ctx, p.Model, p.Version, p.Reason); err != nil {
		return nil, err
	}
	res.Figure = fmt.Sprintf("revision %d on %d servers", res.Revision, res.Servers)
	if res.Servers == 0 {
		res.Figure = fmt.Sprintf("revision %d; no prediction server is running", res.Revision)
	}
	return res, nil
}

// crown gives a model version the alias "champion".
func (a *Activities) crown(ctx context.Context, model string, version int, reason string) error {
	return a.DB.SetAlias(ctx, metadata.Alias{Model: model, Alias: "champion", Version: version, Actor: "run", Reason: reason})
}

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

// Restore puts the endpoint back to what it served before this run moved it. It
// does nothing if this run never did, or if somebody else moved it since.
func (a *Activities) Restore(ctx context.Context, p DeployParams) (*DeployResult, error) {
	s, begun := step{run: p.Run, name: "deploy", part: "restore"}, time.Now()
	res, err := a.restore(ctx, p)
	if err != nil {
		return nil, a.fail(ctx, s, begun, err)
	}
	return res, nil
}

// revision returns one revision of an endpoint; the zero one is that nothing
// answers.
func (a *Activities) revision(ctx context.Context, endpoint string, number int64) (metadata.Revision, error) {
	if number == 0 {
		return metadata.Revision{}, nil
	}
	history, err := a.DB.Revisions(ctx, endpoint, 1000)
	if err != nil {
		return metadata.Revision{}, err
	}
	for _, r := range history {
		if r.Revision == number {
			return r, nil
		}
	}
	return metadata.Revision{}, fault.New(fault.EndpointConflict, "revision %d of %s is not in its recent history", number, endpoint)
}

func (a *Activities) restore(ctx context.Context, p DeployParams) (*DeployResult, error) {
	endpoint, err := a.DB.Endpoint(ctx, p.Endpoint)
	if errors.Is(err, fault.New(fault.EndpointNotFound, "")) {
		return &DeployResult{}, nil
	}
	if err != nil {
		return nil, err
	}
	if endpoint.Live == nil || endpoint.Live.Run != p.Run.ID || endpoint.Live.Previous != p.Expected {
		return &DeployResult{Revision: endpoint.Revision}, nil
	}
	before, err := a.revision(ctx, p.Endpoint, p.Expected)
	if err != nil {
		return nil, err
	}
	revision, err := a.DB.SetRevision(ctx, metadata.SetRevision{
		Endpoint: p.Endpoint, Expected: endpoint.Revision, ModelName: before.ModelName, ModelVersion: before.ModelVersion,
		Run: p.Run.ID, Actor: "run", Reason: fmt.Sprintf("back to revision %d: revision %d was not completed", p.Expected, endpoint.Revision),
	})
	if err != nil {
		return nil, err
	}
	if before.ModelVersion > 0 {
		if err := a.crown(ctx, before.ModelName, before.ModelVersion, revision.Reason); err != nil {
			return nil, err
		}
	}
	a.Log.Warn().Str("run", p.Run.ID).Str("endpoint", p.Endpoint).Int64("revision", revision.Revision).Int("attempt", int(activity.GetInfo(ctx).Attempt)).Msg("endpoint put back")
	return &DeployResult{Revision: revision.Revision}, nil
}
