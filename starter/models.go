package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

func (a *app) modelsCommand() *cobra.Command {
	return group("models", "List, show, verify, name, export and import registered models", a.modelsList(), a.modelsShow(), a.modelsVerify(), a.modelsAlias(), a.modelsExport(), a.modelsImport())
}

func (a *app) modelsList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List models with their newest version",
		Example: "  esteira models list",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				models, err := db.Models(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(notNil(models), func() {
					rows := [][]string{}
					for _, m := range models {
						rows = append(rows, []string{m.Name, fmt.Sprint(m.Version), m.Bundle.Short(), m.Run, moment(m.Created)})
					}
					a.rows([]string{"MODEL", "VERSION", "BUNDLE", "RUN", "CREATED"}, rows)
				})
			})
		},
	}
}

func (a *app) modelsShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show MODEL",
		Short:   "Show the versions of a model, their metrics and the names they go by",
		Example: "  esteira models show flights",
		Args:    exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				versions, err := db.ModelVersions(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if len(versions) == 0 {
					return fault.New(fault.NotFound, "no model is named %s", plain(args[0])).WithRemedy("list them: esteira models list")
				}
				aliases, err := db.Aliases(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				shown := map[string]any{"name": args[0], "versions": versions, "aliases": notNil(aliases)}
				return a.print(shown, func() {
					rows := [][]string{}
					for _, v := range versions {
						rows = append(rows, []string{fmt.Sprint(v.Version), aliasesOf(aliases, v.Version), v.Metrics.String(), v.Bundle.Short(), v.Run, moment(v.Created)})
					}
					a.rows([]string{"VERSION", "ALIAS", "METRICS", "BUNDLE", "RUN", "CREATED"}, rows)
				})
			})
		},
	}
}

func aliasesOf(aliases []metadata.Alias, version int) string {
	var names []string
	for _, al := range aliases {
		if al.Version == version {
			names = append(names, al.Alias)
		}
	}
	return strings.Join(names, ", ")
}
