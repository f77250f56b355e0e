package fault

// The codes of downstream applications' requests to the OpenID provider.
const ()

var opFaults = map[Code]Entry{}
