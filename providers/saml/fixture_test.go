package saml_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

const (
	callback = "https://sso.example/broker/acme/endpoint"
	entityID = "https://sso.example/broker/acme/metadata"
	logout   = callback
)

var (
	now  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	jane = samlidp.User{ID: "u1", Email: "jane@acme.example", GivenName: "Jane", FamilyName: "Roe", Groups: []string{"staff", "admins"}}
)

// keys are made once for all tests: RSA generation is slow.
var keys = sync.OnceValue(func() (k struct {
	idp, other, weak, own, next keyPair
}) {
	make := func(bits int) keyPair {
		key, cert := samlidp.NewKey(bits, now)
		return keyPair{key, cert}
	}
	k.idp, k.other, k.weak, k.own, k.next = make(2048), make(2048), make(1024), make(2048), make(2048)
	return k
})

type keyPair struct {
	key  any
	cert []byte
}

// world is one connection and its identity provider.
type world struct {
	t        testing.TB
	idp      *samlidp.IdP
	sp       samlidp.ServiceProvider
	provider providers.Provider
	request  providers.Request
	now      time.Time
}

type settings map[string]any

func newWorld(t testing.TB, s settings) *world {
	t.Helper()
	w := &world{t: t, now: now}
	k := keys()
	w.idp = samlidp.New(samlidp.Options{BaseURL: "https://idp.example", Key: signer(k.idp), Certificate: k.idp.cert, Now: w.clock})
	w.sp = samlidp.ServiceProvider{EntityID: entityID, ACS: []string{callback}}
	config := map[string]any{"metadata_xml": string(w.idp.Metadata())}
	maps.Copy(config, s)
	w.provider = w.open(config)
	w.request = request(1)
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) settings(config map[string]any) providers.Settings {
	b, err := json.Marshal(config)
	if err != nil {
		w.t.Fatal(err)
	}
	preset, _ := config["preset"].(string)
	return providers.Settings{
		Slug: "acme", Preset: preset, Config: b, SPEntityID: entityID, CallbackURL: callback, MetadataURL: entityID, LogoutURL: logout,
		Aliases: []string{"https://sso.example/realms/acme/broker/acme/endpoint"},
		Keys:    ownKeys, HTTP: http.DefaultClient, Now: w.clock, Go: func(f func(context.Context)) { go f(context.Background()) },
	}
}

func (w *world) open(config map[string]any) providers.Provider {
	w.t.Helper()
	p, err := saml.New().Open(w.settings(config))
	if err != nil {
		w.t.Fatalf("Open: %v", err)
	}
	return p
}

func ownKeys(context.Context) ([]providers.Key, error) {
	k := keys()
	return []providers.Key{
		{ID: "active", Private: k.own.key, Certificate: k.own.cert},
		{ID: "next", Private: k.next.key, Certificate: k.next.cert},
	}, nil
}

// request makes a request whose handle is 32 times b.
func request(b byte) providers.Request {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = b
	}
	return providers.Request{
		Handle: base64.RawURLEncoding.EncodeToString(raw), MessageID: "_" + hex.EncodeToString(raw), Secret: raw,
		CallbackURL: callback, Issued: now.Add(-time.Second),
	}
}

// answer is a truthful answer to the request.
func (w *world) answer() samlidp.Response {
	return w.idp.Answer(w.sp, callback, w.request.MessageID, jane)
}

func posted(message, relay string) providers.Reply {
	return providers.Reply{Method: http.MethodPost, URL: must(url.Parse(callback)), Form: url.Values{"SAMLResponse": {message}, "RelayState": {relay}}}
}

func (w *world) finish(r samlidp.Response) (providers.Identity, error) {
	return w.finishRaw(w.idp.Respond(r))
}

func (w *world) finishRaw(message string) (providers.Identity, error) {
	return w.provider.Finish(context.Background(), w.request, posted(message, w.request.Handle))
}

// refuses requires a fault and that nothing of the answer comes with it.
func (w *world) refuses(r samlidp.Response, want fault.Code) *fault.Error {
	w.t.Helper()
	id, err := w.finish(r)
	return refused(w.t, id, err, want)
}

func refused(t testing.TB, id providers.Identity, err error, want fault.Code) *fault.Error {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Fatalf("got %q (%v), want %q", got, err, want)
	}
	if id.Subject != "" || id.Attributes != nil || id.Once != nil {
		t.Fatalf("a refused answer gave %+v", id)
	}
	return fault.As(err)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
