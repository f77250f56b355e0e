package signin

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
)

// Directory finds the connections that an answer at a wrong address may have been meant for; store.Overview does.
type Directory interface {
	Slugs(ctx context.Context, after string, n int) ([]string, error)
	Search(ctx context.Context, realms []string, q string, n int) (*broker.Hits, error)
}

// Bounds of the search for whom an answer was meant for. A stranger may send what they like: looking costs little, and what
// is written down of it at a tenant's connection is one line a minute.
const (
	maxSlugs  = 20_000
	maxGuess  = 3
	maxPeeked = 64 << 10
)

// astray is what is known of an answer that came to a wrong address. Nothing of it is believed: it only says who is told.
type astray struct {
	handle  login.Handle // of ours, zero where there is none
	issuer  string       // the identity provider's name in an unsigned look at the message
	got     string       // the address it came to
	swapped bool         // that is an Entity ID of ours
	present bool
}

// Astray takes an answer of an identity provider that came to an address where none belongs: an unknown connection's, a
// mistyped path. false where the request is no answer at all, and nothing has been written then.
func (f *Front) Astray(c *web.Ctx) bool {
	reply, err := readReply(c)
	if err != nil {
		return false
	}
	a := f.look(c, reply)
	if !a.present {
		return false
	}
	f.lead(c, a, reply, "")
	return true
}

// look reads of an answer what may say whom it was meant for.
func (f *Front) look(c *web.Ctx, reply providers.Reply) astray {
	a := astray{got: f.Web.BaseURL + c.Request.URL.Path}
	values := reply.Query
	if len(reply.Form) > 0 {
		values = reply.Form
	}
	s := values.Get("state")
	if message := values.Get("SAMLResponse"); message != "" {
		a.present = true
		var inResponseTo string
		a.issuer, inResponseTo = peek(message)
		if s = values.Get("RelayState"); len(s) != 43 {
			s = handleOf(inResponseTo)
		}
	}
	var ours bool
	if a.handle, ours = f.Engine.Handles.Ours(s); ours && (values.Get("code") != "" || values.Get("error") != "") {
		a.present = true
	}
	return a
}

var (
	issuerTag    = regexp.MustCompile(`<(?:[A-Za-z_][\w.-]{0,30}:)?Issuer(?:\s[^<>]{0,500})?>\s*([^<>]{1,800})\s*</`)
	inResponseTo = regexp.MustCompile(`\sInResponseTo\s*=\s*["'](_[0-9a-f]{64})["']`)
)

// peek looks into a SAML message without reading it: the first issuer and the request it answers. Of a message that came by
// redirect, which is compressed, at most 64 KiB are unpacked.
func peek(message string) (issuer, request string) {
	b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "", " ", "+").Replace(message))
	if err != nil {
		return "", ""
	}
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) {
		b, _ = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxPeeked)) // what cannot be unpacked says nothing
	}
	b = b[:min(len(b), maxPeeked)]
	if m := issuerTag.FindSubmatch(b); m != nil {
		issuer = strings.TrimSpace(html.UnescapeString(string(m[1])))
	}
	if m := inResponseTo.FindSubmatch(b); m != nil {
		request = string(m[1])
	}
	return issuer, request
}

