package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/console"
	"cloakroom/broker/login"
	"cloakroom/broker/mail"
	"cloakroom/broker/operator"
	"cloakroom/store"
	"cloakroom/templates/locale"
	letters "cloakroom/templates/mail"
)

// desk makes the console's door, over what local ways in are made of, and lets the verbs mail enrolment links.
func (in *installation) desk(local *login.Local, letterbox *post) *operator.Engine {
	in.admin.Operators.Mail, in.admin.Operators.MailConfigured = letterbox.operatorInvitation, letterbox.Configured()
	s := in.store
	return &operator.Engine{
		People: s.Operators, Credentials: s.Operators, Sessions: s.Operators, Links: s.Operators, Events: s.Events, Tx: s.Tx,
		Passwords: local.Passwords, Passkeys: local.Passkeys, Guard: local.Guard, Once: marks{s.Marks}.Take, BaseURL: in.cfg.BaseURL, Now: time.Now,
	}
}

// brokered is the console as a downstream: operators may sign in through a connection.
func brokered(desk *operator.Engine, engine *login.Engine, s *store.Store, base string) *console.Brokered {
	return &console.Brokered{Operators: desk, Engine: engine, Links: s.Links, Parked: s.Parked, Spend: marks{s.Marks}.Spend, BaseURL: base, Now: time.Now}
}

// operatorInvitation mails the link that an operator enrols by.
func (p *post) operatorInvitation(ctx context.Context, l admin.OperatorLetter) error {
	host := p.base
	if u, err := url.Parse(p.base); err == nil {
		host = u.Host
	}
	return p.send(ctx, "", l.Operator.Email, letters.OperatorInvitation{
		Head: letters.Head{Locale: locale.Match([]string{l.Operator.Locale}, "", nil), Name: "Cloakroom"}, Host: host, By: l.By, URL: l.URL, Expires: l.Expires,
	}, mail.Message{Secret: true, ExpiresAt: l.Expires})
}

// greet prints the link that makes the first owner, while there is no operator.
func (p *program) greet(ctx context.Context, srv *server) {
	link, err := srv.desk.Welcome(ctx)
	if err != nil {
		srv.log.Error("the link for the first operator could not be made; run cloakroom operator create", "error", err)
	}
	if link != "" {
		fmt.Fprintf(p.out, "\n  The console has no operator yet. Open this link within 24 hours to become its first owner:\n\n      %s\n\n", link)
	}
}

func (p *program) operatorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Add the console's operators, or let one enrol anew",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.operatorCreateCommand(), p.operatorListCommand(), p.operatorResetCommand())
	return cmd
}

func (p *program) operatorCreateCommand() *cobra.Command {
	var o admin.NewOperator
	cmd := withSettings(&cobra.Command{
		Use:   "create --email ADDRESS",
		Short: "Add an operator and print the link to enrol by",
		Long:  "Add an operator of the console. The link by which they choose what to sign in with is the only thing printed to\nstandard output. It works once, for seven days; whoever opens it becomes that operator.",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Email == "" {
				return usageError{errors.New("the operator needs an address"), "add --email, such as --email eva@example.org"}
			}
			return p.withStore(cmd, func(ctx context.Context, in *installation) error {
				body, err := json.Marshal(o)
				if err != nil {
					return err
				}
				return p.showLink(in.admin.CreateOperator(ctx, commandLine(), body))
			})
		},
	})
	cmd.Flags().StringVar(&o.Email, "email", "", "the operator's address")
	cmd.Flags().StringVar(&o.Name, "name", "", "the operator's name")
	cmd.Flags().StringVar(&o.Role, "role", "support", "owner, support or auditor")
	cmd.Flags().StringSliceVar(&o.Realms, "realm", nil, "a realm that the operator sees (repeatable; default: all)")
	return cmd
}

func (p *program) showLink(l *admin.OperatorLink, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, l.URL)
	fmt.Fprintf(p.err, "%s (%s) enrols by this link until %s. It will not be shown again.\n", l.Email, l.Role, l.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC"))
	return nil
}

func (p *program) operatorListCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "list",
		Short: "List the operators",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withStore(cmd, func(ctx context.Context, in *installation) error {
				return in.eachOperator(ctx, func(o *admin.Operator) error {
					_, err := fmt.Fprintf(p.out, "%s\t%s\t%s\n", o.Email, o.Role, operatorState(o))
					return err
				})
			})
		},
	})
}

func operatorState(o *admin.Operator) string {
	switch {
	case o.Disabled:
		return "disabled"
	case !o.Enrolled():
		return "not enrolled"
	}
	return "enrolled"
}

// eachOperator walks the whole list.
func (in *installation) eachOperator(ctx context.Context, f func(o *admin.Operator) error) error {
	for page := (broker.Page{Limit: 200}); ; {
		part, err := in.admin.ListOperators(ctx, commandLine(), page)
		if err != nil {
			return err
		}
		for _, o := range part.Items {
			if err := f(o); err != nil {
				return err
			}
		}
		if page.Cursor = part.Next; part.Next == "" {
			return nil
		}
	}
}

func (p *program) operatorResetCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "reset ADDRESS",
		Short: "Take away what an operator signs in with, and print a new link to enrol by",
		Long:  "Take an operator's passkeys, password and connection away, sign them out everywhere, and print a new link to enrol\nby: for who lost their keys, or had them stolen.",
		Args:  exactly(1, "the operator's address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStore(cmd, func(ctx context.Context, in *installation) error {
				id := ""
				err := in.eachOperator(ctx, func(o *admin.Operator) error {
					if strings.EqualFold(o.Email, args[0]) {
						id = o.ID
					}
					return nil
				})
				if err == nil && id == "" {
					err = hinted{fmt.Errorf("there is no operator %q", args[0]), "cloakroom operator list shows them"}
				}
				if err != nil {
					return err
				}
				return p.showLink(in.admin.ResetOperator(ctx, commandLine(), id, nil))
			})
		},
	})
}
