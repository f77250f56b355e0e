package providers

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"cloakroom/broker/fault"
)

// Together runs the parts of a preflight side by side and answers their findings in the parts' order. A part that panics
// is a fault of ours and ends nothing else.
func Together(parts ...func() []Finding) []Finding {
	results := make([][]Finding, len(parts))
	var wait sync.WaitGroup
	for i, part := range parts {
		wait.Go(func() {
			defer func() {
				if broke := recover(); broke != nil {
					results[i] = []Finding{{Err: fault.New(fault.Internal, "a check broke off: %v", broke), Severity: "error", Check: "preflight"}}
				}
			}()
			results[i] = part()
		})
	}
	wait.Wait()
	return slices.Concat(results...)
}

// Silent is a probe that could not tell: no finding against the connection, and none for it.
func Silent(check, format string, args ...any) Finding {
	return Finding{Severity: "ok", Check: check, Confidence: fault.Guess, Detail: "says nothing: " + fmt.Sprintf(format, args...)}
}

// Passive is the verdict's evidence of a sign-in without a person (prompt=none): what became of our request, and of the
// control, the same with a redirect URI that nobody can have registered.
type Passive struct {
	Preset, State string
	Real, Control Arrival
	// Refusal names an error that came back.
	Refusal func(code, description string) error
}

// WalkPassively sends the probe and its control. address makes the authorization request for a redirect URI.
func (p Prober) WalkPassively(ctx context.Context, address func(redirect string) string) (real, control Arrival) {
	wrong := p
	// .invalid is nobody's (RFC 2606), and no pattern for addresses of ours covers it.
	wrong.Home = "https://cloakroom-control-" + strings.ToLower(rand.Text()[:10]) + ".invalid/endpoint"
	Together(
		func() []Finding { real = p.Walk(ctx, address(p.Home)); return nil },
		func() []Finding { control = wrong.Walk(ctx, address(wrong.Home)); return nil })
	return real, control
}

const passive = "passive"

// Finding reads the evidence.
func (v Passive) Finding() Finding {
	switch {
	case v.Real.Back != nil:
		return v.back()
	case v.Real.Err != nil:
		return Silent(passive, "our server cannot open the sign-in page (%s); people's browsers may", fault.As(v.Real.Err).Error())
	}
	return v.page()
}

// back reads an answer that came back to us.
func (v Passive) back() Finding {
	code, said := clean(v.Real.Back.Get("error")), clean(v.Real.Back.Get("error_description"))
	switch {
	case v.State != "" && v.Real.Back.Get("state") != v.State:
		f := fault.New(fault.OIDCAnswer, "the answer came back without the state that was sent: something rewrites addresses on the way")
		f.Confidence = fault.Likely
		return Finding{Err: f, Severity: "warning", Check: passive, Detail: f.Detail}
	case !slices.Contains([]string{"", "login_required", "interaction_required", "consent_required", "account_selection_required"}, code) && !strings.Contains(strings.ToLower(said), "prompt"):
		return v.refused(code, said)
	}
	answer := code
	if answer == "" {
		answer = "a code, although nobody is signed in"
	}
	if v.Control.Back != nil {
		return Silent(passive, "the provider came back with %s, but sends its answer to a wrong address just as well, so it does not check redirect URIs", answer)
	}
	return Finding{Severity: "ok", Check: passive, Confidence: fault.Proved,
		Detail: "client and redirect URI are registered: it came back with " + answer + ", and a deliberately wrong redirect URI did not"}
}

// refused reads an error that people would meet too.
func (v Passive) refused(code, said string) Finding {
	f := *fault.As(v.Refusal(code, said))
	f.Confidence = fault.Likely
	severity := "error"
	if f.Code == fault.OIDCProvider || code == "access_denied" && f.Code == fault.LoginCancelled {
		severity = "warning" // passing, or its way to say that nobody is signed in
		f.Code = fault.OIDCProvider
	}
	return Finding{Err: &f, Severity: severity, Check: passive, Detail: f.Detail}
}

