// Package saml is the upstream side of SAML 2.0 web single sign-on: our AuthnRequests, and the gate through which the
// answers come.
//
// # The gate
//
// An answer is tokenised once, by encoding/xml, into a tree that refuses on the way everything a SAML message must not
// have (tree.go). Signatures are then checked over the canonical form of exactly the element they stand in (c14n.go,
// signature.go), and the identity is read from a second tree made of those canonical bytes and nothing else
// (assertion.go). A mistake in tokenising or canonicalising can therefore refuse a good answer, but cannot make us read
// something that was not signed.
//
// The exclusive canonicalisation is our own: goxmldsig's detaches elements only up to 1,000 of them, which a person in
// many groups exceeds, and copies two maps for each. The tests hold it against goxmldsig's, which also signs all
// fixtures.
//
// # Order of checks
//
// Structure, version, destination, InResponseTo, status, signatures, issuer, encryption, and then the assertion's own
// statements. The first that fails is the fault reported, so the cheap ones come first, and those come early that explain
// the later ones.
package saml
