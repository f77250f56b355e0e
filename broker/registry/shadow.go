package registry

import (
	"context"
	"errors"

	"cloakroom/broker"
	"cloakroom/broker/claims"
)

// onTrial opens a connection's second configuration. It remembers nothing, so that nothing of it is taken for the
// connection's own: what it fetches is kept in memory.
func (r *Registry) onTrial(ctx context.Context, c *broker.Connection) *Connection {
	if r.Shadows == nil {
		return nil
	}
	v, err := r.Shadows(ctx, c.Slug)
	if err != nil || v.Realm != c.Realm {
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			r.Log.WarnContext(ctx, "a configuration on trial is not readable", "connection", c.Slug, "error", err)
		}
		return nil
	}
	other := c.With(v.Config)
	out := &Connection{Connection: other, Recipe: recipe(other), Rules: claims.NewRules(other), Callback: r.callback(c), People: v.People, trial: true}
	out.Provider, out.Err = r.Provider(other, nil)
	return out
}

func (r *Registry) callback(c *broker.Connection) string {
	return r.BaseURL + "/broker/" + c.Slug + "/endpoint"
}
