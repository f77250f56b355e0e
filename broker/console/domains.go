package console

import (
	"encoding/json"
	"net/http"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

func (f *Front) domainRoutes() []route {
	at := atRealm + "/domains"
	return []route{
		get(at, f.page(f.domains)), post(at, f.action(f.addDomain)), get(at+"/:domain", f.page(f.domain)),
		post(at+"/:domain/verify", f.action(f.verifyDomain)), post(at+"/:domain/vouch", f.action(f.vouchDomain)),
		post(at+"/:domain/offer", f.action(f.offerDomain)), post(at+"/:domain/withdraw", f.action(f.withdrawOffer)), post(at+"/:domain/accept", f.action(f.acceptDomain)),
		get(at+"/:domain/delete", f.page(f.askDeleteDomain)), post(at+"/:domain/delete", f.action(f.deleteDomain)),
	}
}

func domainPill(d *broker.Domain) templates.Pill {
	switch {
	case !d.SuspendedAt.IsZero():
		return templates.Pill{Kind: "bad", Word: "Suspended"}
	case d.Verified && !d.LostAt.IsZero():
		return templates.Pill{Kind: "warn", Word: "Record missing"}
	case d.Verified:
		return templates.Pill{Kind: "good", Word: "Verified"}
	}
	return templates.Pill{Kind: "warn", Word: "Not verified"}
}

func (f *Front) domains(c *web.Ctx, a admin.Actor) error {
	realm := c.Param("realm")
	found, err := f.Admin.ListDomains(c.Request.Context(), a, realm, paging(c))
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "domains"), Heading: "Domains", Purpose: "Whose email is it: addresses count only in domains that this customer has proved to be theirs."}
	table := templates.Table{Label: "Domains", Columns: []string{"Domain", "Status", "Proved by", "Looked for"}, Pager: pager(c, found.Next)}
	for _, d := range found.Items {
		table.Rows = append(table.Rows, templates.Row{URL: realmPath(realm, "domains", d.Domain), Cells: []templates.Cell{text(admin.ShowDomain(d).Unicode), {Pill: domainPill(d)}, text(d.VerifiedBy), {When: p.When(d.CheckedAt)}}})
	}
	p.Sections = []templates.Section{
		{Table: table, Empty: templates.Empty{Text: "No domain yet. Add the part after the @ of the customer's addresses."}},
		{Heading: "Add a domain", Form: &templates.Form{Action: realmPath(realm, "domains"), Token: p.Token, Submit: "Add this domain", Inputs: []templates.Input{{Kind: "text", Name: "domain", Label: "Domain", Placeholder: "acme.example", Required: true}}}},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func (f *Front) addDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	body, err := json.Marshal(map[string]string{"domain": strings.TrimSpace(c.PostForm("domain"))})
	if err != nil {
		return "", "", err
	}
	d, err := f.Admin.CreateDomain(c.Request.Context(), a, realm, body)
	if err != nil {
		return "", "", err
	}
	return realmPath(realm, "domains", d.Domain), "The domain was added. It counts once its record is found.", nil
}

