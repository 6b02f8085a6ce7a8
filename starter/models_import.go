package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/intake"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/proof"
	"github.com/esteira-ml/esteira/internal/signing"
	"github.com/esteira-ml/esteira/internal/table"
)

// modelName is what a pipeline, and so its model, may be named.
var modelName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// importing is what the command line says of a model.
type importing struct {
	file, name, signature, rows, by string
}

// imported is what came of it.
type imported struct {
	Model   string       `json:"model"`
	Version int          `json:"version"`
	Bundle  artifact.Ref `json:"bundle"`
	Source  artifact.Ref `json:"source"`
	By      string       `json:"by"`
	Run     string       `json:"run"`
	At      time.Time    `json:"at"`

	Proof *proof.Result `json:"proof"`
}

func (a *app) modelsImport() *cobra.Command {
	var i importing
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Register a model from a file: an ONNX graph with its signature, or a bundle",
		Long: "import takes in a model that was made elsewhere. An ONNX file comes with a signature file (esteira schema\n" +
			"onnx-signature says what it holds) and sample rows, CSV, Parquet or JSON, like those it will be asked: it is\n" +
			"examined on them in a bounded process, as the models of external trainers are, and its answers are kept to\n" +
			"check it by. A bundle that models export wrote is verified, and answers its own rows again. Either becomes a\n" +
			"version of its model once a prediction server of its own, which has nothing but the bundle, has loaded it and\n" +
			"answered its golden rows; who imported it, when, from which bytes, and what that server took, is recorded.",
		Example: "  esteira models import churn.onnx --name churn --signature churn.yaml --rows sample.csv\n  esteira models import flights-3.bundle",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.file = args[0]
			done, err := a.importModel(cmd.Context(), i)
			if err != nil {
				return err
			}
			return a.print(done, func() {
				a.say("%s@%d, imported by %s from sha256:%s", done.Model, done.Version, plain(done.By), done.Source.Digest)
				a.say("Proven: %s", done.Proof)
				a.say("Its record: esteira runs show %s", done.Run)
			})
		},
	}
	c.Flags().StringVar(&i.name, "name", "", "the name of the model; a bundle has its own")
	c.Flags().StringVar(&i.signature, "signature", "", "the signature file of an ONNX model")
	c.Flags().StringVar(&i.rows, "rows", "", "a file of sample rows for an ONNX model")
	c.Flags().StringVar(&i.by, "by", "", "who imports it; default: the user of this machine")
	return c
}

func (a *app) importModel(ctx context.Context, i importing) (imported, error) {
	source, err := readBounded(i.file, maxBundle)
	if err != nil {
		return imported{}, err
	}
	if i.by == "" {
		i.by = "unknown"
		if u, err := user.Current(); err == nil {
			i.by = u.Username
		}
	}
	cfg, err := a.config()
	if err != nil {
		return imported{}, err
	}
	trust, err := cfg.Trust()
	if err != nil {
		return imported{}, err
	}
	made := intake.Import{Model: i.name, By: i.by, At: time.Now()}
	body, files := source, map[string][]byte{}
	if isBundle(source) {
		if i.name+i.signature+i.rows != "" {
			return imported{}, usage("%s is a bundle, which has a name, a signature and rows of its own", plain(i.file)).WithRemedy("leave out --name, --signature and --rows")
		}
		b, err := intake.Bundle(ctx, source, trust)
		if err != nil {
			return imported{}, err
		}
		made.Model = b.Name
	} else if body, files, err = a.graph(ctx, i, source); err != nil {
		return imported{}, err
	} else if body, err = signed(cfg, body); err != nil {
		return imported{}, err
	}
	if made.Proof, err = prove(ctx, body, trust); err != nil {
		return imported{}, err
	}
	var done imported
	err = a.withDatabase(ctx, func(db *metadata.DB) error {
		store, err := artifact.Open(ctx, cfg.ArtifactOptions())
		if err != nil {
			return err
		}
		if made.Bundle, err = store.PutBytes(ctx, body, artifact.MediaTypeBundle); err != nil {
			return err
		}
		if made.Proved, err = store.PutJSON(ctx, made.Proof); err != nil {
			return err
		}
		made.Source = made.Bundle
		if len(files) > 0 {
			if made.Source, err = store.PutBytes(ctx, source, artifact.MediaTypeONNX); err != nil {
				return err
			}
		}
		for _, name := range sortedKeys(files) {
			ref, err := store.PutBytes(ctx, files[name], artifact.MediaTypeOther)
			if err != nil {
				return err
			}
			made.Others = append(made.Others, ref)
		}
		v, run, err := intake.Record(ctx, db, made)
		done = imported{Model: v.Name, Version: v.Version, Bundle: v.Bundle, Source: made.Source, By: made.By, Run: run.ID, At: run.Started, Proof: made.Proof}
		return err
	})
	return done, err
}

