package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/config"
)

// environmentTopic is a page of help: every variable, its meaning and default.
func environmentTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("The programs are configured by environment variables. Before them, a file .esteira/env in the working\n" +
		"directory or one above is read, as make up writes it.\n")
	for _, v := range config.Describe() {
		b.WriteString("\n  " + v.Name + "\n      " + v.Meaning)
		if v.Default != "" {
			b.WriteString("; default " + v.Default)
		}
	}
	return &cobra.Command{Use: "environment", Short: "The environment variables that configure the programs", Long: b.String(), Example: "  DATABASE_URL=postgres://… esteira doctor"}
}
