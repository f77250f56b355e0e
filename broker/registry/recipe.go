package registry

import (
	"cloakroom/broker"
	"cloakroom/broker/claims"
)

// Recipe is how a connection's identities are read: its preset's way, for whoever looks at a connection without opening
// it.
func Recipe(c *broker.Connection) claims.Recipe { return recipe(c) }
