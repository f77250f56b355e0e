package samlidp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

func parseCertificates(sp ServiceProvider) []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range sp.Certificates {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// signedQuery checks the redirect binding's signature over the raw query. errUnsigned where there is none.
func (p *IdP) signedQuery(r *http.Request, param string) func(ServiceProvider) error {
	return func(sp ServiceProvider) error {
		raw := map[string]string{}
		for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
			name, value, _ := strings.Cut(part, "=")
			raw[name] = value
		}
		if raw["Signature"] == "" {
			return errUnsigned
		}
		signed := param + "=" + raw[param]
		if relay, ok := raw["RelayState"]; ok {
			signed += "&RelayState=" + relay
		}
		signed += "&SigAlg=" + raw["SigAlg"]
		return verifyQuery(sp, signed, raw["SigAlg"], raw["Signature"])
	}
}

func verifyQuery(sp ServiceProvider, signed, alg, signature string) error {
	if a, _ := url.QueryUnescape(alg); a != RSASHA256 {
		return errors.New("the request is signed with another algorithm than RSA-SHA256")
	}
	encoded, _ := url.QueryUnescape(signature)
	value, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return errors.New("the request's signature is not base64")
	}
	for _, c := range parseCertificates(sp) {
		if c.CheckSignature(x509.SHA256WithRSA, []byte(signed), value) == nil {
			return nil
		}
	}
	return errors.New("no certificate of the application verifies the request's signature")
}

// sealed is a request on its way through the page that asks who signs in.
type sealed struct{ SP, ACS, ID, Format string }

func (p *IdP) mac(b []byte) []byte {
	m := hmac.New(sha256.New, p.secret[:])
	m.Write(b)
	return m.Sum(nil)
}

func (p *IdP) seal(q request) string {
	b, _ := json.Marshal(sealed{q.sp.EntityID, q.acs, q.id, q.format}) // strings only
	return base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(p.mac(b))
}

func (p *IdP) unseal(s string) (request, error) {
	body, mac, _ := strings.Cut(s, ".")
	b, err := base64.RawURLEncoding.DecodeString(body)
	m, err2 := base64.RawURLEncoding.DecodeString(mac)
	var q sealed
	if err != nil || err2 != nil || !hmac.Equal(m, p.mac(b)) || json.Unmarshal(b, &q) != nil {
		return request{}, errors.New("the sign-in page is not ours or too old")
	}
	if p.Like.checksLate() {
		return request{sp: ServiceProvider{EntityID: q.SP, ACS: []string{q.ACS}}, acs: q.ACS, id: q.ID, format: q.Format}, nil
	}
	sp, err := p.registered(q.SP)
	return request{sp: sp, acs: q.ACS, id: q.ID, format: q.Format}, err
}
