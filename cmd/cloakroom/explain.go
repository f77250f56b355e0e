package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func (p *program) explainCommand() *cobra.Command {
	var slug, realm string
	cmd := withSettings(&cobra.Command{
		Use:   "explain FILE",
		Short: "Say what is wrong with a SAML response, metadata, an ID token, a HAR file or an error page",
		Long: "Examine a SAMLResponse, metadata, an ID token, a browser's network log (HAR) or the text of the identity provider's\n" +
			"error page against a connection, check by check, without a sign-in: nobody is signed in and nothing is used up. The\n" +
			"connection is found by the addresses and names in the message unless --connection names it; an error page seldom\n" +
			"says, so name it there.",
		Example: "  cloakroom explain response.txt\n  cloakroom explain --connection acme-okta network.har",
		Args:    exactly(1, "one file, - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := p.explainable(args[0])
			if err != nil {
				return err
			}
			return p.withStore(cmd, func(ctx context.Context, in *installation) error { return p.explain(ctx, in, what, realm, slug) })
		},
	})
	cmd.Flags().StringVar(&slug, "connection", "", "the `SLUG` of the connection it is meant for")
	cmd.Flags().StringVar(&realm, "realm", "", "look for the connection in this realm only")
	return cmd
}

// explainable reads a file and finds out what it is.
func (p *program) explainable(file string) (admin.Explainable, error) {
	in, err := p.input(file)
	if err != nil {
		return admin.Explainable{}, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, diagnose.MaxHAR+1))
	if err != nil {
		return admin.Explainable{}, err
	}
	return kindOf(b)
}

func kindOf(b []byte) (admin.Explainable, error) {
	if len(b) > diagnose.MaxHAR {
		return admin.Explainable{}, fault.New(fault.TooLarge, "at most %d MiB are read", diagnose.MaxHAR>>20)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(b), "\ufeff"))
	head := text[:min(len(text), 4096)]
	switch {
	case strings.HasPrefix(text, "{"):
		return admin.Explainable{HAR: json.RawMessage(text)}, nil
	case strings.HasPrefix(text, "<") && (strings.Contains(head, "EntityDescriptor") || strings.Contains(head, "EntitiesDescriptor")):
		return admin.Explainable{Metadata: text}, nil
	case htmlPage.MatchString(head):
		return pageOrMetadata(text), nil
	case strings.HasPrefix(text, "<"), strings.Contains(head, "SAMLResponse="):
		return admin.Explainable{SAMLResponse: text}, nil
	case strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2:
		return admin.Explainable{IDToken: text}, nil
	case len(text) > 100 && message.MatchString(text):
		return admin.Explainable{SAMLResponse: text}, nil
	}
	if len(fault.ReadPage("", text).Faults) > 0 {
		return admin.Explainable{Page: text}, nil
	}
	return admin.Explainable{}, fault.New(fault.ExplainUnreadable, "%d bytes", len(b))
}

var htmlPage = regexp.MustCompile(`(?i)^<(?:!doctype html|html|head|body|div|p)\b`)

// pageOrMetadata takes a web page for an error page of the identity provider, unless it says nothing: then it is what was
// saved in place of metadata.
func pageOrMetadata(text string) admin.Explainable {
	if len(fault.ReadPage("", text).Faults) == 0 {
		return admin.Explainable{Metadata: text}
	}
	return admin.Explainable{Page: text}
}

var message = regexp.MustCompile(`^[A-Za-z0-9+/=%\s_-]+$`)

func (p *program) explain(ctx context.Context, in *installation, what admin.Explainable, realm, slug string) error {
	c, err := in.belongsTo(ctx, what, realm, slug)
	if err != nil {
		return err
	}
	d, err := in.examiner(in.offline()).Explain(ctx, c, what)
	if err != nil {
		return err
	}
	p.printReport(d)
	if d.Status != "passed" {
		return errors.New("a sign-in with this would fail")
	}
	return nil
}

// belongsTo finds the connection that a message is meant for: the one named, the one whose address stands in it, the one
// whose identity provider made it.
func (in *installation) belongsTo(ctx context.Context, what admin.Explainable, realm, slug string) (*broker.Connection, error) {
	clue := clueOf(what)
	if slug == "" {
		slug = clue.slug
	}
	if slug != "" {
		c, err := in.store.Connections.Get(ctx, slug)
		if err == nil && (realm == "" || c.Realm == realm) {
			return c, nil
		}
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return nil, err
		}
	}
	found, err := in.madeBy(ctx, clue.text, realm)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		names := make([]string, len(found))
		for i, c := range found {
			names[i] = c.Slug
		}
		return nil, hinted{errors.New("several connections have the identity provider that made this: " + strings.Join(names, ", ")), "name one with --connection"}
	}
	return nil, hinted{fault.New(fault.ExplainNoConnection, ""), "name the connection with --connection"}
}