func (f *Front) domain(c *web.Ctx, a admin.Actor) error {
	ctx, realm := c.Request.Context(), c.Param("realm")
	d, err := f.Admin.GetDomain(ctx, a, realm, c.Param("domain"))
	if err != nil {
		return err
	}
	warnings, err := f.Admin.DomainWarnings(ctx, d)
	if err != nil {
		return err
	}
	shown, here := admin.ShowDomain(d), realmPath(realm, "domains", d.Domain)
	p := templates.ConsolePage{Console: f.realmFrame(c, a, realm, "domains", templates.Place{Label: "Domains", URL: realmPath(realm, "domains")}), Heading: shown.Unicode, Pill: domainPill(d), Actions: []templates.Place{{Label: "Give this domain up", URL: here + "/delete", Danger: true}}}
	p.Sections = []templates.Section{
		{Heading: "The record that proves it", Text: "Whoever runs the domain's DNS adds this record. It is looked for again and again, so it must stay.", Copy: []templates.CopyField{
			{ID: "record-name", Label: "Name (TXT record)", Value: shown.Record.Name}, {ID: "record-value", Label: "Value", Value: shown.Record.Value},
		}, Buttons: []templates.Form{{Action: here + "/verify", Token: p.Token, Submit: "Look for the record now"}}},
		{Heading: "Standing", Text: strings.Join(warnings, " "), Facts: []templates.Fact{
			fact("Verified", templates.Cell{When: p.When(d.VerifiedAt), Note: d.VerifiedBy}), fact("Last looked for", templates.Cell{When: p.When(d.CheckedAt)}), fact("Next", templates.Cell{When: p.When(d.CheckAt)}),
			fact("Record missing since", templates.Cell{When: p.When(d.LostAt)}), fact("Suspended", templates.Cell{When: p.When(d.SuspendedAt)}),
		}},
	}
	if a.Role == admin.Owner {
		p.Sections = append(p.Sections, ownersOfDomain(p.Token, here, d))
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func ownersOfDomain(token, here string, d *broker.Domain) templates.Section {
	vouch := templates.FoldedForm{Summary: "Call it verified without the record", Form: templates.Form{Action: here + "/vouch", Token: token, Submit: "Call it verified", Danger: true,
		Inputs: []templates.Input{{Kind: "text", Name: "reason", Label: "Why", Hint: "For the audit log.", Required: true}}}}
	s := templates.Section{Heading: "Owners only", Folded: &vouch}
	if d.TransferTo != "" {
		s.Text = "Offered to the realm " + d.TransferTo + ", which can accept it."
		s.Buttons = []templates.Form{{Action: here + "/withdraw", Token: token, Submit: "Take the offer back"}, {Action: realmPath(d.TransferTo, "domains", d.Domain) + "/accept", Token: token, Submit: "Accept it for " + d.TransferTo}}
		return s
	}
	s.Form = &templates.Form{Action: here + "/offer", Token: token, Submit: "Offer it to that realm", Inputs: []templates.Input{{Kind: "text", Name: "to", Label: "Hand it over to another realm"}}}
	return s
}

func (f *Front) verifyDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	d, err := f.Admin.VerifyDomain(c.Request.Context(), a, c.Param("realm"), c.Param("domain"))
	if err != nil {
		return "", "", err
	}
	return realmPath(d.Realm, "domains", d.Domain), "The record was found: the domain is verified.", nil
}

// domainVerb posts a small document about a domain.
func domainVerb(doc any, verb func(body []byte) (*broker.Domain, error)) (*broker.Domain, error) {
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return verb(body)
}

func (f *Front) vouchDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	yes := true
	d, err := domainVerb(admin.DomainPatch{Verified: &yes, Reason: c.PostForm("reason"), Domain: c.Param("domain")}, func(body []byte) (*broker.Domain, error) {
		return f.Admin.UpdateDomain(c.Request.Context(), a, c.Param("realm"), c.Param("domain"), nil, body)
	})
	if err != nil {
		return "", "", err
	}
	return realmPath(d.Realm, "domains", d.Domain), "The domain is called verified in your name.", nil
}

func (f *Front) offerDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	d, err := domainVerb(admin.Offer{To: strings.TrimSpace(c.PostForm("to"))}, func(body []byte) (*broker.Domain, error) {
		return f.Admin.OfferDomain(c.Request.Context(), a, c.Param("realm"), c.Param("domain"), nil, body)
	})
	if err != nil {
		return "", "", err
	}
	return realmPath(d.Realm, "domains", d.Domain), "Nothing changes until " + d.TransferTo + " accepts.", nil
}

func (f *Front) withdrawOffer(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm, name := c.Param("realm"), c.Param("domain")
	return realmPath(realm, "domains", name), "The offer was taken back.", f.Admin.WithdrawOffer(c.Request.Context(), a, realm, name, nil)
}

func (f *Front) acceptDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	d, err := f.Admin.AcceptDomain(c.Request.Context(), a, c.Param("realm"), c.Param("domain"))
	if err != nil {
		return "", "", err
	}
	return realmPath(d.Realm, "domains", d.Domain), "The domain belongs to this realm now.", nil
}

func (f *Front) askDeleteDomain(c *web.Ctx, a admin.Actor) error {
	realm, name := c.Param("realm"), c.Param("domain")
	if _, err := f.Admin.GetDomain(c.Request.Context(), a, realm, name); err != nil {
		return err
	}
	f.confirm(c, f.realmFrame(c, a, realm, "domains"), "Give "+name+" up?", "Give "+name+" up", realmPath(realm, "domains", name), "Addresses in it no longer count: people with them cannot sign in through connections that trust domains.")
	return nil
}

func (f *Front) deleteDomain(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	return realmPath(realm, "domains"), "The domain was given up.", f.Admin.DeleteDomain(c.Request.Context(), a, realm, c.Param("domain"), nil)
}
