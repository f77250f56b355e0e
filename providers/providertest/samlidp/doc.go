// Package samlidp is a SAML 2.0 identity provider inside the process: for tests, one that can lie in every way a message
// can (Respond) and one that behaves as a vendor's product does (Vendor); for the demo, an honest one with pages (Handler).
// It shares no code with providers/saml: messages are built with etree and signed over goxmldsig's canonical form, so each
// checks the other.
package samlidp