type clue struct{ slug, text string }

var ourAddress = regexp.MustCompile(`/broker/([a-z0-9][a-z0-9-]{0,62})/(?:endpoint|metadata)`)

// clueOf reads what a message says of where it goes and whose it is. It believes nothing.
func clueOf(what admin.Explainable) clue {
	sample := providers.Sample{SAMLResponse: what.SAMLResponse, Metadata: what.Metadata, IDToken: what.IDToken}
	out := clue{}
	if len(what.HAR) > 0 {
		if found, err := diagnose.ReadHAR(what.HAR); err == nil {
			out.slug, sample = found.Slug(), found.Last()
		}
	}
	out.text = sample.SAMLResponse + sample.Metadata
	if _, value, ok := strings.Cut(out.text, "SAMLResponse="); ok {
		out.text, _, _ = strings.Cut(value, "&")
	}
	if b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=", "\n", "", "\r", "", " ", "").Replace(out.text)); err == nil && len(b) > 0 {
		out.text = string(b)
	}
	if parts := strings.Split(sample.IDToken, "."); len(parts) == 3 {
		b, _ := base64.RawURLEncoding.DecodeString(parts[1]) // what cannot be read gives no clue
		out.text = string(b)
	}
	if m := ourAddress.FindStringSubmatch(out.text); m != nil && out.slug == "" {
		out.slug = m[1]
	}
	return out
}

// madeBy lists the connections whose identity provider's name stands in a text.
func (in *installation) madeBy(ctx context.Context, text, realm string) (out []*broker.Connection, err error) {
	err = in.connections(ctx, realm, func(c *broker.Connection) error {
		opened, err := in.registry.Connection(ctx, c.Slug)
		if err != nil {
			return err
		}
		x, ok := opened.Provider.(providers.Explainer)
		if ok && slices.ContainsFunc(x.Names(), func(name string) bool {
			return strings.Contains(text, `"`+name+`"`) || strings.Contains(text, ">"+name+"<")
		}) {
			out = append(out, c)
		}
		return nil
	})
	return out, err
}

// connections walks the connections of a realm, "" for all.
func (in *installation) connections(ctx context.Context, realm string, f func(c *broker.Connection) error) error {
	names := []string{realm}
	if realm == "" {
		names = nil
		if err := walk(func(p broker.Page) ([]*broker.Realm, string, error) { return in.store.Realms.List(ctx, p) }, func(r *broker.Realm) error {
			names = append(names, r.Name)
			return nil
		}); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := walk(func(p broker.Page) ([]*broker.Connection, string, error) {
			return in.store.Connections.List(ctx, name, p)
		}, f); err != nil {
			return err
		}
	}
	return nil
}

// walk goes through a list page by page.
func walk[T any](list func(broker.Page) ([]T, string, error), f func(T) error) error {
	for p := (broker.Page{Limit: 200}); ; {
		items, next, err := list(p)
		if err != nil {
			return err
		}
		for _, v := range items {
			if err := f(v); err != nil {
				return err
			}
		}
		if p.Cursor = next; next == "" {
			return nil
		}
	}
}

func (p *program) printReport(d *admin.Diagnosed) {
	fmt.Fprintf(p.out, "Connection %s (realm %s): %s\n\n", d.Connection, d.Realm, d.Status)
	for _, c := range d.Checks {
		fmt.Fprintf(p.out, "  %-11s %-15s %s\n", strings.ReplaceAll(c.Status, "_", " "), c.Name, printable(c.Detail))
	}
	for _, f := range d.Findings {
		fmt.Fprintln(p.out)
		p.printFinding(f)
	}
	if d.Outcome != "" {
		fmt.Fprintf(p.out, "\nThe person %s (%s): %s. %s\n", printable(d.Profile.Email), printable(d.Profile.Subject), strings.ReplaceAll(d.Outcome, "_", " "), d.Why)
	}
	for _, m := range d.Mapping {
		fmt.Fprintf(p.out, "  %-12s from %s: %s\n", m.Field, printable(m.From), printable(strings.Join(m.Values, ", ")))
	}
}

func (p *program) printFinding(f admin.Finding) {
	fmt.Fprintf(p.out, "%s: %s\n  %s\n  Side: %s. Fix: %s\n", f.Severity, f.Code, f.Cause, f.Side, f.Fix)
	for _, l := range []struct{ name, value string }{{"Observed", f.Observed}, {"Expected", f.Expected}, {"Detail", f.Detail}} {
		if l.value != "" {
			fmt.Fprintf(p.out, "  %s: %s\n", l.name, printable(l.value))
		}
	}
	for _, a := range f.Alternatives {
		fmt.Fprintf(p.out, "  Or %s? %s\n", a.Code, a.Question)
	}
}

// printable keeps what strangers wrote from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}
