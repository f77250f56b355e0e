package oidc_test

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// allChecks are the gate's, in the order of a report.
var allChecks = []string{"discovery", "state", "answer", "token", "signature", "issuer", "audience", "nonce", "time", "subject", "userinfo"}

func (x *party) explainer() providers.Explainer { return x.p.(providers.Explainer) }

// graded holds a report's checks to those that should have failed and those that nobody got to; the rest passed.
func graded(t *testing.T, e providers.Explanation, failed, unreached []string) {
	t.Helper()
	var names []string
	for _, c := range e.Checks {
		names = append(names, c.Name)
		want := providers.Passed
		switch {
		case slices.Contains(failed, c.Name):
			want = providers.Failed
		case slices.Contains(unreached, c.Name):
			want = providers.NotReached
		}
		if c.Status != want {
			t.Errorf("%s %s (%s), want %s", c.Name, c.Status, c.Detail, want)
		}
		if c.Status == providers.NotReached && c.Detail != "" {
			t.Errorf("%s says %q of what nobody saw", c.Name, c.Detail)
		}
	}
	if !slices.Equal(names, allChecks) {
		t.Errorf("checks %v", names)
	}
}

func faults(e providers.Explanation) (out []fault.Code) {
	for _, f := range e.Findings {
		out = append(out, fault.CodeOf(f.Err))
	}
	return out
}

func after(check string) []string { return allChecks[slices.Index(allChecks, check)+1:] }

func TestExplainGradesTheGate(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name      string
		lie       oidcop.Lies
		code      fault.Code
		failed    string
		unreached []string
	}{
		{"truth", oidcop.Lies{}, "", "", nil},
		{"no ID token", oidcop.Lies{Token: oidcop.Set(m{"id_token": nil})}, fault.OIDCTokenMissing, "token", after("token")},
		{"no JWT", oidcop.Lies{Sign: func(*oidcop.OP, []byte) string { return "opaque" }}, fault.OIDCToken, "token", after("token")},
		{"unsigned", oidcop.Lies{Sign: oidcop.Unsigned}, fault.OIDCAlgorithm, "signature", after("signature")},
		{"issuer", claims(m{"iss": "https://evil.example"}), fault.OIDCIssuer, "issuer", after("issuer")},
		{"audience", claims(m{"aud": "other"}), fault.OIDCAudience, "audience", after("audience")},
		// Times are checked before the nonce, whatever the order of the list.
		{"expired", claims(m{"exp": now.Add(-time.Hour).Unix()}), fault.OIDCExpired, "time", []string{"nonce", "subject", "userinfo"}},
		{"nonce", claims(m{"nonce": "other"}), fault.OIDCNonce, "nonce", []string{"subject", "userinfo"}},
		{"subject", claims(m{"sub": ""}), fault.OIDCSubject, "subject", []string{"userinfo"}},
		{"user info of another", oidcop.Lies{Claims: oidcop.Set(m{"email": nil}), UserInfo: oidcop.Set(m{"sub": "u-2"})}, fault.OIDCUserInfoSubject, "userinfo", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", nil)
			x.op.Lie(tt.lie)
			r := x.request()
			e := x.explainer().Explain(t.Context(), r, x.answer(r))
			if tt.code == "" {
				graded(t, e, nil, nil)
				if !e.OK() || e.Identity == nil || e.Identity.Subject != "u-1" || len(e.Findings) != 0 {
					t.Errorf("%+v", e)
				}
				return
			}
			if !slices.Equal(faults(e), []fault.Code{tt.code}) || e.Findings[0].Check != tt.failed || e.OK() || e.Identity != nil {
				t.Errorf("findings %v, identity %v", e.Findings, e.Identity)
			}
			graded(t, e, []string{tt.failed}, tt.unreached)
			if _, gate := x.login(); fault.CodeOf(gate) != tt.code {
				t.Errorf("the gate says %v", gate)
			}
		})
	}
}

