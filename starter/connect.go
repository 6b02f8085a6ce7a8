package main

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/logging"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
)

// withDatabase gives f the metadata store.
func (a *app) withDatabase(ctx context.Context, f func(*metadata.DB) error) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	db, err := metadata.Open(ctx, c.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	defer db.Close()
	return f(db)
}

// withTemporal gives f a client of Temporal.
func (a *app) withTemporal(ctx context.Context, f func(config.Config, client.Client) error) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	quiet := c.Log
	quiet.Level = max(quiet.Level, 2) // people asked for an answer, not for the client's log
	t, err := temporal.Dial(ctx, c, logging.New(quiet, "esteira"))
	if err != nil {
		return err
	}
	defer t.Close()
	return f(c, t)
}

// missing turns Temporal's "not found" into ours.
func missing(err error, remedy, message string, args ...any) error {
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return fault.New(fault.NotFound, message, args...).WithRemedy("%s", remedy)
	}
	return err
}
