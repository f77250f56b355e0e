package diagnose_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// past is what is known of a connection beforehand.
type past struct {
	health broker.Health
	check  *admin.Report
	err    error
}

func (p *past) Health(context.Context, string, string) (*broker.Health, error) {
	return &p.health, p.err
}
func (p *past) Tested(context.Context, string, string, string, bool, time.Time) error { return p.err }
func (p *past) LastCheck(context.Context, string, string) (*admin.Report, error) {
	return p.check, p.err
}

func (l *lab) note(id string, what broker.TestFact, detail string) {
	l.t.Helper()
	if err := l.store.Tests.Note(l.t.Context(), id, what, detail, l.Now()); err != nil {
		l.t.Fatal(err)
	}
}

func stepNames(d *admin.Diagnosed) (out []string) {
	for _, s := range d.Steps {
		out = append(out, s.Step)
	}
	return out
}

// Only the identity provider's own page knows why nothing came back: the report names the two likeliest reasons for this
// provider and what is known of the connection, and asks the question that tells them apart.
func TestATestWithoutAnAnswer(t *testing.T) {
	now := time.Now()
	works := broker.Health{LastSuccess: now.Add(-time.Hour), SuccessesSinceChange: 12, ChangedAt: now.Add(-48 * time.Hour)}
	tested := broker.Health{ChangedAt: now.Add(-time.Hour), LastTest: &broker.TestSeen{At: now, Passed: true}}
	tested.LastSuccess = now
	changed := broker.Health{LastSuccess: now.Add(-48 * time.Hour), ChangedAt: now.Add(-time.Hour)}
	stopped := broker.Health{LastSuccess: now.Add(-9 * 24 * time.Hour), SuccessesSinceChange: 40, ChangedAt: now.Add(-99 * 24 * time.Hour), PeopleFailing: 4}
	passive := &admin.Report{Checks: []admin.Check{{Name: "passive", Status: "passed", Detail: "it came back"}}}
	mute := &admin.Report{Checks: []admin.Check{{Name: "passive", Status: "passed", Detail: "says nothing: robots"}}}
	red := &admin.Report{Findings: []admin.Finding{{Code: "x.warned", Severity: "warning"}, {Code: string(fault.IdPReplyURL), Severity: "error", Confidence: "proved", Cause: "Cause."}}}
	for _, tt := range []struct {
		name, protocol, preset string
		past                   *past
		code, other            fault.Code
		sure                   fault.Confidence
		label, story           string
	}{
		{"nothing known, SAML", "saml", "generic", nil, fault.IdPAppUnknown, fault.IdPReplyURL, fault.Guess, "", ""},
		{"nothing known, OIDC", "oidc", "generic", nil, fault.IdPReplyURL, fault.IdPAppUnknown, fault.Guess, "", ""},
		{"Entra at first", "saml", "entra", &past{}, fault.IdPReplyURL, fault.IdPNotAssigned, fault.Guess, "Reply URL (Assertion Consumer Service URL)", "Nobody has signed in"},
		{"Entra, address and name are right", "saml", "entra", &past{check: passive}, fault.IdPNotAssigned, fault.IdPPolicy, fault.Likely, "Users and groups", "Nobody has signed in"},
		{"Entra, the check could not tell", "saml", "entra", &past{check: mute}, fault.IdPReplyURL, fault.IdPNotAssigned, fault.Guess, "", ""},
		{"Entra, the check found it", "saml", "entra", &past{check: red}, fault.IdPReplyURL, fault.IdPNotAssigned, fault.Likely, "", ""},
		{"Okta at first", "saml", "okta", &past{}, fault.IdPNotAssigned, fault.IdPAppUnknown, fault.Guess, "Assignments", ""},
		{"Google, others get in", "saml", "google", &past{health: works}, fault.IdPWrongAccount, fault.IdPNotAssigned, fault.Likely, "", "Others get in: 12 sign-ins"},
		{"AD FS, a test passed", "saml", "adfs", &past{health: tested}, fault.IdPPolicy, fault.IdPAccountBlocked, fault.Likely, "Edit Access Control Policy", "Others get in"},
		{"changed here since it worked", "saml", "okta", &past{health: changed}, fault.IdPAppUnknown, fault.IdPReplyURL, fault.Guess, "", "the connection was changed here"},
		{"stopped without a change", "oidc", "keycloak", &past{health: stopped}, fault.IdPAppDisabled, fault.IdPSignIn, fault.Guess, "Enabled", "4 people have failed since"},
		{"the record cannot be read", "oidc", "keycloak", &past{err: errors.New("away")}, fault.IdPReplyURL, fault.IdPAppUnknown, fault.Guess, "Valid redirect URIs", ""},
		{"GitHub", "oauth2", "github", &past{}, fault.IdPReplyURL, fault.LoginCancelled, fault.Guess, "Authorization callback URL", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, tt.protocol)
			l.conn.Preset = tt.preset
			if tt.past != nil {
				l.Past, l.Verdicts = tt.past, tt.past
			}
			link, token := l.begin()
			test := l.open(token)
			l.note(test.ID, broker.TestLeft, "idp.example")
			if d := l.standing(link.Ref, "waiting"); d.Diagnosis != nil || !slices.Equal(stepNames(d), []string{"made", "opened", "sent upstream"}) {
				t.Errorf("%v %+v", stepNames(d), d.Diagnosis)
			}
			l.later = 9 * time.Minute
			l.standing(link.Ref, "waiting")
			l.later = 11 * time.Minute
			d := l.standing(link.Ref, "abandoned")
			f := d.Diagnosis
			if f == nil || f.Code != string(tt.code) || f.Confidence != string(tt.sure) || len(f.Alternatives) == 0 || f.Alternatives[0].Code != string(tt.other) || !strings.Contains(f.Alternatives[0].Question, "?") {
				t.Fatalf("diagnosis: %+v", f)
			}
			whole(t, d)
			if tt.label != "" && !slices.Contains(f.Labels, tt.label) {
				t.Errorf("labels %q", f.Labels)
			}
			if !strings.Contains(d.Past, tt.story) || d.ForTheirIT == "" {
				t.Errorf("past %q, letter %q", d.Past, d.ForTheirIT)
			}
			if gone := d.Findings[len(d.Findings)-1]; gone.Code != string(fault.TestNoAnswer) || !strings.Contains(gone.Detail, "idp.example") {
				t.Errorf("the fact itself: %+v", gone)
			}
		})
	}
}