// handleOf is the handle in the ID of a request of ours.
func handleOf(id string) string {
	b, err := hex.DecodeString(strings.TrimPrefix(id, "_"))
	if err != nil || len(b) == 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// lead tells those whom an answer was meant for where it went, and the visitor as much as a visitor may know. slug is the
// connection to tell where nothing in the answer says another.
func (f *Front) lead(c *web.Ctx, a astray, reply providers.Reply, slug string) {
	ctx := c.Request.Context()
	if a.handle.Test && f.Tested != nil {
		f.Tested(c, nil, a.handle, reply, &fault.Error{Code: fault.LoginMisrouted, Observed: a.got, Confidence: fault.Proved})
		return
	}
	conns, proved := f.meant(ctx, c, a)
	if len(conns) == 0 && slug != "" {
		if conn, err := f.Config.Connection(ctx, slug); err == nil {
			conns = append(conns, conn)
		}
	}
	visitor, _, _ := f.Web.Login(c, a.handle.LoginID)
	switch {
	case visitor == nil && a.handle.LoginID != "":
		visitor = &broker.Login{ID: a.handle.LoginID}
	case visitor == nil:
		visitor = &broker.Login{ID: broker.NewLoginID()}
	case proved && conns[0].Realm == visitor.Realm: // this browser's own login, whose page and trace may say where it belongs
		mine := *visitor
		mine.IdPHint = conns[0].Slug
		f.Web.FaultOf(c, f.misrouted(a, conns[0], true), &mine)
		return
	}
	for _, conn := range conns {
		f.tell(conn, a, visitor.Ref(), proved)
	}
	f.Web.FaultOf(c, &fault.Error{Code: fault.LoginMisrouted, Observed: a.got, Detail: "an answer at an address where none belongs"}, visitor)
}

// tell writes the stray down at a connection, at most once a minute.
func (f *Front) tell(conn *registry.Connection, a astray, ref string, proved bool) {
	if !f.Web.Limits.Allow("stray", conn.Slug, 1, time.Minute) {
		return
	}
	e := f.misrouted(a, conn, proved)
	outcome := "failed"
	if !proved {
		outcome = broker.TraceStray
	}
	f.Engine.Trace(broker.Trace{
		Realm: conn.Realm, Connection: conn.Slug, Ref: ref, Outcome: outcome, Code: string(e.Code),
		TraceDetail: broker.TraceDetail{Detail: e.Error(), Observed: e.Observed, Expected: e.Expected, Steps: []broker.TraceStep{{At: f.Engine.Now(), Step: "answer at a wrong address", Detail: a.got}}},
	})
}

func (f *Front) misrouted(a astray, conn *registry.Connection, proved bool) *fault.Error {
	e := fault.Mismatch(fault.LoginMisrouted, a.got, conn.Callback)
	e.Detail, e.Confidence = "the identity provider sent the sign-in to "+a.got+"; it should be "+conn.Callback, fault.Proved
	if a.swapped {
		e.Detail += "; that is our Entity ID, so the two addresses are swapped in its console"
	}
	if !proved {
		e.Detail, e.Confidence = e.Detail+" (by the name in the unsigned message, so perhaps another's)", fault.Guess
	}
	return e
}

// meant finds the connections that an answer was meant for: the one that its handle was made for, which is proved, or those
// whose identity provider's name it bears, which is a guess.
func (f *Front) meant(ctx context.Context, c *web.Ctx, a astray) (conns []*registry.Connection, proved bool) {
	if f.Directory == nil || !f.Web.Limits.Allow("stray look", f.Web.ClientIP(c.Request), 10, 2*second) || !f.Web.Limits.Allow("stray looks", "", 50, second/5) {
		return nil, false
	}
	if conn := f.madeFor(ctx, a.handle); conn != nil {
		return []*registry.Connection{conn}, true
	}
	if len(a.issuer) < 8 {
		return nil, false
	}
	hits, err := f.Directory.Search(ctx, nil, a.issuer, 20)
	if err != nil {
		return nil, false
	}
	for _, hit := range hits.Connections {
		conn, err := f.Config.Connection(ctx, hit.Slug)
		if err == nil && conn.Realm == hit.Realm && named(conn, a.issuer) && len(conns) < maxGuess {
			conns = append(conns, conn)
		}
	}
	return conns, false
}

func named(conn *registry.Connection, issuer string) bool {
	x, ok := conn.Provider.(providers.Explainer)
	return ok && slices.Contains(x.Names(), issuer)
}

// madeFor finds the connection that a handle was made for.
func (f *Front) madeFor(ctx context.Context, h login.Handle) *registry.Connection {
	if h.LoginID == "" {
		return nil
	}
	const page = 1000
	for after, n := "", 0; n < maxSlugs; n += page {
		slugs, err := f.Directory.Slugs(ctx, after, page)
		if err != nil || len(slugs) == 0 {
			return nil
		}
		if i := slices.IndexFunc(slugs, h.Of); i >= 0 {
			conn, err := f.Config.Connection(ctx, slugs[i])
			if err != nil {
				return nil
			}
			return conn
		}
		after = slugs[len(slugs)-1]
	}
	return nil
}