// What ends before a token is asked for ends at the check it belongs to.
func TestExplainAnswersThatAreNone(t *testing.T) {
	x := begin(t, "generic", nil)
	state := func(r providers.Request) string {
		c, err := x.p.Start(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(c.URL)
		return u.Query().Get("state")
	}
	r := x.request()
	s := state(r)
	for _, tt := range []struct {
		name   string
		reply  providers.Reply
		code   fault.Code
		failed string
	}{
		{"refused", query("state", s, "error", "access_denied", "error_description", "no"), fault.OIDCAccessDenied, "answer"},
		{"refused in words of its own", query("state", s, "error", "teapot"), "", "answer"},
		{"neither code nor error", query("state", s), fault.OIDCAnswer, "state"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := x.explainer().Explain(t.Context(), r, tt.reply)
			if len(e.Findings) != 1 || tt.code != "" && fault.CodeOf(e.Findings[0].Err) != tt.code || e.Findings[0].Check != tt.failed || e.Identity != nil {
				t.Fatalf("findings %v", e.Findings)
			}
			for _, c := range e.Checks {
				if c.Name == "signature" && c.Status != providers.NotReached || c.Name == tt.failed && c.Status != providers.Failed {
					t.Errorf("%+v", c)
				}
			}
		})
	}
	x = begin(t, "generic", nil)
	x.srv.Config.Handler = http.NotFoundHandler()
	e := x.explainer().Explain(t.Context(), x.request(), query("state", s, "code", "c"))
	if len(e.Findings) != 1 || e.Findings[0].Check != "discovery" {
		t.Fatalf("without documents: %v", e.Findings)
	}
	graded(t, e, []string{"discovery"}, after("state"))
}

// idToken is what an OP would have issued a minute ago.
func (x *party) idToken(change m) string {
	now := x.clock.now()
	c := m{"iss": x.op.Issuer(), "aud": clientID, "sub": "u-1", "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(),
		"nonce": "secret-nonce", "email": "ada@acme.example", "email_verified": true, "at_hash": "secret-hash", "sid": "secret-session", "refresh_token": "secret-token"}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return x.op.Sign(c)
}

// An examination without a sign-in goes on after a fault: all that is wrong is told at once.
func TestInspect(t *testing.T) {
	now := time.Now()
	other := oidcop.NewKey(jose.ES256)
	for _, tt := range []struct {
		name      string
		token     func(x *party) string
		codes     []fault.Code
		failed    []string
		unreached []string
		known     bool
	}{
		{"good", func(x *party) string { return "\n " + x.idToken(nil) + "\n" }, nil, nil, nil, true},
		{"audience", func(x *party) string { return x.idToken(m{"aud": "other"}) }, []fault.Code{fault.OIDCAudience}, []string{"audience"}, nil, true},
		{"all wrong", func(x *party) string {
			return x.idToken(m{"iss": "https://evil.example", "aud": "other", "exp": now.Add(-time.Hour).Unix(), "iat": now.Add(-2 * time.Hour).Unix()})
		}, []fault.Code{fault.OIDCIssuer, fault.OIDCAudience, fault.OIDCExpired}, []string{"issuer", "audience", "time"}, nil, true},
		{"no subject", func(x *party) string { return x.idToken(m{"sub": nil}) }, []fault.Code{fault.OIDCSubject}, []string{"subject"}, nil, true},
		{"another's key", func(x *party) string {
			return oidcop.SignedBy(other, map[jose.HeaderKey]any{"kid": other.ID})(x.op, []byte(`{"sub":"eve"}`))
		}, []fault.Code{fault.OIDCKeyUnknown}, []string{"signature"}, after("signature"), false},
		{"unsigned", func(x *party) string { return oidcop.Unsigned(x.op, []byte(`{"sub":"eve"}`)) }, []fault.Code{fault.OIDCAlgorithm}, []string{"signature"}, after("signature"), false},
		{"no token", func(*party) string { return "Good morning." }, []fault.Code{fault.OIDCToken}, []string{"token"}, after("token"), false},
		{"too long", func(*party) string { return strings.Repeat("a.", 100_000) }, []fault.Code{fault.OIDCToken}, []string{"token"}, after("token"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", nil)
			e := x.explainer().Inspect(t.Context(), providers.Sample{IDToken: tt.token(x)})
			if !slices.Equal(faults(e), tt.codes) || e.OK() != (len(tt.codes) == 0) {
				t.Errorf("findings %v, want %v", faults(e), tt.codes)
			}
			graded(t, e, tt.failed, tt.unreached)
			if (e.Identity != nil) != tt.known {
				t.Errorf("identity %+v", e.Identity)
			}
			if n := x.op.Requests("token") + x.op.Requests("userinfo"); n != 0 {
				t.Errorf("%d requests in nobody's name", n)
			}
		})
	}
}

