package credential

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// CeremonyFor is how long a person may take to touch their key.
const CeremonyFor = 5 * time.Minute

// Passkeys makes and checks passkeys (WebAuthn). They are discoverable and verify the person (PIN, finger, face), so one
// is enough to sign in with. A page never lists an address's keys: that would tell strangers who has some.
type Passkeys struct{ w *webauthn.WebAuthn }

// NewPasskeys is for the public origin: passkeys belong to its host name.
func NewPasskeys(baseURL string) (*Passkeys, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, err
	}
	yes := true
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: CeremonyFor, TimeoutUVD: CeremonyFor}
	w, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: u.Hostname(), RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &yes, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
	})
	return &Passkeys{w}, err
}

// person is a user as WebAuthn sees one. The handle is the user's ID, which says nothing of the person.
type person struct {
	id, name, display string
	keys              []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return []byte(p.id) }
func (p person) WebAuthnName() string                       { return p.name }
func (p person) WebAuthnDisplayName() string                { return p.display }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.keys }

func personOf(u *broker.User, kept []*broker.Credential) (person, error) {
	p := person{id: u.ID, name: u.Email, display: u.Name}
	if p.display == "" {
		p.display = u.Email
	}
	for _, c := range kept {
		if c.Kind != Passkey {
			continue
		}
		var k webauthn.Credential
		if err := json.Unmarshal(c.Data, &k); err != nil {
			return p, fault.Wrap(fault.Internal, err, "passkey %s", c.ID)
		}
		p.keys = append(p.keys, k)
	}
	return p, nil
}

// Kinds of credential.
const (
	Password = "password"
	Passkey  = "passkey"
)

// Ask begins a sign-in: options for the page's script, state for the browser's sealed cookie.
func (p *Passkeys) Ask() (options, state []byte, err error) {
	a, s, err := p.w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "passkey options")
	}
	return both(a.Response, s)
}

// Enrol begins making a passkey.
func (p *Passkeys) Enrol(u *broker.User, kept []*broker.Credential) (options, state []byte, err error) {
	who, err := personOf(u, kept)
	if err != nil {
		return nil, nil, err
	}
	var known []protocol.CredentialDescriptor
	for _, k := range who.keys {
		known = append(known, k.Descriptor())
	}
	c, s, err := p.w.BeginRegistration(who, webauthn.WithExclusions(known))
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "passkey options")
	}
	return both(c.Response, s)
}

func both(options, state any) ([]byte, []byte, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	s, err := json.Marshal(state)
	return o, s, err
}

// Enrolled checks what the browser answered to Enrol and makes the credential of it.
func (p *Passkeys) Enrolled(u *broker.User, state, answer []byte, name string) (*broker.Credential, error) {
	var s webauthn.SessionData
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, fault.Wrap(fault.LocalPasskey, err, "state")
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, refused(err)
	}
	k, err := p.w.CreateCredential(person{id: u.ID, name: u.Email, display: u.Email}, s, parsed)
	if err != nil {
		return nil, refused(err)
	}
	data, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	return &broker.Credential{ID: keyID(k.ID), Realm: u.Realm, UserID: u.ID, Kind: Passkey, Name: name, Data: data}, nil
}

// keyID is the credential's ID: that of the key itself, hashed, since it may be long. So a key is known here once.
func keyID(raw []byte) string { return broker.HashToken(string(raw)) }

// Holder finds a person by the handle in an answer, with their credentials.
type Holder func(userID string) (*broker.User, []*broker.Credential, error)

// Check checks what the browser answered to Ask: whose key it is, and the credential with its counter moved on.
func (p *Passkeys) Check(state, answer []byte, find Holder) (*broker.User, *broker.Credential, error) {
	var s webauthn.SessionData
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, nil, fault.Wrap(fault.LocalPasskey, err, "state")
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, nil, refused(err)
	}
	var owner *broker.User
	var kept []*broker.Credential
	var failed error
	k, err := p.w.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
		if owner, kept, failed = find(string(handle)); failed != nil {
			return nil, failed
		}
		who, err := personOf(owner, kept)
		return who, err
	}, s, parsed)
	if failed != nil {
		return nil, nil, failed
	}
	if err != nil {
		return nil, nil, refused(err)
	}
	if k.Authenticator.CloneWarning {
		return nil, nil, fault.New(fault.LocalPasskey, "the counter of passkey %s went back: it may have been copied", keyID(k.ID))
	}
	for _, c := range kept {
		if c.ID == keyID(k.ID) {
			next := *c
			next.Data, err = json.Marshal(k)
			return owner, &next, err
		}
	}
	return nil, nil, fault.New(fault.LocalPasskey, "the key is not known")
}

// Challenge names a ceremony, so that its answer is taken once.
func Challenge(state []byte) string {
	var s webauthn.SessionData
	if json.Unmarshal(state, &s) != nil || s.Challenge == "" {
		return base64.RawURLEncoding.EncodeToString(state)
	}
	return s.Challenge
}

// refused keeps what the library says for operators.
func refused(err error) error {
	detail := err.Error()
	if p, ok := err.(*protocol.Error); ok && p.DevInfo != "" { //nolint:errorlint // the library's own type, as it returns it
		detail += ": " + p.DevInfo
	}
	if len(detail) > 500 {
		detail = detail[:500]
	}
	return fault.New(fault.LocalPasskey, "%s", detail)
}
