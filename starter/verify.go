package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/signing"
)

// verified is what a bundle was found to be.
type verified struct {
	Model    string             `json:"model"`
	Version  int                `json:"version,omitempty"` // 0: a file
	Digest   string             `json:"digest"`
	Size     int64              `json:"size"`
	Format   string             `json:"format"`
	Task     pipeline.Task      `json:"task"`
	SignedBy string             `json:"signed_by,omitempty"` // ID of a key; empty: not signed
	Signer   *signing.PublicKey `json:"signer"`              // the trusted key; null if no signature is asked for
	Files    []bundle.File      `json:"files"`
	Golden   int                `json:"golden_rows"` // answered as promised
}

func (a *app) modelsVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify MODEL[@VERSION]|FILE",
		Short: "Verify a bundle as a server does before it loads it, and say what is in it",
		Long: "verify reads a model version (a number or an alias, such as flights@champion; without one, the newest) from the\n" +
			"artifact store, or a file, and verifies: every byte against its digest, the signature by the keys in\n" +
			"ESTEIRA_TRUSTED_KEYS if there are any, that the parts fit each other, and that the model answers its golden\n" +
			"rows. It exits with 1 and the reason if anything is not as it should be.",
		Example: "  esteira models verify flights@champion\n  esteira models verify flights.esteira.tar",
		Args:    exactly("MODEL[@VERSION]|FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, version, err := a.bundleOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			v, err := a.verify(data)
			if err != nil {
				return err
			}
			v.Version = version
			return a.print(v, func() { a.printVerified(v) })
		},
	}
}

// bundleOf reads the bundle that is named: a file if there is one, else a model version.
func (a *app) bundleOf(ctx context.Context, named string) (data []byte, version int, err error) {
	if info, err := os.Stat(named); err == nil && info.Mode().IsRegular() {
		if info.Size() > maxBundle {
			return nil, 0, fault.New(fault.BundleInvalid, "%s has %d bytes; the bound of a bundle is %d", named, info.Size(), maxBundle)
		}
		data, err := os.ReadFile(named)
		if err != nil {
			return nil, 0, fault.Wrap(err, fault.SourceUnreadable, "read %s", named)
		}
		return data, 0, nil
	}
	name, which, asked := strings.Cut(named, "@")
	if asked && which == "" {
		return nil, 0, fault.New(fault.NotFound, "%s names no version of a model", plain(named)).WithRemedy("write MODEL, MODEL@3, MODEL@champion or a FILE")
	}
	m, data, err := a.fetchModel(ctx, name, which)
	return data, m.Version, err
}

// openTrusted opens a bundle that is signed as the configuration asks for.
func (a *app) openTrusted(data []byte) (*bundle.Bundle, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	trust, err := c.Trust()
	if err != nil {
		return nil, err
	}
	return bundle.OpenTrusted(data, trust)
}

// verify does what a server does before it takes requests.
func (a *app) verify(data []byte) (*verified, error) {
	b, err := a.openTrusted(data)
	if err != nil {
		return nil, err
	}
	p, err := b.Predictor()
	if err != nil {
		return nil, err
	}
	if err := b.VerifyGolden(p); err != nil {
		return nil, err
	}
	return &verified{
		Model: b.Manifest.Name, Digest: artifact.DigestOf(data), Size: int64(len(data)), Format: fmt.Sprintf("%s %d", b.Manifest.Format, b.Manifest.Version), Task: b.Manifest.Task,
		SignedBy: b.SignedBy, Signer: b.Signer, Files: b.Manifest.Files, Golden: len(b.Golden),
	}, nil
}

func (a *app) printVerified(v *verified) {
	name, signature := v.Model, "none, and none is asked for (ESTEIRA_TRUSTED_KEYS)"
	if v.Version > 0 {
		name += "@" + strconv.Itoa(v.Version)
	}
	switch {
	case v.Signer != nil:
		signature = fmt.Sprintf("by %s, key %s, %s", v.Signer.Name, v.Signer.ID, v.Signer.Algorithm)
	case v.SignedBy != "":
		signature = "by key " + v.SignedBy + ", not verified: no key is trusted here (ESTEIRA_TRUSTED_KEYS)"
	}
	a.facts("model", name, "task", string(v.Task), "format", v.Format, "digest", v.Digest, "size", fmt.Sprintf("%d bytes", v.Size), "signature", signature,
		"golden rows", plural(v.Golden, "row")+" answered as promised")
	a.say("")
	rows := [][]string{}
	for _, f := range v.Files {
		rows = append(rows, []string{f.Name, strconv.FormatInt(f.Size, 10), f.SHA256})
	}
	a.rows([]string{"FILE", "BYTES", "SHA-256"}, rows)
}
