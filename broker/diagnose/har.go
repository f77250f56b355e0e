package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// MaxHAR bounds a network log.
const MaxHAR = 20 << 20

const (
	maxEntries = 20_000
	maxFound   = 200
)

// har is what we read of a network log (HTTP Archive 1.2).
type har struct {
	Log struct {
		Entries []struct {
			Request struct {
				URL      string `json:"url"`
				PostData struct {
					Text   string `json:"text"`
					Params []struct{ Name, Value string }
				} `json:"postData"`
			} `json:"request"`
			Response struct {
				Content struct{ Text, Encoding string } `json:"content"`
			} `json:"response"`
		} `json:"entries"`
	} `json:"log"`
}

// Found are the answers of identity providers in a network log.
type Found struct{ answers []found }

type found struct {
	slug         string // of the connection whose endpoint it went to, "" if none of ours
	saml, token  string
	refused, why string
}

// ReadHAR finds the answers of identity providers in a network log.
func ReadHAR(b []byte) (Found, error) {
	if len(b) > MaxHAR {
		return Found{}, fault.New(fault.TooLarge, "a HAR file of %d bytes; %d are read", len(b), MaxHAR)
	}
	var h har
	if err := json.Unmarshal(b, &h); err != nil {
		return Found{}, fault.Wrap(fault.ExplainUnreadable, err, "the HAR file is not readable")
	}
	var out Found
	entries := h.Log.Entries
	for _, e := range entries[:min(len(entries), maxEntries)] {
		form := url.Values{}
		for _, p := range e.Request.PostData.Params {
			form.Add(p.Name, unescaped(p.Value))
		}
		if len(form) == 0 {
			form, _ = url.ParseQuery(e.Request.PostData.Text)
		}
		u, err := url.Parse(e.Request.URL)
		if err != nil {
			continue
		}
		out.answer(u, form)
		out.tokens(u, e.Response.Content.Text, e.Response.Content.Encoding)
	}
	if len(out.answers) == 0 {
		return out, fault.New(fault.ExplainUnreadable, "%d requests, and no answer of an identity provider among them; some browsers leave the contents out of a HAR file unless asked", len(entries))
	}
	return out, nil
}

// unescaped: some browsers write parameters as they travelled.
func unescaped(v string) string {
	if !strings.Contains(v, "%") {
		return v
	}
	if plain, err := url.QueryUnescape(v); err == nil {
		return plain
	}
	return v
}

var endpoint = regexp.MustCompile(`/broker/([^/]{1,255})/(?:endpoint|metadata)\b`)

// answer notes what a request carried to an endpoint.
func (f *Found) answer(u *url.URL, form url.Values) {
	v := found{}
	if m := endpoint.FindStringSubmatch(u.Path); m != nil {
		v.slug = m[1]
	}
	query := u.Query()
	for _, values := range []url.Values{form, query} {
		if v.saml == "" {
			v.saml = values.Get("SAMLResponse")
		}
		if v.token == "" {
			v.token = values.Get("id_token")
		}
		if e := values.Get("error"); e != "" && v.slug != "" {
			v.refused, v.why = e, values.Get("error_description")
		}
	}
	f.add(v)
}

// tokens notes an ID token in a token endpoint's answer.
func (f *Found) tokens(u *url.URL, text, encoding string) {
	if len(text) > 1<<20 || !strings.Contains(u.Path, "token") {
		return
	}
	if encoding == "base64" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return
		}
		text = string(b)
	}
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if json.Unmarshal([]byte(text), &answer) == nil {
		f.add(found{token: answer.IDToken})
	}
}

func (f *Found) add(v found) {
	if v.saml == "" && v.token == "" && v.refused == "" || len(f.answers) >= maxFound {
		return
	}
	f.answers = append(f.answers, v)
}

// Slug is the connection that the last answer went to, "" where none went to one of ours.
func (f Found) Slug() string {
	for i := len(f.answers) - 1; i >= 0; i-- {
		if f.answers[i].slug != "" {
			return f.answers[i].slug
		}
	}
	return ""
}

// Last is the last message that can be examined, whomever it was meant for.
func (f Found) Last() providers.Sample {
	for i := len(f.answers) - 1; i >= 0; i-- {
		if a := f.answers[i]; a.saml != "" {
			return providers.Sample{SAMLResponse: a.saml}
		} else if a.token != "" {
			return providers.Sample{IDToken: a.token}
		}
	}
	return providers.Sample{}
}

// For is the last answer that went to a connection or, where none did, that fits its protocol. The error is the
// provider's refusal, where that is what came.
func (f Found) For(slug, protocol string) (providers.Sample, error) {
	for _, strict := range []bool{true, false} {
		for i := len(f.answers) - 1; i >= 0; i-- {
			a := f.answers[i]
			if strict != (a.slug == slug) {
				continue
			}
			switch {
			case protocol == "saml" && a.saml != "":
				return providers.Sample{SAMLResponse: a.saml}, nil
			case protocol != "saml" && a.refused != "":
				return providers.Sample{}, fault.Mismatch(fault.OIDCAccessDenied, a.refused+": "+a.why, "a code")
			case protocol != "saml" && a.token != "":
				return providers.Sample{IDToken: a.token}, nil
			}
		}
	}
	return providers.Sample{}, fault.New(fault.ExplainKind, "no %s answer is in the file", protocol)
}
