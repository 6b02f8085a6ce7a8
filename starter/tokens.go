package main

import (
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/token"
)

func (a *app) tokensCommand() *cobra.Command {
	return group("tokens", "Say who may ask the prediction servers, and for what", a.tokensCreate(), a.tokensList(), a.tokensRevoke())
}

func (a *app) tokensCreate() *cobra.Command {
	var scopes []string
	var endpoint, actor string
	var expires time.Duration
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and show it, this once",
		Long: "create makes a token for servers that run with ESTEIRA_AUTH=required, and shows it once: only its hash is\n" +
			"kept. Clients send it as \"Authorization: Bearer TOKEN\", and this command line takes it from ESTEIRA_TOKEN.\n" +
			"Its name is in the record of every request, so give each application one of its own.",
		Example: "  esteira tokens create shop --scope predict --endpoint flights --expires 720h\n" +
			"  esteira tokens create ops --scope predict,label,deploy,audit",
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" || len(args[0]) > 100 {
				return usage("a token's name has 1 to 100 bytes").WithRemedy("choose one such as shop")
			}
			if len(scopes) == 0 {
				return usage("--scope is missing").WithRemedy("give one or more of %s", strings.Join(token.Scopes(), ", "))
			}
			for _, s := range scopes {
				if !strings.Contains(" "+strings.Join(token.Scopes(), " ")+" ", " "+s+" ") {
					return usage("there is no scope %s", plain(s)).WithRemedy("give one or more of %s", strings.Join(token.Scopes(), ", "))
				}
			}
			if expires < 0 {
				return usage("--expires is in the past").WithRemedy("give a time such as 720h")
			}
			secret, hash := token.New()
			t := metadata.Token{Name: args[0], Hash: hash, Scopes: scopes, Endpoint: endpoint, Actor: actor, Created: time.Now().UTC()}
			if t.Actor == "" {
				if u, err := user.Current(); err == nil {
					t.Actor = u.Username
				}
			}
			if expires > 0 {
				at := time.Now().Add(expires).UTC()
				t.Expires = &at
			}
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				if err := db.CreateToken(cmd.Context(), t); err != nil {
					return err
				}
				return a.print(map[string]any{"token": t, "secret": secret}, func() {
					fmt.Fprintln(a.out, secret)
				})
			})
		},
	}
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: "+strings.Join(token.Scopes(), ", "))
	c.Flags().StringVar(&endpoint, "endpoint", "", "the one endpoint it is for; default: all")
	c.Flags().DurationVar(&expires, "expires", 0, "how long it is good, such as 720h; default: until it is revoked")
	c.Flags().StringVar(&actor, "actor", "", "who makes it; default: you")
	return c
}

func (a *app) tokensList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the tokens, not their secrets",
		Example: "  esteira tokens list",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				tokens, err := db.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				return a.print(notNil(tokens), func() {
					rows := [][]string{}
					for _, t := range tokens {
						rows = append(rows, []string{plain(t.Name), strings.Join(t.Scopes, ","), orAll(t.Endpoint), tokenState(t), plain(t.Actor), moment(t.Created)})
					}
					a.rows([]string{"TOKEN", "SCOPES", "ENDPOINT", "STATE", "MADE BY", "CREATED"}, rows)
				})
			})
		},
	}
}

func orAll(endpoint string) string {
	if endpoint == "" {
		return "all"
	}
	return plain(endpoint)
}

func tokenState(t metadata.Token) string {
	switch {
	case t.Revoked != nil:
		return "revoked " + moment(*t.Revoked)
	case t.Expires == nil:
		return "good"
	case t.Expires.Before(time.Now()):
		return "expired " + moment(*t.Expires)
	}
	return "good until " + moment(*t.Expires)
}

func (a *app) tokensRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "Make a token worthless, on every server at once",
		Example: "  esteira tokens revoke shop",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(db *metadata.DB) error {
				if err := db.RevokeToken(cmd.Context(), args[0]); err != nil {
					return err
				}
				return a.print(map[string]string{"revoked": args[0]}, func() { fmt.Fprintf(a.out, "%s is revoked\n", plain(args[0])) })
			})
		},
	}
}