// prove has a server that knows nothing but the bundle answer from it. What is trusted
// here holds for it, too: what the servers would refuse is found before it is registered.
func prove(ctx context.Context, body []byte, trust signing.Trust) (*proof.Result, error) {
	dir, err := os.MkdirTemp("", "esteira-import-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return proof.Prove(ctx, dir, body, trust, proof.Limits{})
}

// signed signs a bundle made here, if there is a key: whoever imports it vouches for
// it as a worker does for what it packages.
func signed(cfg config.Config, body []byte) ([]byte, error) {
	key, err := signing.ResolveKey(cfg.SigningKey)
	if err != nil || key == nil {
		return body, err
	}
	return bundle.Sign(body, key)
}

// graph makes a bundle of an ONNX file, and returns the files it was made with beside
// it.
func (a *app) graph(ctx context.Context, i importing, onnx []byte) ([]byte, map[string][]byte, error) {
	switch {
	case !modelName.MatchString(i.name):
		return nil, nil, usage("--name %s is no name of a model", plain(i.name)).WithRemedy("write --name and lower-case letters, digits and hyphens, a letter first, at most 63")
	case i.signature == "":
		return nil, nil, usage("%s needs a signature file", plain(i.file)).WithRemedy("say what goes in and comes out with --signature FILE; esteira schema onnx-signature has an example")
	case i.rows == "":
		return nil, nil, usage("%s needs sample rows", plain(i.file)).WithRemedy("give a CSV, Parquet or JSON file of rows like those it will be asked with --rows FILE")
	}
	signature, err := readBounded(i.signature, 1<<20)
	if err != nil {
		return nil, nil, err
	}
	d, err := intake.Read(signature)
	if err != nil {
		return nil, nil, err
	}
	sample, err := readBounded(i.rows, maxRequest)
	if err != nil {
		return nil, nil, err
	}
	rows, err := sampleRows(ctx, i.rows, sample, d)
	if err != nil {
		return nil, nil, err
	}
	body, err := intake.Graph(ctx, i.name, onnx, d, rows)
	return body, map[string][]byte{"rows": sample, "signature": signature}, err
}

// sampleRows reads the declared columns of a file, whose bytes are at hand: those that
// are recorded are those that are read.
func sampleRows(ctx context.Context, path string, data []byte, d intake.Declaration) (*frame.Frame, error) {
	dir, err := os.MkdirTemp("", "esteira-import-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	copied := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		return nil, err
	}
	source := table.Source{Paths: []string{copied}, Format: pipeline.FormatOf(path)}
	schema, err := engine.Describe(ctx, source)
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, in := range d.Inputs {
		if schema.Column(in.Name) == nil {
			return nil, table.MissingColumn(in.Name, schema, path)
		}
		if columns = append(columns, in.Name); in.Type == "text" && source.Format == "csv" {
			source.Texts = append(source.Texts, in.Name) // 007 is a text where the signature says so
		}
	}
	whole := filepath.Join(dir, "rows.parquet")
	info, err := engine.Convert(ctx, source, whole)
	if err != nil {
		return nil, err
	}
	if info.Rows > intake.MaxRows {
		return nil, fault.New(fault.ResourceExhausted, "%s has %d rows, more than %d", plain(path), info.Rows, intake.MaxRows).WithRemedy("give fewer: a few hundred that differ say as much")
	}
	return engine.Read(ctx, whole, columns)
}

// isBundle reports whether the bytes are a tar archive that begins as a bundle does.
func isBundle(data []byte) bool {
	return bytes.HasPrefix(data, []byte("manifest.json\x00"))
}

// readBounded reads a file of at most that many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("%s cannot be read: %s", plain(path), cause(err)).WithRemedy("name a file that can be read")
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, usage("%s cannot be read: %s", plain(path), cause(err)).WithRemedy("name a file of at most %d MiB", most>>20)
	}
	return data, nil
}
