package signin

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

// Protocol names the downstream of sign-ins that no application asked for: direct links, /login, and those begun at the
// identity provider. The person gets a session and is sent to the application, whose own sign-in then asks nothing.
const Protocol = "direct"

// Direct is that downstream.
type Direct struct {
	BaseURL string
	Spend   interface {
		// Spend takes a login's ID; false if it was taken before.
		Spend(ctx context.Context, loginID string) (bool, error)
	}
}

type directTarget struct {
	ReturnTo string `json:"to,omitempty"`
}

// directRequest checks that return_to is an address that the client has registered, or lies on its own front page's or
// redirect URIs' origin.
func directRequest(client *broker.Client, returnTo string) (json.RawMessage, error) {
	if returnTo == "" {
		return nil, nil
	}
	if !slices.Contains(client.RedirectURIs, returnTo) && !slices.Contains(client.PostLogoutRedirectURIs, returnTo) && returnTo != client.ClientURI && returnTo != client.InitiateLoginURI {
		return nil, fault.New(fault.OPRedirectMismatch, "return_to is no registered address of client %q", client.ClientID)
	}
	return json.Marshal(directTarget{ReturnTo: returnTo})
}

// Respond sends the person to the application: where the link said, where the application begins sign-ins (OpenID
// Connect Core, section 4), or its front page.
func (d *Direct) Respond(ctx context.Context, r login.Result) (login.Redirect, error) {
	ok, err := d.Spend.Spend(ctx, r.Login.ID)
	if err != nil {
		return login.Redirect{}, err
	}
	if !ok {
		return login.Redirect{}, fault.New(fault.LoginTaken, "direct link")
	}
	var t directTarget
	if len(r.Login.Request) > 0 {
		if err := json.Unmarshal(r.Login.Request, &t); err != nil {
			return login.Redirect{}, fault.Wrap(fault.Internal, err, "direct request")
		}
	}
	switch {
	case t.ReturnTo != "":
		return login.Redirect{URL: t.ReturnTo}, nil
	case r.Client.InitiateLoginURI != "":
		u, err := url.Parse(r.Client.InitiateLoginURI)
		if err != nil {
			return login.Redirect{}, fault.Wrap(fault.LoginNoClient, err, "initiate_login_uri of client %q", r.Client.ClientID)
		}
		q := u.Query()
		q.Set("iss", d.BaseURL+"/realms/"+r.Realm.Name)
		q.Set("login_hint", r.User.Email)
		u.RawQuery = q.Encode()
		return login.Redirect{URL: u.String()}, nil
	case r.Client.Home() != "":
		return login.Redirect{URL: r.Client.Home()}, nil
	}
	return login.Redirect{}, fault.New(fault.LoginNoClient, "client %q has no address to go to", r.Client.ClientID)
}

// Deny has nobody to tell.
func (d *Direct) Deny(context.Context, *broker.Login, error) (login.Redirect, bool) {
	return login.Redirect{}, false
}
