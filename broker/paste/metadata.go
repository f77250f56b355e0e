package paste

import (
	"crypto/x509"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

const (
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	maxDepth    = 64
)

// entity is as much of an EntityDescriptor as the wizard looks at; what a sign-in rests on is read by the protocol.
type entity struct {
	id         string
	idp        bool
	sso        []string
	certs      []*x509.Certificate
	validUntil time.Time
}

// metadata reads a metadata document.
func (r *reader) metadata(doc string) {
	if r.in.Protocol != "saml" {
		r.otherProtocol("saml", "SAML metadata")
		return
	}
	all, err := entitiesOf(doc)
	if err != nil {
		f := fault.Wrap(fault.SAMLMetadataInvalid, err, "%s", clip(err.Error()))
		f.Labels = r.labels(KindMetadata)
		r.find(f)
		return
	}
	var idps []entity
	for _, e := range all {
		if e.id == r.in.Own.EntityID {
			r.say(fault.SAMLMetadataOurs, KindMetadataURL, "%s", clip(e.id))
			return
		}
		if e.idp {
			idps = append(idps, e)
		}
	}
	switch len(idps) {
	case 0:
		r.say(fault.SAMLMetadataRole, KindMetadataURL, "")
	case 1:
		r.entity(idps[0])
	default:
		r.several(idps)
	}
	r.set(KindMetadata, doc)
}

// several takes the identity provider that the connection names, or asks which one is meant.
func (r *reader) several(idps []entity) {
	if i := slices.IndexFunc(idps, func(e entity) bool { return r.in.EntityID != "" && e.id == r.in.EntityID }); i >= 0 {
		r.entity(idps[i])
		return
	}
	const named = 5
	var names []string
	for _, e := range idps[:min(len(idps), named)] {
		names = append(names, clip(e.id))
	}
	list := strings.Join(names, ", ")
	if len(idps) > named {
		list += ", …"
	}
	f := fault.New(fault.SAMLMetadataSeveral, "%d identity providers: %s", len(idps), list)
	f.Observed, f.Labels = list, r.labels(KindEntityID)
	f.Fix = "Enter the Entity ID of the one that is meant, here or among the manual fields, then give the metadata again."
	r.find(f)
}

// entity says what is wrong with one identity provider's metadata.
func (r *reader) entity(e entity) {
	if !e.validUntil.IsZero() && r.in.Now.After(e.validUntil) {
		r.find(fault.New(fault.SAMLMetadataExpired, "valid until %s", e.validUntil.UTC().Format(time.DateOnly)))
	}
	if len(e.sso) == 0 {
		r.say(fault.SAMLMetadataSSO, KindMetadataURL, "%s", clip(e.id))
		return
	}
	if len(e.certs) == 0 {
		r.say(fault.SAMLMetadataKeys, KindMetadataURL, "%s", clip(e.id))
		return
	}
	for _, f := range r.lint(e.certs) {
		r.find(f)
	}
	if u, err := url.Parse(e.sso[0]); r.vet(e.sso[0]) && err == nil && u.Scheme == "http" {
		r.warn(u)
	}
}

// entitiesOf reads a document in one pass. It is bounded by the text's own size; nothing in it is resolved or fetched.
func entitiesOf(doc string) (out []entity, err error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	var path []xml.StartElement
	var text strings.Builder
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.Directive:
			return nil, errors.New("it has a DOCTYPE")
		case xml.StartElement:
			if len(path) == maxDepth {
				return nil, errors.New("it is nested too deep")
			}
			path = append(path, t.Copy())
			text.Reset()
			out = begun(out, path)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if t.Name == (xml.Name{Space: nsSignature, Local: "X509Certificate"}) && signing(path) && len(out) > 0 {
				out[len(out)-1].take(text.String())
			}
			path = path[:len(path)-1]
		}
	}
	if len(out) == 0 {
		return nil, errors.New("there is no EntityDescriptor in it")
	}
	return out, nil
}

// begun notes what an element says as it begins.
func begun(out []entity, path []xml.StartElement) []entity {
	at := path[len(path)-1]
	if at.Name.Space != nsMetadata {
		return out
	}
	if at.Name.Local == "EntityDescriptor" {
		e := entity{id: strings.TrimSpace(attr(at, "entityID"))}
		for _, p := range path {
			e.until(attr(p, "validUntil"))
		}
		return append(out, e)
	}
	if len(out) == 0 {
		return out
	}
	e := &out[len(out)-1]
	switch {
	case at.Name.Local == "IDPSSODescriptor":
		e.idp = true
		e.until(attr(at, "validUntil"))
	case at.Name.Local == "SingleSignOnService" && inside(path, "IDPSSODescriptor"):
		if location := strings.TrimSpace(attr(at, "Location")); location != "" {
			e.sso = append(e.sso, location)
		}
	}
	return out
}

func (e *entity) until(s string) {
	if t, err := time.Parse(time.RFC3339, strings.TrimSpace(s)); err == nil && (e.validUntil.IsZero() || t.Before(e.validUntil)) {
		e.validUntil = t
	}
}

func (e *entity) take(text string) {
	der, err := unbase64(squeeze(text))
	if err != nil {
		return
	}
	if cert, err := x509.ParseCertificate(der); err == nil {
		e.certs = append(e.certs, cert)
	}
}

// signing reports whether the path leads into a signing key of an identity provider.
func signing(path []xml.StartElement) bool {
	if !inside(path, "IDPSSODescriptor") {
		return false
	}
	for _, p := range path {
		if p.Name.Space == nsMetadata && p.Name.Local == "KeyDescriptor" {
			return attr(p, "use") != "encryption"
		}
	}
	return false
}

func inside(path []xml.StartElement, name string) bool {
	for _, p := range path {
		if p.Name.Space == nsMetadata && p.Name.Local == name {
			return true
		}
	}
	return false
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
