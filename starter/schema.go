package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/external"
	"github.com/esteira-ml/esteira/internal/intake"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/profile"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON Schema of pipeline files, for editors, of an artifact or of a trainer",
		Long: "schema prints the JSON Schema of pipeline files. An editor with a YAML language server completes and\n" +
			"checks a file whose first line is\n\n  # yaml-language-server: $schema=pipeline.schema.json\n\n" +
			"esteira schema profile prints that of the profile artifact, which programs may read; esteira schema\n" +
			"external-trainer the contract of a worker that trains candidates of kind external; esteira schema\n" +
			"onnx-signature the file that esteira models import is told what an ONNX file is with.",
		Example: "  esteira schema > pipeline.schema.json\n  esteira schema profile > profile.schema.json",
		Args:    between(0, "KIND"),
		RunE: func(_ *cobra.Command, args []string) error {
			schemas := map[string]func() ([]byte, error){"external-trainer": external.JSONSchema, "onnx-signature": intake.JSONSchema, "pipeline": pipeline.JSONSchema, "profile": profile.JSONSchema}
			kind := "pipeline"
			if len(args) > 0 {
				kind = args[0]
			}
			schema, ok := schemas[kind]
			if !ok {
				return usage("there is no schema of %q", kind).WithRemedy("write %s", strings.Join(sortedKeys(schemas), " or "))
			}
			data, err := schema()
			if err != nil {
				return err
			}
			_, err = a.out.Write(data)
			return err
		},
	}
}