// page reads a page that was shown in place of an answer.
func (v Passive) page() Finding {
	reading := fault.ReadPageFor(v.Preset, "oidc", v.Real.Page)
	at := fault.Sayf("%s answers %d", v.Real.Place, v.Real.Status)
	if f := telling(reading, v.Real.Status); f != nil {
		out := *f
		if out.Detail != "" {
			at = fault.Sayf("%s: %s", at, out.Said.Of(out.Detail))
		}
		out.Telling("%s", at)
		severity := "error"
		if out.Confidence == fault.Guess || out.Code == fault.IdPOutage {
			severity = "warning"
		}
		return Finding{Err: &out, Severity: severity, Check: passive, Detail: out.Detail}
	}
	switch {
	case v.Real.Status >= 500:
		f := fault.New(fault.FetchServer, "%s", at)
		f.Confidence = fault.Likely
		return Finding{Err: f, Severity: "warning", Check: passive, Detail: f.Detail}
	case Robot(v.Real.Status, v.Real.Type, v.Real.Page) && v.Real.Status != http.StatusBadRequest:
		return Silent(passive, "%s with a page against robots; people's browsers may pass", at)
	case v.Real.Status >= 400:
		return v.unread(at)
	case v.Control.Failed() || telling(fault.ReadPageFor(v.Preset, "oidc", v.Control.Page), v.Control.Status) != nil:
		return Finding{Severity: "ok", Check: passive, Confidence: fault.Likely,
			Detail: "the provider shows its sign-in page for our redirect URI and refuses a deliberately wrong one"}
	}
	return Silent(passive, "%s with a page, and with a wrong redirect URI just the same", at)
}

// unread is an error page without a word that we know.
func (v Passive) unread(at fault.Text) Finding {
	f := fault.New(fault.IdPPage, "%s with a page of its own in place of an answer", at)
	f.Confidence = fault.Likely
	f.Alternatives = []fault.Alternative{
		{Code: fault.OIDCRedirectURI, Question: "Does the page speak of the redirect URI or return address?"},
		{Code: fault.OIDCClientUnknown, Question: "Does the page say that the client or application is unknown?"},
	}
	if v.Control.Back == nil && v.Control.Err == nil && !v.Control.Failed() {
		f.Alternatives = nil // the wrong address fared better, so the address is not it
	}
	return Finding{Err: f, Severity: "warning", Check: passive, Detail: f.Detail}
}

// telling is the fault that a page shows, if it is one of the connection: a sign-in page may hold any words, so those of a
// page with status 200 count only where they are a vendor's code; and what a page says of cookies and stale tabs is about
// the probe itself.
func telling(r fault.PageReading, status int) *fault.Error {
	if status < 400 && len(r.Codes) == 0 {
		return nil
	}
	for _, f := range r.Faults {
		if !slices.Contains([]fault.Code{fault.IdPBrowser, fault.IdPStale, fault.IdPSignIn, fault.IdPPage, fault.IdPLoop}, f.Code) {
			return f
		}
	}
	return nil
}

// Secret is the evidence about a client secret: what the token endpoint says to it with a code that was never issued, and
// to a deliberately wrong secret with another such code.
type Secret struct {
	Real, Control TokenAnswer
	Endpoint      string
	// Name names the endpoint's error.
	Name func(code, description string) error
}

const secret = "secret"

// clientRefused are the faults by which a provider says that it does not know, or does not believe, the client.
func clientRefused(c fault.Code) bool {
	return slices.Contains([]fault.Code{fault.OIDCSecretRefused, fault.OIDCSecretExpired, fault.OIDCSecretMissing, fault.OIDCAssertion,
		fault.OIDCAuthMethod, fault.OIDCClientUnknown, fault.OIDCPublicClient, fault.OIDCSPA, fault.OIDCClientKeyFault, fault.IdPAppDisabled, fault.OIDCAppSuspended}, c)
}

