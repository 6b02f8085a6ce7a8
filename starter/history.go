package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// served is what an endpoint served from one moment to another, and why.
type served struct {
	Revision metadata.Revision `json:"revision"`
	Until    string            `json:"until,omitempty"`   // empty: it still does
	Rollout  *metadata.Rollout `json:"rollout,omitempty"` // that made it
}

func (a *app) endpointsHistory() *cobra.Command {
	var at string
	var limit int
	c := &cobra.Command{
		Use:   "history ENDPOINT",
		Short: "Show what an endpoint served when, approved by whom, on which evidence",
		Example: "  esteira endpoints history flights\n" +
			"  esteira endpoints history flights --at 2026-11-23T12:00:00Z",
		Args: exactly("ENDPOINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > 10_000 {
				return usage("--limit %d makes no sense", limit).WithRemedy("write 1 to 10000")
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				if at != "" {
					return a.servedAt(cmd.Context(), db, args[0], at)
				}
				return a.history(cmd.Context(), db, args[0], limit)
			})
		},
	}
	c.Flags().StringVar(&at, "at", "", "only what it served at this moment, RFC 3339")
	c.Flags().IntVar(&limit, "limit", 50, "at most so many revisions, the newest")
	return c
}

func (a *app) history(ctx context.Context, db *metadata.DB, name string, limit int) error {
	if _, err := db.Endpoint(ctx, name); err != nil {
		return err
	}
	revisions, err := db.Revisions(ctx, name, limit)
	if err != nil {
		return err
	}
	list := []served{}
	for i, r := range revisions {
		s := served{Revision: r}
		if i > 0 {
			s.Until = moment(revisions[i-1].Created)
		}
		list = append(list, s)
	}
	return a.print(list, func() {
		rows := [][]string{}
		for _, s := range list {
			r := s.Revision
			rows = append(rows, []string{fmt.Sprint(r.Revision), moment(r.Created), s.Until, r.Serves(), r.Actor, r.ApprovedBy, r.Reason, r.Rollout})
		}
		a.rows([]string{"REVISION", "FROM", "TO", "SERVED", "BY", "APPROVED BY", "REASON", "ROLLOUT"}, rows)
	})
}

func (a *app) servedAt(ctx context.Context, db *metadata.DB, name, text string) error {
	at, err := parseMoment("--at", text)
	if err != nil {
		return err
	}
	s := served{}
	if s.Revision, err = db.RevisionAt(ctx, name, at); err != nil {
		return err
	}
	r := s.Revision
	if r.Rollout != "" {
		made, err := db.Rollout(ctx, r.Rollout)
		if err == nil {
			s.Rollout = &made
		} else if fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return a.print(s, func() {
		a.facts("endpoint", r.Endpoint, "at", moment(at), "served", r.Serves(), "revision", fmt.Sprint(r.Revision), "since", moment(r.Created), "by", r.Actor, "approved by", r.ApprovedBy,
			"reason", r.Reason, "run", r.Run, "rollout", r.Rollout, "evidence", string(r.Evidence))
		if s.Rollout != nil {
			a.facts("the rollout", string(s.Rollout.State), "because", s.Rollout.Reason, "approval", s.Rollout.ApprovalReason, "its evidence", string(s.Rollout.Evidence))
		}
	})
}

func (a *app) modelsAlias() *cobra.Command {
	return group("alias", "Give model versions names, take them away, and show where they pointed", a.aliasSet(), a.aliasRemove(), a.aliasHistory())
}

// reserved are the aliases that rollouts move; by hand they would say what is not so.
func reserved(alias string) error {
	if alias == metadata.Champion || alias == metadata.Challenger {
		return usage("alias %s follows the endpoint", alias).WithRemedy("roll a version out, or take one back: esteira rollback ENDPOINT")
	}
	if alias == "" || len(alias) > 63 || strings.Trim(alias, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return usage("%q cannot name a version", plain(alias)).WithRemedy("write lower-case letters, digits, - and _, at most 63")
	}
	return nil
}

func (a *app) aliasSet() *cobra.Command {
	al := metadata.Alias{}
	c := &cobra.Command{
		Use:     "set MODEL@VERSION ALIAS",
		Short:   "Point an alias at a version of a model",
		Example: "  esteira models alias set flights@3 audited --reason 'review of November'",
		Args:    exactly("MODEL@VERSION", "ALIAS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, number, found := strings.Cut(args[0], "@")
			if n, err := fmt.Sscanf(number, "%d", &al.Version); !found || err != nil || n != 1 || al.Version < 1 || fmt.Sprint(al.Version) != number {
				return usage("%q is no version of a model", plain(args[0])).WithRemedy("write it as flights@3")
			}
			al.Model, al.Alias = name, args[1]
			return a.changeAlias(cmd.Context(), al, (*metadata.DB).SetAlias, fmt.Sprintf("%s is %s now.", plain(args[0]), plain(args[1])))
		},
	}
	aliasFlags(c, &al)
	return c
}

func (a *app) aliasRemove() *cobra.Command {
	al := metadata.Alias{}
	c := &cobra.Command{
		Use:     "remove MODEL ALIAS",
		Short:   "Take an alias away; its history stays",
		Example: "  esteira models alias remove flights audited --reason 'outdated'",
		Args:    exactly("MODEL", "ALIAS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			al.Model, al.Alias = args[0], args[1]
			return a.changeAlias(cmd.Context(), al, (*metadata.DB).RemoveAlias, fmt.Sprintf("No version of %s is %s now.", plain(args[0]), plain(args[1])))
		},
	}
	aliasFlags(c, &al)
	return c
}

func aliasFlags(c *cobra.Command, al *metadata.Alias) {
	c.Flags().StringVar(&al.Reason, "reason", "", "why; kept for good (required)")
	c.Flags().StringVar(&al.Actor, "actor", whoami(), "who asks for it; kept for good")
}

func (a *app) changeAlias(ctx context.Context, al metadata.Alias, change func(*metadata.DB, context.Context, metadata.Alias) error, done string) error {
	if err := reserved(al.Alias); err != nil {
		return err
	}
	if strings.TrimSpace(al.Reason) == "" || strings.TrimSpace(al.Actor) == "" {
		return usage("--reason is missing").WithRemedy("say why: --reason 'review of November'")
	}
	return a.withDatabase(ctx, func(db *metadata.DB) error {
		if err := change(db, ctx, al); err != nil {
			return err
		}
		return a.print(map[string]any{"model": al.Model, "alias": al.Alias, "version": al.Version}, func() { a.say("%s", done) })
	})
}

func (a *app) aliasHistory() *cobra.Command {
	return &cobra.Command{
		Use:     "history MODEL [ALIAS]",
		Short:   "Show where the aliases of a model pointed: who, when, why",
		Example: "  esteira models alias history flights champion",
		Args:    between(1, "MODEL", "ALIAS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				if _, err := db.ModelVersion(cmd.Context(), args[0], 0); err != nil {
					return err
				}
				list, err := db.AliasHistory(cmd.Context(), args[0], strings.Join(args[1:], ""))
				if err != nil {
					return err
				}
				return a.print(notNil(list), func() {
					rows := [][]string{}
					for _, h := range list {
						version := "removed"
						if h.Version > 0 {
							version = fmt.Sprint(h.Version)
						}
						rows = append(rows, []string{h.Alias, version, moment(h.Changed), h.Actor, h.Reason})
					}
					a.rows([]string{"ALIAS", "VERSION", "SINCE", "BY", "REASON"}, rows)
				})
			})
		},
	}
}
