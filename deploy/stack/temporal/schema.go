package main

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
)

const plugin = "postgres12"

// migrate creates the tables of both databases or upgrades them to the schema
// embedded in the server. It may be repeated, also after it was interrupted.
func migrate(o options) error {
	for database, name := range map[string]string{
		"temporal":            "postgresql/v12/temporal",
		"temporal_visibility": "postgresql/v12/visibility",
	} {
		if err := migrateDatabase(o, database, name); err != nil {
			return fmt.Errorf("database %s: %w", database, err)
		}
	}
	return nil
}

func migrateDatabase(o options, database, name string) error {
	logger := log.NewZapLogger(log.BuildZapLogger(log.Config{Level: "warn"}))
	conn, err := sql.NewConnection(&config.SQL{
		ConnectAddr:  o.Postgres,
		DatabaseName: database,
		Password:     os.Getenv("PGPASSWORD"),
		PluginName:   plugin,
		User:         o.PostgresUser,
	}, logger)
	if err != nil {
		return err
	}
	defer conn.Close()

	if _, err := conn.ReadSchemaVersion(); err != nil {
		setup := &schema.SetupConfig{InitialVersion: "0.0"}
		if err := schema.NewSetupSchemaTask(conn, setup, logger).Run(); err != nil {
			return err
		}
	}
	update := &schema.UpdateConfig{DBName: database, SchemaName: name}
	return schema.NewUpdateSchemaTask(conn, update, logger).Run()
}