// Finding reads the evidence.
func (v Secret) Finding() Finding {
	if f := v.outside(); f != nil {
		return *f
	}
	if v.Real.Granted {
		return Finding{Severity: "ok", Check: secret, Confidence: fault.Proved, Detail: "the provider gave a token for the client secret alone"}
	}
	named := v.named(v.Real)
	switch {
	case clientRefused(named.Code):
		return v.refusedSecret(named)
	case named.Code == fault.OIDCFlow:
		named.Confidence = fault.Likely
		return Finding{Err: named, Severity: "error", Check: secret, Detail: named.Detail}
	case v.Control.JSON && !v.Control.Granted && clientRefused(v.named(v.Control).Code):
		return Finding{Severity: "ok", Check: secret, Confidence: fault.Proved,
			Detail: "the provider refused only the code that was never issued (" + clean(v.Real.Error) + "); a deliberately wrong secret it refused as such"}
	case v.Control.Error == "" && v.Control.Err == nil && v.Control.Status == 0:
		return Silent(secret, "the provider answers %s", clean(v.Real.Error+" "+v.Real.Description))
	}
	return Silent(secret, "the provider answers %s, and to a deliberately wrong secret no differently enough", clean(v.Real.Error))
}

func (v Secret) named(a TokenAnswer) *fault.Error {
	f := *fault.As(v.Name(clean(a.Error), clean(a.Description)))
	return &f
}

// refusedSecret grades a refusal: a provider's own words for a wrong secret are proof, the protocol's bare invalid_client
// is given for several reasons.
func (v Secret) refusedSecret(f *fault.Error) Finding {
	f.Confidence = fault.Likely
	if explicit(v.Real) {
		f.Confidence = fault.Proved
	}
	if v.Control.JSON && !clientRefused(v.named(v.Control).Code) {
		return Silent(secret, "the provider refuses the client with our secret (%s), yet not with a wrong one", clean(v.Real.Error))
	}
	return Finding{Err: f, Severity: "error", Check: secret, Detail: f.Detail}
}

func explicit(a TokenAnswer) bool {
	text := strings.ToLower(a.Error + " " + a.Description)
	return slices.ContainsFunc([]string{"aadsts", "msis", "credential", "secret"}, func(w string) bool { return strings.Contains(text, w) })
}

// outside reads what is not an answer of the protocol.
func (v Secret) outside() *Finding {
	a := v.Real
	switch at := fault.Sayf("%s answers %d (%s)", v.Endpoint, a.Status, a.Type); {
	case a.Err != nil:
		f := fault.As(a.Err)
		return &Finding{Err: f, Severity: "error", Check: secret, Detail: f.Detail}
	case a.JSON && a.Status < 500:
		return nil
	case Robot(a.Status, a.Type, a.Page) || a.Type == "text/html" && a.Status < 500 || a.Status == http.StatusServiceUnavailable && a.Type == "text/html":
		f := fault.New(fault.OIDCTokenBlocked, "%s", at)
		f.Confidence = fault.Likely
		return &Finding{Err: f, Severity: "error", Check: secret, Detail: f.Detail}
	case a.Status >= 500:
		f := fault.New(fault.FetchServer, "%s", at)
		f.Confidence = fault.Likely
		return &Finding{Err: f, Severity: "warning", Check: secret, Detail: f.Detail}
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed:
		f := fault.New(fault.OIDCTokenBlocked, "%s", at)
		f.Confidence, f.Fix = fault.Likely, "There is no token endpoint at this address: compare Issuer with the provider's console, or have what stands in front of the provider pass its token address on."
		return &Finding{Err: f, Severity: "error", Check: secret, Detail: f.Detail}
	default:
		f := Silent(secret, "%s, which is not the protocol's form", at)
		return &f
	}
}

// clean makes foreign text fit for a detail.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.TrimSpace(strings.ToValidUTF8(s[:min(len(s), 300)], ""))
}
