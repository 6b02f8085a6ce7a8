package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/config"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/signing"
)

func (a *app) keysCommand() *cobra.Command {
	return group("keys", "Make and list the keys that vouch for bundles", a.keysGenerate(), a.keysList())
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// generated is a key as it was written.
type generated struct {
	signing.PublicKey
	Private string `json:"private"` // files
	Public  string `json:"public"`
}

func (a *app) keysGenerate() *cobra.Command {
	var out, name, algorithm string
	var days int
	c := &cobra.Command{
		Use:   "generate --out DIR",
		Short: "Make a key: NAME.key, which signs, and NAME.pub, which is trusted",
		Long: "generate writes two files and overwrites none. A worker whose ESTEIRA_SIGNING_KEY is file:…/NAME.key (or\n" +
			"env:VARIABLE that holds its text) signs every bundle it packages. Workers and servers whose\n" +
			"ESTEIRA_TRUSTED_KEYS names NAME.pub, or a directory that holds it, open nothing else. Sign first, and\n" +
			"ask for signatures when what is live is signed: what is not is refused from then on.\n\n" +
			"The same bundle and key are the same bytes. Signatures have the layout of OpenSSF model signing; the public\n" +
			"tool model_signing verifies an unpacked bundle by key if it is of --algorithm p256. To end the trust in a\n" +
			"key, remove its NAME.pub, or write a date into the line Not-After: before the key in it.",
		Example: "  esteira keys generate --out keys --name release --days 365",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			switch {
			case out == "":
				return usage("esteira keys generate needs --out").WithRemedy("name a directory for the key's two files")
			case !keyName.MatchString(name):
				return usage("--name %q cannot be a file's", name).WithRemedy("use letters, digits, dots, underscores and hyphens")
			case days < 0 || days > 36500:
				return usage("--days %d is no time a key can be trusted for", days).WithRemedy("give 1 to 36500, or leave it out for a key without an end")
			}
			g, err := generate(out, name, algorithm, days)
			if err != nil {
				return err
			}
			return a.print(g, func() {
				a.facts("private key", g.Private, "public key", g.Public, "id", g.ID, "algorithm", g.Algorithm, "trusted until", momentOf(g.NotAfter))
				a.say("\nSign with it:  ESTEIRA_SIGNING_KEY=file:%s\nAsk for it:    ESTEIRA_TRUSTED_KEYS=%s", g.Private, g.Public)
			})
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory of the two files; made if it is not there")
	c.Flags().StringVar(&name, "name", "esteira", "name of the key and of its files")
	c.Flags().StringVar(&algorithm, "algorithm", signing.Ed25519, "ed25519 or p256")
	c.Flags().IntVar(&days, "days", 0, "how long the key is trusted; default: without an end")
	return c
}

func generate(dir, name, algorithm string, days int) (*generated, error) {
	key, err := signing.Generate(algorithm)
	if err != nil {
		return nil, err
	}
	var until time.Time
	if days > 0 {
		until = time.Now().AddDate(0, 0, days)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "find the directory of the key")
	}
	g := &generated{PublicKey: key.Public(name, until), Private: filepath.Join(dir, name+".key"), Public: filepath.Join(dir, name+".pub")}
	private, err := key.PEM()
	if err != nil {
		return nil, err
	}
	public, err := g.Text()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "make the directory of the key").WithRemedy("give a directory that can be written")
	}
	if err := writeNew(g.Private, private, 0o600); err != nil {
		return nil, err
	}
	return g, writeNew(g.Public, public, 0o644)
}

// writeNew writes a file that must not be there yet.
func writeNew(path, text string, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.ConfigInvalid, "%s is there already", path).WithRemedy("choose another --name or --out; a key is not overwritten")
	}
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "write %s", path).WithRemedy("give a directory that can be written")
	}
	return nil
}

func (a *app) keysList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the keys that are trusted here, and the one that is signed with",
		Example: "  esteira keys list",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			trust, key, err := keysOf(cfg)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"signing_key": key.ID(), "trusted": notNil(trust.Keys)}, func() {
				rows := [][]string{}
				for _, k := range trust.Keys {
					rows = append(rows, []string{k.Name, k.Algorithm, k.ID, momentOf(k.NotAfter)})
				}
				a.rows([]string{"TRUSTED", "ALGORITHM", "ID", "UNTIL"}, rows)
				a.facts("signing key", key.ID())
			})
		},
	}
}

func keysOf(cfg config.Config) (signing.Trust, *signing.Key, error) {
	trust, err := cfg.Trust()
	if err != nil {
		return trust, nil, err
	}
	key, err := signing.ResolveKey(cfg.SigningKey)
	return trust, key, err
}

// examineKeys says what is signed and what is asked for. A key that signs what the
// same configuration would refuse is a mistake.
func examineKeys(cfg config.Config) (string, error) {
	trust, key, err := keysOf(cfg)
	if err != nil {
		return "", err
	}
	found := "bundles are not signed"
	if key != nil {
		found = "bundles are signed with " + key.ID()[:12]
	}
	if !trust.Required() {
		return found + ", and need no signature", nil
	}
	for _, k := range trust.Keys {
		if key == nil || k.ID != key.ID() {
			continue
		}
		if k.NotAfter != nil && !time.Now().Before(*k.NotAfter) {
			return "", fault.New(fault.ConfigInvalid, "the signing key %s (%s) is trusted no longer since %s", key.ID()[:12], k.Name, moment(*k.NotAfter)).
				WithRemedy("make another: esteira keys generate --out DIR")
		}
		return found + ", one of " + plural(len(trust.Keys), "trusted key"), nil
	}
	if key != nil {
		return "", fault.New(fault.ConfigInvalid, "the signing key %s is not one of the %s", key.ID()[:12], plural(len(trust.Keys), "trusted key")).
			WithRemedy("add its public half to ESTEIRA_TRUSTED_KEYS")
	}
	return found + " here; only what one of " + plural(len(trust.Keys), "key") + " signed is opened", nil
}
