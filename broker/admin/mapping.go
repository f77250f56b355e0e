package admin

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
)

// MappingTry is what a preview of a connection's rules is asked. What is left out is taken as the connection has it.
type MappingTry struct {
	Mapping       map[string][]string `json:"mapping"`
	GroupRules    []broker.GroupRule  `json:"group_rules"`
	GroupNames    map[string]string   `json:"group_names"`
	OnlyMapped    *bool               `json:"only_mapped_groups"`
	DefaultGroups []string            `json:"default_groups"`
	UserID        string              `json:"user_id" doc:"Try them on this person's last identity"`
	Identity      *claims.Seen        `json:"identity" doc:"Try them on this identity instead of one seen"`
}

// MappingPreview is what an identity would become.
type MappingPreview struct {
	UserID   string      `json:"user_id"` // whose identity it was, "" for one that was sent
	SeenAt   *time.Time  `json:"seen_at"`
	Identity claims.Seen `json:"identity"`
	claims.Preview
	Problem *Finding `json:"problem"` // why nobody could sign in with it
	Others  []string `json:"others"`  // IDs of further people whose identities can be tried
}

// PreviewMapping shows what a connection's rules, or others that are not saved, make of the last identity that was seen,
// or of one that is sent. Nobody changes.
func (s *Service) PreviewMapping(ctx context.Context, a Actor, realm, slug string, body []byte) (*MappingPreview, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var try MappingTry
	if err := decode(doc, &try); err != nil {
		return nil, err
	}
	tried, err := try.on(c, doc)
	if err != nil {
		return nil, err
	}
	out := &MappingPreview{Others: []string{}}
	if err := s.seen(ctx, c, try, out); err != nil {
		return nil, err
	}
	manual, err := s.manualOf(ctx, realm, out.UserID)
	if err != nil {
		return nil, err
	}
	out.Preview, err = claims.Show(out.Identity, tried, s.People.Recipe(tried), manual)
	if err != nil {
		f := FindingOf(err, "error")
		out.Problem = &f
	}
	return out, nil
}

// on is the connection with the rules to try; null tries none.
func (t *MappingTry) on(c *broker.Connection, doc map[string]any) (*broker.Connection, error) {
	out := *c
	for field, set := range map[string]func(){
		"mapping": func() { out.Mapping = t.Mapping }, "group_rules": func() { out.GroupRules = t.GroupRules },
		"group_names": func() { out.GroupNames = t.GroupNames }, "default_groups": func() { out.DefaultGroups = t.DefaultGroups },
		"only_mapped_groups": func() { out.OnlyMapped = t.OnlyMapped != nil && *t.OnlyMapped },
	} {
		if _, sent := doc[field]; sent {
			set()
		}
	}
	out.Defaults()
	return &out, out.Validate()
}

// seen finds the identity to try the rules on.
func (s *Service) seen(ctx context.Context, c *broker.Connection, t MappingTry, out *MappingPreview) error {
	if t.Identity != nil {
		out.Identity = claims.See(t.Identity.Identity())
		return nil
	}
	list, err := s.People.Identities.Last(ctx, c.Realm, c.Slug, t.UserID)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.New(fault.IdentityUnseen, "connection %q", c.Slug)
	}
	for _, v := range list[1:] {
		out.Others = append(out.Others, v.UserID)
	}
	out.UserID, out.SeenAt = list[0].UserID, &list[0].At
	return json.Unmarshal(list[0].Value, &out.Identity)
}

// manualOf are the groups that a person was given by hand.
func (s *Service) manualOf(ctx context.Context, realm, id string) ([]string, error) {
	if id == "" {
		return nil, nil
	}
	u, err := storedOr(func() (*broker.User, error) { return s.Users.Get(ctx, realm, id) })
	if err != nil || u == nil {
		return nil, err
	}
	return u.ManualGroups, nil
}
