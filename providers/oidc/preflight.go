package oidc

import (
	"context"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Preflight fetches what the provider publishes, now, and holds it against the settings; then, unless the context leaves
// probes out, it asks as a sign-in would: with nobody behind it, once, each question beside a control.
func (p *provider) Preflight(ctx context.Context) []providers.Finding {
	ctx, cancel := context.WithTimeout(ctx, providers.PreflightLimit)
	defer cancel()
	ctx, clocks := providers.WithClocks(ctx)
	m, err := p.document(ctx)
	if err != nil {
		return append(p.unfound(ctx, err), clocks.Findings()...)
	}
	parts := []func() []providers.Finding{
		func() []providers.Finding { return p.checkKeys(ctx, m) },
		func() []providers.Finding { return p.lint(ctx, m) },
	}
	if providers.Probes(ctx) {
		parts = append(parts,
			func() []providers.Finding { return p.passive(ctx, m) },
			func() []providers.Finding { return p.secretProbe(ctx, m) },
			func() []providers.Finding { return p.domains(ctx, m) })
	}
	out := append([]providers.Finding{{Severity: "ok", Check: "discovery", Detail: m.Issuer}}, providers.Together(parts...)...)
	return append(out, clocks.Findings()...)
}

func (p *provider) document(ctx context.Context) (*metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, providers.ProbeLimit)
	defer cancel()
	return p.discovery.fetchNow(ctx, 0)
}

func (p *provider) bad(check string, err error) providers.Finding {
	f := p.labelled(fault.As(err))
	return providers.Finding{Err: f, Severity: "error", Check: check, Detail: detailOf(f)}
}

func (p *provider) warned(check string, f *fault.Error) providers.Finding {
	out := p.bad(check, f)
	out.Severity = "warning"
	return out
}

// inTheirWords puts the console's labels to a finding that was judged elsewhere.
func (p *provider) inTheirWords(f providers.Finding) providers.Finding {
	if f.Err != nil {
		f.Err = p.labelled(fault.As(f.Err))
	}
	return f
}
