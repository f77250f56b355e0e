package saml

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"cloakroom/broker/fault"
)

// sharpen tells why an answer is signed with a key that we do not hold: a roll-over, the directory's metadata instead of
// the application's, another certificate than the signing one. It is told by what is named in the message, so nothing is
// ever trusted for it.
func (p *provider) sharpen(from *fault.Error, known *idp) *fault.Error {
	if from.Code != fault.SAMLSignatureKey {
		return from
	}
	f := *from
	var named *foreign
	if !errors.As(f.Err, &named) {
		return p.doubtKey(&f)
	}
	switch {
	case !named.holds && trust(named.cert).weak != "":
		f.Code, f.Confidence, f.Detail = fault.SAMLSignatureWeak, fault.Likely, describe(named.cert)+": "+trust(named.cert).weak
		return p.doubtKey(&f)
	case !named.holds:
		f.Confidence = fault.Guess
		f.Detail = "the signature does not verify with the certificate that the message names either"
		f.Alternatives = []fault.Alternative{{Code: fault.SAMLSignatureInvalid, Question: "Does a proxy or browser extension rewrite pages? Then the answer was altered after signing."}}
		return &f
	case fault.CodeOf(metadataAddress(p.c.MetadataURL)) == fault.SAMLMetadataTenant:
		f.Code, f.Confidence = fault.SAMLMetadataTenant, fault.Proved
		return &f
	case known.published != nil && contains(known.published.keys, named.cert.Raw):
		f.Code, f.Confidence, f.Detail = fault.SAMLKeyRolledOver, fault.Proved, "the metadata lists the new certificate; one entered by hand stands in front of it: empty the connection's certificates"
		return &f
	}
	if i := slices.IndexFunc(known.keys, func(k trusted) bool { return purpose(k.cert) != "" || known.keptForEncryption(k.cert) }); i >= 0 && purpose(named.cert) == "" {
		f.Code, f.Confidence = fault.SAMLCertNotSigning, fault.Likely
		f.Telling("%s was given for signing", describe(known.keys[i].cert))
		return p.doubtKey(&f)
	}
	if slices.ContainsFunc(known.keys, func(k trusted) bool { return succeeds(named, k) }) {
		f.Code, f.Confidence = fault.SAMLKeyRolledOver, fault.Likely
		f.Telling("a newer certificate of the same name as ours, valid %s to %s", named.cert.NotBefore.Format("2006-01-02"), named.cert.NotAfter.Format("2006-01-02"))
	}
	if f.Code == fault.SAMLSignatureKey && slices.ContainsFunc(known.keys, func(k trusted) bool { return precedes(named, k) }) {
		f.Code, f.Confidence, f.Detail = fault.SAMLKeyInactive, fault.Likely, "an older certificate of the same name as ours, valid "+named.cert.NotBefore.Format("2006-01-02")+" to "+named.cert.NotAfter.Format("2006-01-02")
	}
	return p.doubtKey(&f)
}

// precedes reports whether a certificate looks like an earlier one of the same owner, not one of the same day's.
func precedes(earlier *foreign, k trusted) bool {
	return bytes.Equal(earlier.cert.RawSubject, k.cert.RawSubject) && earlier.cert.NotBefore.Add(24*time.Hour).Before(k.cert.NotBefore)
}

// succeeds reports whether a certificate looks like the next one of the same owner.
func succeeds(next *foreign, k trusted) bool {
	return bytes.Equal(next.cert.RawSubject, k.cert.RawSubject) && next.cert.NotBefore.After(k.cert.NotBefore)
}

// doubtKey adds what else an unknown key may mean. That it worked before is the question that parts most of it.
func (p *provider) doubtKey(f *fault.Error) *fault.Error {
	ask := func(code fault.Code, question string) {
		if code != f.Code {
			f.Alternatives = append(f.Alternatives, fault.Alternative{Code: code, Question: question})
		}
	}
	f.Alternatives = nil
	ask(fault.SAMLKeyRolledOver, "Did sign-ins work until some moment and fail for everybody since? Then the identity provider has a new certificate.")
	ask(fault.SAMLSignatureKey, "Has no sign-in ever worked? Then the certificate was copied from another application.")
	if p.s.Preset == "entra" {
		ask(fault.SAMLMetadataTenant, "Was the metadata taken from an address without ?appid=?")
	}
	if p.s.Preset == "adfs" {
		ask(fault.SAMLCertNotSigning, "Is the certificate here the one under Token-signing, not Service communications or Token-decrypting?")
	}
	return f
}
