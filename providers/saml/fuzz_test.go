package saml_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

// FuzzFinish: no answer makes the gate panic, and none says anything that was not signed. The fuzzer edits good answers,
// since each of its processes has keys of its own: at one place some bytes are taken out and others put in.
func FuzzFinish(f *testing.F) {
	w := newWorld(f, settings{"allow_cbc": true, "allow_rsa15": true})
	r := w.answer()
	own := keys().own.cert
	good := [][]byte{w.idp.XML(r)}
	r.SignResponse = w.idp.Signature()
	good = append(good, w.idp.XML(r))
	r.Encrypt = &samlidp.Encryption{To: own}
	good = append(good, w.idp.XML(r))
	r.Encrypt = &samlidp.Encryption{To: own, Data: nsE + "aes256-cbc", Transport: nsE + "rsa-1_5", Beside: true}
	good = append(good, w.idp.XML(r))
	for kind := range good {
		f.Add(uint8(kind), uint16(0), uint16(0), []byte{})
		f.Add(uint8(kind), uint16(100), uint16(50), []byte("<a/>"))
		f.Add(uint8(kind), uint16(2500), uint16(9), []byte("<!-- -->"))
		f.Add(uint8(kind), uint16(0), uint16(65535), []byte(`<samlp:Response xmlns:samlp="`+nsP+`"><a/></samlp:Response>`))
	}
	f.Fuzz(func(t *testing.T, kind uint8, at, del uint16, ins []byte) {
		doc := good[int(kind)%len(good)]
		from := min(int(at), len(doc))
		doc = slices.Concat(doc[:from], ins, doc[min(from+int(del), len(doc)):])
		reply := posted(base64.StdEncoding.EncodeToString(doc), "")
		id, err := w.provider.Finish(context.Background(), w.request, reply)
		if err == nil && (id.Subject != jane.Email || id.Attributes["email"][0] != jane.Email || len(id.Attributes) != 5) {
			t.Fatalf("%+v got in with %s", id, doc)
		}
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Fatalf("an internal error from outside: %v", err)
		}
		w.provider.(providers.HandleFinder).Handle(reply)
	})
}

// FuzzLogout: neither binding panics.
func FuzzLogout(f *testing.F) {
	w := newWorld(f, nil)
	f.Add(must(url.Parse(w.idp.Redirect(logout, "SAMLRequest", w.idp.LogoutRequest(logout, "x", "y"), "z"))).RawQuery)
	f.Add(must(url.Parse(w.idp.Redirect(logout, "SAMLResponse", w.idp.LogoutResponse(logout, "x"), "z"))).RawQuery)
	f.Fuzz(func(t *testing.T, query string) {
		u := &url.URL{RawQuery: query}
		q, _ := url.ParseQuery(query)
		for _, reply := range []providers.Reply{{Method: "GET", URL: u, Query: q}, {Method: "POST", URL: u, Form: q}} {
			w.logout().IsLogout(reply)
			if _, err := w.logout().ReceiveLogout(context.Background(), w.request, reply); fault.CodeOf(err) == fault.Internal {
				t.Fatal(err)
			}
		}
	})
}

// FuzzMetadata: a stranger's document neither panics nor opens.
func FuzzMetadata(f *testing.F) {
	w := newWorld(f, nil)
	f.Add(string(w.idp.Metadata()))
	f.Add(entities(string(w.idp.Metadata())))
	f.Fuzz(func(t *testing.T, doc string) {
		p, err := saml.New().Open(w.settings(map[string]any{"metadata_xml": doc}))
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
		if err == nil {
			_, _ = p.Start(context.Background(), w.request)
		}
	})
}

func BenchmarkFinish(b *testing.B) {
	for name, shape := range map[string]func(*world, *samlidp.Response){
		"assertion-signed": func(*world, *samlidp.Response) {},
		"both-signed":      func(w *world, r *samlidp.Response) { r.SignResponse = w.idp.Signature() },
		"encrypted":        func(_ *world, r *samlidp.Response) { r.Encrypt = &samlidp.Encryption{To: keys().own.cert} },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, nil)
			r := w.answer()
			shape(w, &r)
			reply := posted(w.idp.Respond(r), w.request.Handle)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.provider.Finish(b.Context(), w.request, reply); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("rsa-2048-verify-alone", func(b *testing.B) {
		key := signer(keys().idp)
		digest := sha256.Sum256([]byte("x"))
		sig := must(key.Sign(nil, digest[:], crypto.SHA256))
		public := key.Public().(*rsa.PublicKey)
		for b.Loop() {
			if rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig) != nil {
				b.Fatal("verify")
			}
		}
	})
}

func BenchmarkStart(b *testing.B) {
	for name, s := range map[string]settings{"unsigned": nil, "signed": {"sign_requests": "always"}} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, s)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.provider.Start(b.Context(), w.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
