package fault

// The codes of OpenID Connect and OAuth 2.0 upstreams.
const ()

var oidcFaults = map[Code]Entry{}
