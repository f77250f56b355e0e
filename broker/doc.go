// Package broker holds the nouns of Cloakroom and their validation, without I/O. The packages below it are its engines
// (a noun each) and its fronts (HTTP).
//
// # Layout
//
// cmd/cloakroom wires; config reads settings; broker is what this package's nouns do; providers are the upstream
// protocols; store keeps; templates shows. Who may import whom is a test: cmd/cloakroom/imports_test.go.
//
// All that changes configuration goes through the verbs of broker/admin, which enforce the roles and write the audit line in
// the same transaction. api, console and setup are three fronts over them: what a customer's administrator may do by a setup
// link is a verb too. fault is the catalogue that every refusal names an entry of; diagnose makes reports out of it.
//
// Whether a failure is the vendor's rather than a customer's is asked of broker/outage, the one place where sign-ins of all
// realms are looked at together; it answers with a vendor's name or nothing.
//
// # One login
//
// The app's request becomes a Login, sealed in a cookie of the browser that began it and stored nowhere else: a login
// that never comes back costs the database nothing. What goes upstream is a handle (state, RelayState): login ID, time,
// connection and a MAC of ours. Nonce, PKCE verifier and AuthnRequest ID are derived from the handle with a key of ours,
// so any replica can check an answer with nothing stored and without the cookie, which a cross-site POST does not carry.
// A verified answer to such a POST is parked for two minutes and the browser is sent on to a GET on our own page, which
// carries the cookie; only a request with the cookie can make a session. The login's ID is unique in the grants, so a
// login finishes once.
//
// One Grant row lives from authorization code to last refresh token. Access tokens are sealed, not stored; they are good
// as long as their grant is.
//
// # What upstreams publish
//
// A login trusts the accepted version of an upstream's documents (metadata; discovery and keys) and nothing else.
// broker/upstream keeps the versions; a provider's Review says what may go in by itself. Whatever fetches – the daily round,
// a login that met an unknown key, an operator – hands what it found to the one Keeper, so there is one road to trust.
//
// A connection may have a second configuration on trial for some people. Which of the two a login was begun with is in
// the purpose of its handle's MAC.
//
// # Directories
//
// providers/ldap lets go-ldap speak the protocol behind a gate of its own (wire.go), through which only messages of the form
// of RFC 4511 and of bounded size come: the library recurses as deep as a message nests. It dials by Settings.Dial, the
// guarded way out for what is not HTTP. A person's password is tried once and a refused service account is left alone: by
// sign-ins for ten minutes, by nightly checks until the connection is changed (providers.Sparing), so that nothing of ours
// locks an account.
//
// # What directories push
//
// broker/scim reads SCIM 2.0 in its dialects and answers in the standard's; broker/directory carries it out. A directory is
// of one connection, and its users become people by the rules of a first sign-in, which are login's and stand there once:
// login.Provision. Whom a directory deactivates is refused by login and stands no longer in a session, so that a sign-in
// under way at that moment comes to nothing. Memberships change in one transaction, which marks whose they are; the accounts
// follow one by one.
//
// # SAML
//
// providers/saml reads a message once into one tree with a strict gate of its own, verifies signatures over its own
// exclusive canonicalisation and reads the identity from the verified canonical bytes. The libraries were meant to do the
// building and the canonicalising: goxmldsig 1.6 stops at a thousand elements, orders prefixed attributes wrongly and
// copies a map per element, and crewjam/saml tokenises a message five times. They are kept as the other side: goxmldsig
// signs what the tests and the demo send, crewjam/saml reads what we write, so that each checks the other. A mistake in
// our canonicalisation can refuse a good answer; it cannot admit a false one, because what was hashed is what is read.
package broker
