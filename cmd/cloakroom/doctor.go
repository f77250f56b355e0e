package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

func (p *program) doctorCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "doctor [SLUG]",
		Short: "Look for what is wrong with the installation or one connection",
		Long: "Look for what is wrong: settings, public address, clock, database, keys, mail, and every connection or the one\n" +
			"named. Every finding comes with its cause and its fix. Nobody is signed in and nothing is changed. The exit code is\n" +
			"1 if anything is wrong that keeps people out.",
		Args: between(0, 1, "one connection's slug at most"),
		RunE: func(cmd *cobra.Command, args []string) error { return p.doctor(cmd, args) },
	})
}

// examined collects what the doctor finds.
type examined struct {
	p      *program
	errors int
}

func (d *examined) passed(what, detail string) {
	fmt.Fprintf(d.p.out, "ok       %-14s %s\n", what, printable(detail))
}

func (d *examined) found(f admin.Finding) {
	if f.Severity == "error" {
		d.errors++
	}
	d.p.printFinding(f)
}

func (d *examined) fault(severity string, err error) { d.found(admin.FindingOf(err, severity)) }

func (p *program) doctor(cmd *cobra.Command, args []string) (err error) {
	cfg, err := p.settings(cmd)
	if err != nil {
		return err // every fault of the settings at once, each with its name
	}
	d := &examined{p: p}
	d.passed("settings", "")
	ctx, log := cmd.Context(), p.logger(cfg)
	s, ring, err := openAsIs(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closing(s, &err)
	in := install(cfg, log, s, ring)
	if d.schema(ctx, in) {
		if len(args) == 1 {
			err = d.connection(ctx, in, args[0])
		} else {
			err = d.installation(ctx, in)
		}
	}
	if err != nil {
		return err
	}
	if d.errors > 0 {
		return fmt.Errorf("%d %s found", d.errors, map[bool]string{true: "error", false: "errors"}[d.errors == 1])
	}
	return nil
}

// schema reports whether the database can be read by this program.
func (d *examined) schema(ctx context.Context, in *installation) bool {
	n, err := in.store.Pending(ctx)
	switch {
	case err != nil:
		d.fault("error", err)
	case n > 0:
		d.fault("error", fault.New(fault.DoctorMigrations, "%d migrations are pending", n))
	default:
		d.passed("database", "reachable, schema current")
		return true
	}
	return false
}

func (d *examined) installation(ctx context.Context, in *installation) error {
	d.address(ctx, in)
	d.keyFile(in)
	if err := d.oldSeals(ctx, in); err != nil {
		return err
	}
	if err := d.mail(ctx, in); err != nil {
		return err
	}
	return in.connections(ctx, "", func(c *broker.Connection) error { return d.check(ctx, in, c) })
}

// address looks at the public address as others see it.
func (d *examined) address(ctx context.Context, in *installation) {
	base := in.cfg.BaseURL
	if !in.cfg.HTTPS() {
		severity := "error"
		if u, err := url.Parse(base); err == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
			severity = "warning"
		}
		d.fault(severity, fault.New(fault.DoctorPlainHTTP, "%s", base))
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if err != nil {
		d.fault("error", fault.Wrap(fault.DoctorBaseURL, err, "%s", base))
		return
	}
	// It is our own address: wherever it leads, it is where people are sent.
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		d.fault("warning", fault.New(fault.DoctorBaseURL, "%s: %s", base, err))
		return
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		d.fault("warning", fault.New(fault.DoctorBaseURL, "%s/healthz answers %d", base, res.StatusCode))
		return
	}
	d.passed("address", base)
}

func (d *examined) keyFile(in *installation) {
	if len(in.cfg.MasterKeys) > 0 {
		d.passed("master key", "from the settings")
		return
	}
	info, err := os.Stat(in.cfg.KeyFile())
	switch {
	case err != nil:
		d.fault("error", fault.Wrap(fault.DoctorMasterKey, err, "%s", in.cfg.KeyFile()))
	case info.Mode().Perm()&0o077 != 0:
		d.fault("error", fault.New(fault.DoctorMasterKey, "%s", in.cfg.KeyFile()))
	default:
		d.passed("master key", in.cfg.KeyFile())
	}
}

