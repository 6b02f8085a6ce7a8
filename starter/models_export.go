package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// forms are what a bundle holds of its model, by the name of --format.
var forms = map[string]func(data []byte, b *bundle.Bundle) []byte{
	"bundle": func(data []byte, _ *bundle.Bundle) []byte { return data },
	"onnx":   func(_ []byte, b *bundle.Bundle) []byte { return b.ONNX },
	"pmml":   func(_ []byte, b *bundle.Bundle) []byte { return b.PMML },
}

// exported is what was written where.
type exported struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Format  string `json:"format"`
	File    string `json:"file"`
	Size    int    `json:"size"`
	SHA256  string `json:"sha256"`
}

func (a *app) modelsExport() *cobra.Command {
	var format, out string
	c := &cobra.Command{
		Use:   "export MODEL[@VERSION|@ALIAS]",
		Short: "Write a model to a file: its ONNX or PMML form, or its whole bundle",
		Long: "export writes one form of a model version, the newest unless a version or an alias is named. The bundle holds\n" +
			"every form; ONNX is there unless the pipeline says package: {onnx: false}, PMML if it says package: {pmml: true}.\n" +
			"--out - writes to standard output.",
		Example: "  esteira models export flights@champion --format onnx\n  esteira models export flights@3 --format pmml --out flights.pmml",
		Args:    exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, ok := forms[format]
			if !ok {
				return usage("there is no form %q", format).WithRemedy("write --format onnx, pmml or bundle")
			}
			name, which, at := strings.Cut(args[0], "@")
			number, err := strconv.Atoi(which)
			if name == "" || at && (which == "" || strings.Contains(which, "@") || err == nil && number < 1) {
				return usage("%q names no version of a model", args[0]).WithRemedy("write MODEL, MODEL@3 or MODEL@champion")
			}
			v, data, err := a.fetchModel(cmd.Context(), name, which)
			if err != nil {
				return err
			}
			b, err := bundle.Open(data)
			if err != nil {
				return err
			}
			body := form(data, b)
			if len(body) == 0 {
				remedy := "run the pipeline again with package: {" + format + ": true}"
				return fault.New(fault.NotFound, "%s@%d was packaged without %s", v.Name, v.Version, strings.ToUpper(format)).WithRemedy("%s", remedy)
			}
			if out == "-" {
				_, err := a.out.Write(body)
				return err
			}
			if out == "" {
				out = fmt.Sprintf("%s-%d.%s", v.Name, v.Version, format)
			}
			if err := writeWhole(out, body); err != nil {
				return err
			}
			done := exported{Model: v.Name, Version: v.Version, Format: format, File: out, Size: len(body), SHA256: artifact.DigestOf(body)}
			return a.print(done, func() {
				a.say("%s@%d in %s: %d bytes, sha256:%s", v.Name, v.Version, plain(out), len(body), done.SHA256)
			})
		},
	}
	c.Flags().StringVar(&format, "format", "bundle", "which form: onnx, pmml or bundle")
	c.Flags().StringVar(&out, "out", "", "the file to write; default: MODEL-VERSION.FORMAT here")
	return c
}

// fetchModel returns a version of a model, by number, alias or "" for the newest, with
// its bundle.
func (a *app) fetchModel(ctx context.Context, name, which string) (v metadata.ModelVersion, data []byte, err error) {
	err = a.withDatabase(ctx, func(db *metadata.DB) error {
		if v, err = db.ModelNamed(ctx, name, which); err != nil {
			if _, notNumber := strconv.Atoi(which); notNumber != nil && which != "" && fault.KindOf(err) == fault.NotFound {
				return fault.New(fault.NotFound, "model %s has no alias %s", plain(name), plain(which)).WithRemedy("see them: esteira models show %s", plain(name))
			}
			return err
		}
		c, err := a.config()
		if err != nil {
			return err
		}
		store, err := artifact.Open(ctx, c.ArtifactOptions())
		if err != nil {
			return err
		}
		data, err = store.Bytes(ctx, v.Bundle, maxBundle)
		return err
	})
	return v, data, err
}

// writeWhole writes a file that is either there whole or as it was.
func writeWhole(path string, body []byte) error {
	cannot := func(err error) error {
		return fault.Wrap(cause(err), fault.ConfigInvalid, "%s cannot be written", plain(path)).WithRemedy("give --out a path that can be written")
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return cannot(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(body)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return cannot(err)
	}
	return nil
}
