package saml

import (
	"bytes"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// canonicalSamples exercise what exclusive canonicalisation has rules for.
var canonicalSamples = []string{
	`<a/>`,
	`<a xmlns="urn:a"><b xmlns=""><c xmlns="urn:a"/></b></a>`,
	`<p:a xmlns:p="urn:p" xmlns:q="urn:q"><q:b p:y="1" q:z="2" x="3" a="4"/></p:a>`,
	`<p:a xmlns:p="urn:p"><p:b xmlns:p="urn:other"><p:c xmlns:p="urn:p"/></p:b></p:a>`,
	`<a xmlns:xs="urn:xs" xmlns:un="urn:unused"><b t="xs:string">x</b></a>`,
	`<a b="&lt;&quot;&#9;&#10;&#13;&amp;>">&lt;&gt;&amp;&#13;"'<![CDATA[<&>]]></a>`,
	"<?xml version=\"1.0\"?>\n<a>\r\n x <!-- c -->y\r</a>\n",
	`<a xml:lang="en" xml:space="preserve"><b xml:lang="de"/></a>`,
	`<é:ü xmlns:é="urn:é" ö="ß">日本</é:ü>`,
}

// TestCanonical holds our exclusive canonical form against goxmldsig's.
func TestCanonical(t *testing.T) {
	for _, doc := range canonicalSamples {
		for _, inclusive := range []string{"", "xs un"} {
			compare(t, []byte(doc), inclusive)
		}
	}
}

func compare(t *testing.T, doc []byte, inclusive string) {
	t.Helper()
	root, err := parse(doc, messageLimits)
	if err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	ours := canonical(root, nil, strings.Fields(inclusive))
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	theirs, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(inclusive).Canonicalize(d.Root())
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("%s:\nours   %s\ntheirs %s (%v)", doc, ours, theirs, err)
	}
	again, err := parse(ours, messageLimits)
	if err != nil {
		t.Fatalf("the canonical form cannot be read: %v in %s", err, ours)
	}
	if second := canonical(again, nil, strings.Fields(inclusive)); !bytes.Equal(ours, second) {
		t.Errorf("not stable:\n%s\n%s", ours, second)
	}
}

// TestCanonicalAttributeOrder: by namespace, then by name (Canonical XML 1.0, section 2.2), where goxmldsig goes by name.
func TestCanonicalAttributeOrder(t *testing.T) {
	root, err := parse([]byte(`<a xmlns:p="urn:z" xmlns:q="urn:a"><b p:a="1" q:b="2" c="3"/></a>`), messageLimits)
	if err != nil {
		t.Fatal(err)
	}
	want := `<a><b xmlns:p="urn:z" xmlns:q="urn:a" c="3" q:b="2" p:a="1"></b></a>`
	if got := string(canonical(root, nil, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCanonicalOfAPart: an inner element brings its ancestors' declarations along, and a skipped one leaves nothing.
func TestCanonicalOfAPart(t *testing.T) {
	root, err := parse([]byte(`<p:a xmlns:p="urn:p" xmlns="urn:d" xmlns:i="urn:i"><p:b x="i:y"><sig/>z</p:b></p:a>`), messageLimits)
	if err != nil {
		t.Fatal(err)
	}
	b := root.child("urn:p", "b")
	for want, inclusive := range map[string][]string{
		`<p:b xmlns:p="urn:p" x="i:y">z</p:b>`:                                    nil,
		`<p:b xmlns="urn:d" xmlns:i="urn:i" xmlns:p="urn:p" x="i:y">z</p:b>`:      {"i", ""},
		`<p:b xmlns:p="urn:p" x="i:y"><sig xmlns="urn:d"></sig>z</p:b>` + "\x00x": nil,
	} {
		skip := b.child("urn:d", "sig")
		if strings.HasSuffix(want, "\x00x") {
			want, skip = want[:len(want)-2], nil
		}
		if got := string(canonical(b, skip, inclusive)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// FuzzParse: whatever the gate lets through has a canonical form that reads as itself.
func FuzzParse(f *testing.F) {
	for _, s := range canonicalSamples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := parse(doc, messageLimits)
		if err != nil {
			return
		}
		first := canonical(root, nil, []string{"xs", ""})
		again, err := parse(first, limits{bytes: 16 << 20, depth: 64, elements: 10_000, attrs: 40_000, runs: 30_000})
		if err != nil {
			t.Fatalf("%v\nin   %q\nfrom %q", err, first, doc)
		}
		if second := canonical(again, nil, []string{"xs", ""}); !bytes.Equal(first, second) {
			t.Fatalf("first  %q\nsecond %q", first, second)
		}
	})
}
