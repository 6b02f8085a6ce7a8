package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/fault"
)

// buildID identifies this build: the digest of the executable, so that two
// builds of different code are never taken for one version.
func buildID() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

// promoteWithin bounds the wait for Temporal to know this version, which it does
// once the first polls have arrived.
const promoteWithin = 30 * time.Second

// promote makes this build the current version of the deployment, so that new
// work, and workflows at their next task, come to it.
func (h *host) promote(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, promoteWithin)
	defer cancel()
	handle := h.client.WorkerDeploymentClient().GetHandle(h.cfg.TaskQueue)
	options := client.WorkerDeploymentSetCurrentVersionOptions{BuildID: h.build, IgnoreMissingTaskQueues: true}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		_, err := handle.SetCurrentVersion(ctx, options)
		if err == nil {
			return nil
		}
		h.log.Debug().Err(err).Msg("waiting to be the current version")
		select {
		case <-ctx.Done():
			return fault.Wrap(err, fault.ConfigInvalid, "Temporal did not make build %s the current version of deployment %s within %s", h.build, h.cfg.TaskQueue, promoteWithin).
				WithRemedy("check that worker versioning is enabled on the Temporal server, or start with --promote=false")
		case <-time.After(wait):
		}
	}
}
