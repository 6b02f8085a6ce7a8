package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/temporal"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Prepare the servers: schema in Postgres, search attributes in Temporal, bucket in the store",
		Long: "migrate brings Postgres to this version's schema, creates Temporal's search attributes and the bucket,\n" +
			"and returns when they can be used. What is there already stays; running it twice does nothing.",
		Example: "  esteira migrate",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			done := map[string]any{}
			ctx := cmd.Context()
			if err := a.withDatabase(ctx, func(db *metadata.DB) error { return migrateDatabase(ctx, db, done) }); err != nil {
				return err
			}
			if err := a.withTemporal(ctx, func(_ config.Config, t client.Client) error { return temporal.Bootstrap(ctx, t) }); err != nil {
				return err
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if _, err := artifact.Open(ctx, cfg.ArtifactOptions()); err != nil {
				return err
			}
			done["search_attributes"], done["bucket"] = "ready", cfg.Bucket
			return a.print(done, func() {
				a.say("Postgres has schema version %v, Temporal its search attributes, the store bucket %s.", done["schema"], cfg.Bucket)
			})
		},
	}
}

func migrateDatabase(ctx context.Context, db *metadata.DB, done map[string]any) error {
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	have, _, err := db.SchemaVersion(ctx)
	done["schema"] = have
	return err
}