// A closed window and a browser that comes back are results too. What looks like a closed window may be a page that cut
// itself off, so the answer is waited for a moment longer.
func TestATestThatSomebodyLeaves(t *testing.T) {
	for what, step := range map[broker.TestFact]string{broker.TestClosed: "window closed", broker.TestBack: "came back"} {
		l := newLab(t, "saml")
		link, token := l.begin()
		test := l.open(token)
		l.later = time.Minute
		l.note(test.ID, what, "")
		d := l.standing(link.Ref, "waiting")
		if d.Diagnosis == nil || !slices.Contains(stepNames(d), step) || !strings.Contains(d.Diagnosis.Detail, "after 1m") {
			t.Errorf("%s: %v, %+v", what, stepNames(d), d.Diagnosis)
		}
		if last := d.Diagnosis.Alternatives; last[len(last)-1].Code != string(fault.LoginCancelled) {
			t.Errorf("%s: nobody asks whether it was meant: %+v", what, last)
		}
		l.later = 2 * time.Minute
		l.standing(link.Ref, "abandoned")
		if _, err := l.store.Tests.Answer(t.Context(), test.ID, []byte(`{"status":"passed","connection":"acme-saml","ref":"`+link.Ref+`"}`), true, l.Now()); err != nil {
			t.Fatal(err)
		}
		l.standing(link.Ref, "passed") // it came after all
	}
}