// oldSeals counts what an older master key has sealed: that key cannot be taken out before it is none.
func (d *examined) oldSeals(ctx context.Context, in *installation) error {
	n, err := in.store.OldSeals(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		d.fault("warning", fault.New(fault.DoctorOldMasterKey, "%d of them", n))
		return nil
	}
	d.passed("sealed values", "by the first master key, all of them")
	return nil
}

func (d *examined) mail(ctx context.Context, in *installation) error {
	m, err := newMailer(in.cfg, in.log, in.store)
	if err != nil {
		return err
	}
	if !m.Configured() {
		d.fault("warning", fault.New(fault.DoctorNoMail, ""))
		return nil
	}
	if err := m.Check(ctx); err != nil {
		d.fault("error", err)
		return nil
	}
	d.passed("mail", "the mail server takes our mails")
	return nil
}

func (d *examined) connection(ctx context.Context, in *installation, slug string) error {
	c, err := in.store.Connections.Get(ctx, slug)
	if errors.Is(err, broker.ErrNotFound) {
		return hinted{fmt.Errorf("there is no connection %q", slug), "\"cloakroom export\" lists the connections"}
	}
	if err != nil {
		return err
	}
	return d.check(ctx, in, c)
}

// check is the connection's preflight, our own certificate and the clocks.
func (d *examined) check(ctx context.Context, in *installation, c *broker.Connection) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := in.admin.CheckConnection(ctx, commandLine(), c.Realm, c.Slug)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.p.out, "\nConnection %s (realm %s): %s\n", c.Slug, c.Realm, r.Status)
	for _, check := range r.Checks {
		if check.Status == "passed" {
			d.passed(check.Name, check.Detail)
		}
	}
	for _, f := range r.Findings {
		d.found(f)
	}
	if err := d.certificate(ctx, in, c); err != nil {
		return err
	}
	d.clock(ctx, in, c)
	return nil
}

const expiresSoon = 60 * 24 * time.Hour

func (d *examined) certificate(ctx context.Context, in *installation, c *broker.Connection) error {
	own, err := in.store.Keys.List(ctx, "connection:"+c.Slug)
	if err != nil {
		return err
	}
	for _, k := range own {
		cert, err := x509.ParseCertificate(k.Certificate)
		if k.State != "active" || err != nil {
			continue
		}
		until := cert.NotAfter.Format(time.DateOnly)
		if time.Now().Add(expiresSoon).After(cert.NotAfter) {
			d.fault("warning", fault.New(fault.DoctorCertificate, "until %s", until))
			continue
		}
		d.passed("own key", fmt.Sprintf("made %s, certificate until %s", k.CreatedAt.Format(time.DateOnly), until))
	}
	return nil
}

// clock compares ours with the one of the identity provider's server, as its answers tell it.
func (d *examined) clock(ctx context.Context, in *installation, c *broker.Connection) {
	address := ""
	switch {
	case c.SAML != nil:
		address = c.SAML.MetadataURL
	case c.OIDC != nil && c.OIDC.Issuer != "":
		address = strings.TrimRight(c.OIDC.Issuer, "/") + "/.well-known/openid-configuration"
	}
	if address == "" {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return // the preflight has said so
	}
	res, err := in.http.Do(req)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return
	}
	if age, err := strconv.Atoi(res.Header.Get("Age")); err == nil && age > 0 {
		theirs = theirs.Add(time.Duration(min(age, 86400)) * time.Second) // a cache's copy tells when it was made (RFC 9111, section 5.1)
	}
	if off := time.Since(theirs).Round(time.Second); off.Abs() > 30*time.Second {
		side := "ahead of"
		if off < 0 {
			side = "behind"
		}
		d.fault("warning", fault.New(fault.DoctorClock, "ours is %s %s %s", off.Abs(), side, req.URL.Host))
		return
	}
	d.passed("clock", "agrees with "+req.URL.Host)
}
