package main

import (
	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/pipeline"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pipeline files, for editors",
		Long: "schema prints the JSON Schema of pipeline files. An editor with a YAML language server completes and\n" +
			"checks a file whose first line is\n\n  # yaml-language-server: $schema=pipeline.schema.json",
		Example: "  esteira schema > pipeline.schema.json",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			data, err := pipeline.JSONSchema()
			if err != nil {
				return err
			}
			_, err = a.out.Write(data)
			return err
		},
	}
}
