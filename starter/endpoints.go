package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/metadata"
)

func (a *app) endpointsCommand() *cobra.Command {
	return group("endpoints", "List and show endpoints, what they served, and take back what they serve", a.endpointsList(), a.endpointsShow(), a.endpointsHistory(), a.endpointsRollback())
}

func (a *app) endpointsList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List endpoints and what each serves",
		Example: "  esteira endpoints list",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				endpoints, err := db.Endpoints(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(notNil(endpoints), func() {
					rows := [][]string{}
					for _, e := range endpoints {
						row := []string{e.Name, "", "", "", ""}
						if r := e.Live; r != nil {
							row = []string{e.Name, fmt.Sprint(r.Revision), r.Serves(), moment(r.Created), r.Reason}
						}
						rows = append(rows, row)
					}
					a.rows([]string{"ENDPOINT", "REVISION", "MODEL", "SINCE", "REASON"}, rows)
				})
			})
		},
	}
}

// shownEndpoint is an endpoint with its history and what the servers say.
type shownEndpoint struct {
	Endpoint  metadata.Endpoint         `json:"endpoint"`
	Address   string                    `json:"address"`
	Revisions []metadata.Revision       `json:"revisions"`
	Servers   []metadata.RevisionReport `json:"servers"`
}

func (a *app) endpointsShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ENDPOINT",
		Short:   "Show an endpoint: its revisions, and which servers answer from the live one",
		Example: "  esteira endpoints show flights",
		Args:    exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				return a.showEndpoint(cmd.Context(), db, args[0])
			})
		},
	}
}

func (a *app) showEndpoint(ctx context.Context, db *metadata.DB, name string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	var s shownEndpoint
	if s.Endpoint, err = db.Endpoint(ctx, name); err != nil {
		return err
	}
	s.Address = cfg.ServerAddress + "/v2/models/" + name + "/infer"
	if s.Revisions, err = db.Revisions(ctx, name, 20); err != nil {
		return err
	}
	if s.Servers, err = db.RevisionReports(ctx, name, s.Endpoint.Revision); err != nil {
		return err
	}
	s.Revisions, s.Servers = notNil(s.Revisions), notNil(s.Servers)
	return a.print(s, func() {
		a.facts("endpoint", name, "address", s.Address, "live revision", fmt.Sprint(s.Endpoint.Revision))
		rows := [][]string{}
		for _, r := range s.Revisions {
			rows = append(rows, []string{fmt.Sprint(r.Revision), r.Serves(), r.Bundle.Short(), moment(r.Created), r.Actor, r.Reason, r.Run})
		}
		a.table("REVISION MODEL BUNDLE SINCE BY REASON RUN", rows)
		rows = nil
		for _, r := range s.Servers {
			rows = append(rows, []string{r.Server, string(r.State), momentOf(r.AnsweredAt), r.Error})
		}
		a.table("SERVER STATE FIRST-ANSWER ERROR", rows)
	})
}