func TestPastedPages(t *testing.T) {
	l := newLab(t, "saml")
	l.conn.Preset = "entra"
	p := &past{}
	l.Past, l.Verdicts = p, p
	link, token := l.begin()
	test := l.open(token)
	const id = "7f2a0a9e-1111-4222-8333-444455556666"
	d, err := l.Pasted(t.Context(), l.conn, link.Ref, "AADSTS50105: not assigned. Correlation ID: "+id)
	if err != nil {
		t.Fatal(err)
	}
	if d.Status != "failed" || d.Diagnosis.Code != string(fault.IdPNotAssigned) || !slices.Equal(d.Page.Codes, []string{"AADSTS50105"}) || d.Page.Trace["Correlation ID"] != id {
		t.Errorf("%+v, %+v", d.Diagnosis, d.Page)
	}
	if !strings.Contains(d.ForTheirIT, "Correlation ID: "+id) || !strings.Contains(d.ForTheirIT, "AADSTS50105") || !strings.Contains(d.ForTheirIT, link.Ref) {
		t.Errorf("letter:\n%s", d.ForTheirIT)
	}
	if d.Diagnosis.Side != "idp" || !strings.Contains(d.Diagnosis.Fix, "Users and groups") || !strings.Contains(d.Diagnosis.Cause, "nobody has got in yet") {
		t.Errorf("%+v", d.Diagnosis)
	}
	l.standing(link.Ref, "failed") // it is kept

	d, err = l.Pasted(t.Context(), l.conn, link.Ref, "Es ist etwas schiefgegangen.")
	if err != nil {
		t.Fatal(err)
	}
	if f := d.Diagnosis; f.Code != string(fault.IdPPage) || f.Confidence != string(fault.Guess) || len(f.Alternatives) != 2 || f.Alternatives[0].Code != string(fault.IdPReplyURL) {
		t.Errorf("a page without a word that we know: %+v", f)
	}

	if _, err := l.store.Tests.Answer(t.Context(), test.ID, []byte(`{}`), true, l.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Pasted(t.Context(), l.conn, link.Ref, "AADSTS50105"); fault.CodeOf(err) != fault.TestAnswered {
		t.Errorf("a page after the answer: %v", err)
	}
	if _, err := l.Pasted(t.Context(), l.conn, "0000-0000", "AADSTS50105"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("of no test: %v", err)
	}
}

func TestThePageSaysWhatIsNeeded(t *testing.T) {
	for _, tt := range []struct{ protocol, page, expected string }{
		{"saml", "AADSTS50011", acs}, {"oidc", "AADSTS50011", acs}, {"saml", "AADSTS700016", sp}, {"oidc", "AADSTS700016", ""},
	} {
		c := connection("entra", tt.protocol)
		l := newLab(t, tt.protocol)
		l.Labels = labels
		d, err := l.Explain(t.Context(), c, admin.Explainable{Page: tt.page})
		if err != nil || d.Diagnosis.Expected != tt.expected || d.Status != "failed" || d.Checks[0].Name != "page" || len(d.Diagnosis.Labels) == 0 {
			t.Errorf("%v: %v, %+v", tt, err, d)
		}
	}
}

// One person or everybody, and did it ever work: what the same fault means depends on that.
func TestThePastDecides(t *testing.T) {
	now := time.Now()
	never := broker.Health{}
	works := broker.Health{LastSuccess: now.Add(-time.Hour), SuccessesSinceChange: 1, ChangedAt: now.Add(-48 * time.Hour)}
	changed := broker.Health{LastSuccess: now.Add(-48 * time.Hour), ChangedAt: now.Add(-time.Hour)}
	for _, tt := range []struct {
		code   fault.Code
		health broker.Health
		says   string
	}{
		{fault.SAMLNameIDPolicy, never, "the rule that makes the Name ID is missing"},
		{fault.SAMLNameIDPolicy, works, "this person's e-mail address is empty"},
		{fault.EmailMissing, never, "not released at all"},
		{fault.SAMLSignatureKey, never, "another application's"},
		{fault.SAMLSignatureKey, changed, "has changed its signing key"},
		{fault.OIDCSecretRefused, never, "copied wrongly"},
		{fault.OIDCSecretRefused, changed, "replaced or deleted"},
		{fault.OIDCClientUnknown, changed, "the application was deleted"},
		{fault.SAMLNoAuthnContext, works, "another method"},
		{fault.SAMLIssuer, changed, "another name"},
		{fault.IdPNotAssigned, works, "this person's assignment"},
		{fault.IdPReplyURL, changed, "changed at the provider or here"},
		{fault.SAMLExpired, works, ""},
	} {
		c := connection("okta", "saml")
		l := newLab(t, "saml")
		p := &past{health: tt.health}
		l.Past = p
		l.Connections = shelf{&registry.Connection{Connection: c, Provider: gate{found: []error{fault.New(tt.code, "")}}}}
		d, err := l.Explain(t.Context(), c, admin.Explainable{SAMLResponse: "x"})
		if err != nil {
			t.Fatal(err)
		}
		whole(t, d)
		if !strings.Contains(d.Diagnosis.Cause, tt.says) || d.Past == "" || tt.says == "" && d.Diagnosis.Cause != fault.Lookup(tt.code).Cause {
			t.Errorf("%s: %q, past %q", tt.code, d.Diagnosis.Cause, d.Past)
		}
	}
}

func TestLettersInTheirLanguage(t *testing.T) {
	l := newLab(t, "saml")
	d, err := l.Explain(t.Context(), connection("entra", "saml"), admin.Explainable{Page: "AADSTS50105 Correlation ID: 7f2a0a9e-1111-4222-8333-444455556666"})
	if err != nil {
		t.Fatal(err)
	}
	for lang, words := range map[string]string{"en": "What to change: ", "fr": "Ce qu’il faut changer : ", "de": "Was zu ändern ist: ", "pl": "Co zmienić: ", "ru": "Что изменить: ", "es": "Qué hay que cambiar: "} {
		letter := l.Letter(d, lang)
		if !strings.Contains(letter, strings.TrimSuffix(strings.TrimSuffix(words, ": "), " ")) || !strings.Contains(letter, "Users and groups") || !strings.Contains(letter, "7f2a0a9e") {
			t.Errorf("%s:\n%s", lang, letter)
		}
	}
	if l.Letter(admin.NewDiagnosed(l.conn, "", "passed"), "fr") != "" {
		t.Error("a letter about nothing")
	}
}

// Every kind of page that a provider may stop at is told by its page, and by whose side it is on.
func TestEveryKindOfPage(t *testing.T) {
	for _, tt := range []struct {
		preset, page string
		code         fault.Code
		side         fault.Side
	}{
		{"entra", "AADSTS50011", fault.IdPReplyURL, fault.IdP},
		{"adfs", "MSIS3020", fault.IdPAppUnknown, fault.IdP},
		{"entra", "AADSTS7000112", fault.IdPAppDisabled, fault.IdP},
		{"okta", "App Not Assigned", fault.IdPNotAssigned, fault.IdP},
		{"adfs", "MSIS5007", fault.IdPPolicy, fault.IdP},
		{"entra", "AADSTS90094", fault.IdPConsent, fault.IdP},
		{"entra", "AADSTS50057", fault.IdPAccountBlocked, fault.IdP},
		{"google", "403 app_not_configured_for_user", fault.IdPWrongAccount, fault.User},
		{"entra", "AADSTS50126", fault.IdPSignIn, fault.User},
		{"adfs", "MSIS7070", fault.IdPNoValue, fault.IdP},
		{"entra", "AADSTS75005", fault.IdPRequest, fault.Ours},
		{"keycloak", "Invalid requester", fault.IdPRequestSignature, fault.Ours},
		{"shibboleth", "No encryption key", fault.IdPEncryption, fault.IdP},
		{"google", "disallowed_useragent", fault.IdPBrowser, fault.User},
		{"shibboleth", "Stale Request", fault.IdPStale, fault.User},
		{"adfs", "MSIS7042", fault.IdPLoop, fault.User},
		{"entra", "AADSTS90033", fault.IdPOutage, fault.Network},
		{"generic", "Computer says no", fault.IdPPage, fault.IdP},
	} {
		l := newLab(t, "saml")
		c := connection(tt.preset, "saml")
		d, err := l.Explain(t.Context(), c, admin.Explainable{Page: tt.page})
		if err != nil || d.Diagnosis.Code != string(tt.code) || d.Diagnosis.Side != string(tt.side) || d.Diagnosis.Fix == "" {
			t.Errorf("%s: %v, %+v", tt.page, err, d.Diagnosis)
		}
		if d.Diagnosis.Confidence != string(fault.Proved) && len(d.Diagnosis.Alternatives) == 0 {
			t.Errorf("%s: not sure, and does not ask", tt.page)
		}
	}
}
