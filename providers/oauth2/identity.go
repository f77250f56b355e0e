package oauth2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// identity reads the provider's user document.
func (p *provider) identity(ctx context.Context, token string) (idn providers.Identity, err error) {
	b, err := p.fetch(ctx, p.config.UserInfoURL, token)
	if err != nil {
		return idn, err
	}
	d, err := document(b)
	if err != nil {
		return idn, err
	}
	subject, err := p.subject(d)
	if err != nil {
		return idn, err
	}
	var verified *bool
	if p.github {
		if verified, err = p.gitHubEmail(ctx, token, d); err != nil {
			return idn, err
		}
	} else if v, said := d["email_verified"]; said && d.String("email") != "" {
		yes := v == true
		verified = &yes
	}
	return providers.Identity{Issuer: p.issuer, Subject: subject, Attributes: d.Attributes(), EmailVerified: verified}, nil
}

func document(b []byte) (providers.Document, error) {
	d, err := providers.ParseDocument(b)
	var twice *providers.DuplicateError
	if errors.As(err, &twice) {
		return nil, fault.New(fault.OIDCDuplicate, "%q", excerpt(twice.Name))
	}
	if err != nil {
		return nil, fault.Wrap(fault.OIDCUserInfo, err, "the user document cannot be read")
	}
	return d, nil
}

// subject is the document's id or, outside GitHub, its sub: a whole number or 1 to 255 ASCII characters.
func (p *provider) subject(d providers.Document) (string, error) {
	v, said := d["id"]
	if !said && !p.github {
		v = d["sub"]
	}
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	if isNumber {
		text = number.String()
	}
	whole := strings.Trim(text, "0123456789") == ""
	bad := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if text == "" || len(text) > 255 || bad || !isText && !isNumber || (isNumber || p.github) && !whole {
		return "", fault.New(fault.OIDCSubject, "the user document holds no usable id or sub")
	}
	return text, nil
}

// gitHubEmail puts GitHub's primary verified address in the place of the public profile's, which proves nothing.
func (p *provider) gitHubEmail(ctx context.Context, token string, d providers.Document) (*bool, error) {
	delete(d, "email")
	delete(d, "email_verified")
	b, err := p.fetch(ctx, strings.TrimSuffix(p.config.UserInfoURL, "/")+"/emails", token)
	if fault.CodeOf(err) == fault.OIDCUserInfo {
		return nil, fault.Wrap(fault.OAuth2NoEmail, err, "the scope user:email is missing")
	}
	if err != nil {
		return nil, err
	}
	wrapped, err := document(bytes.Join([][]byte{[]byte(`{"emails":`), b, []byte(`}`)}, nil))
	if err != nil {
		return nil, err
	}
	list, _ := wrapped["emails"].([]any)
	for _, e := range list {
		entry, _ := e.(map[string]any)
		address, _ := entry["email"].(string)
		if entry["primary"] == true && entry["verified"] == true && address != "" {
			d["email"], d["email_verified"] = address, true
			yes := true
			return &yes, nil
		}
	}
	return nil, fault.New(fault.OAuth2NoEmail, "none of %d addresses is primary and verified", len(list))
}
