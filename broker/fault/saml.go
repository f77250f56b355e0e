package fault

// The codes of SAML answers (SAML 2.0 core, bindings and profiles; contract, section 6).
const ()

var samlFaults = map[Code]Entry{}