func TestInspectSaysWhatItCannotTell(t *testing.T) {
	x := begin(t, "generic", nil)
	e := x.explainer().Inspect(t.Context(), providers.Sample{IDToken: x.idToken(nil)})
	for _, c := range e.Checks {
		if slices.Contains([]string{"state", "answer", "nonce", "userinfo"}, c.Name) && c.Detail == "" {
			t.Errorf("%s passed, and nothing says that nobody could look", c.Name)
		}
	}
	if id := e.Identity; id == nil || id.Subject != "u-1" || id.Issuer != x.op.Issuer() || id.Attributes["email"][0] != "ada@acme.example" {
		t.Errorf("identity %+v", id)
	}
	if !strings.Contains(e.Message, `"sub": "u-1"`) || !strings.Contains(e.Message, `"alg": "ES256"`) || strings.Contains(e.Message, "secret-") {
		t.Errorf("message:\n%s", e.Message)
	}
	for _, sample := range []providers.Sample{{}, {SAMLResponse: "<a/>"}, {Metadata: "<a/>"}} {
		e := x.explainer().Inspect(t.Context(), sample)
		if !slices.Equal(faults(e), []fault.Code{fault.ExplainKind}) || e.Identity != nil || e.Message != "" {
			t.Errorf("%+v: %+v", sample, e)
		}
		graded(t, e, []string{"token"}, append([]string{"discovery", "state", "answer"}, after("token")...))
	}
	x.srv.Close()
	x.open()
	e = x.explainer().Inspect(context.Background(), providers.Sample{IDToken: x.idToken(nil)})
	if len(e.Findings) != 1 || e.Identity != nil {
		t.Fatalf("a provider that is away: %v", faults(e))
	}
	for _, c := range e.Checks {
		if c.Name == "discovery" && (c.Status != providers.Failed || c.Detail == "") || c.Name == "signature" && c.Status != providers.NotReached {
			t.Errorf("a provider that is away: %+v", c)
		}
	}
}

// The console's own word comes first.
func TestInspectLabels(t *testing.T) {
	for name, label := range map[string]string{"okta": "General > Client ID", "adfs": "Client Identifier", "onelogin": "SSO > Client ID", "generic": "Client ID"} {
		x := begin(t, name, nil)
		e := x.explainer().Inspect(t.Context(), providers.Sample{IDToken: x.idToken(m{"aud": "other"})})
		if i := slices.IndexFunc(e.Findings, func(f providers.Finding) bool { return fault.CodeOf(f.Err) == fault.OIDCAudience }); i < 0 {
			t.Errorf("%s: %v", name, faults(e))
		} else if f := fault.As(e.Findings[i].Err); f.Labels[0] != label || f.Observed != "other" || f.Expected != clientID {
			t.Errorf("%s: %q, %+v", name, f.Labels, f)
		}
	}
}

// A transcript keeps what the provider said, and nothing that could be used.
func TestTranscript(t *testing.T) {
	x := begin(t, "generic", nil)
	got := x.explainer().Transcript(query("state", "secret-state", "code", "secret-code", "session_state", "secret-session", "error", "access_denied", "error_description", "no\xff", "other", "secret-other"))
	if strings.Contains(got, "secret-") || !strings.Contains(got, "error: access_denied\n") || !strings.Contains(got, "error_description: no\n") || !strings.Contains(got, "code: [left out]\n") {
		t.Errorf("transcript:\n%s", got)
	}
	pairs := make([]string, 0, 2000)
	for range 1000 {
		pairs = append(pairs, "error", strings.Repeat("x", 10_000))
	}
	if n := len(x.explainer().Transcript(query(pairs...))); n > 64<<10 {
		t.Errorf("a transcript of %d bytes", n)
	}
	many := x.idToken(m{"groups": make([]int, 20_000)}) // as it is printed, each stands on a line of its own
	if e := x.explainer().Inspect(t.Context(), providers.Sample{IDToken: many}); len(many) > 64<<10 || len(e.Message) > 64<<10 || e.Message == "" {
		t.Errorf("a token of %d bytes, a message of %d", len(many), len(e.Message))
	}
	if names := x.explainer().Names(); !slices.Equal(names, []string{x.op.Issuer()}) {
		t.Errorf("names %v", names)
	}
}
