package setup

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/providers/preset"
	"cloakroom/templates"
)

// directory is the part of the page about a directory that sends its people here. token is what was made just now.
func directory(c *web.Ctx, g *admin.Guest, s templates.Shell, token string) (*templates.SetupDirectory, error) {
	d, err := g.Directory(c.Request.Context())
	if err != nil {
		return nil, err
	}
	p, _ := preset.Get(d.Preset)
	how, _ := p.Directory()
	lang := s.LangTag()
	field := func(id, label, value string) templates.CopyField {
		return templates.CopyField{ID: id, Label: label, Local: templates.LocalLabel(d.Preset, lang, label), Value: value}
	}
	out := &templates.SetupDirectory{
		Provider: p.Title, Steps: templates.DirectorySteps(d.Preset, lang), Path: how.Path, Bearer: how.Bearer,
		Fields: []templates.CopyField{field("directory-url", how.URL, d.BaseURL)}, TokenField: field("directory-token", how.Token, token),
		Make: here(c, "token"), Made: day(d.Made), Ends: day(d.Ends), Test: how.Test, TestLocal: templates.LocalLabel(d.Preset, lang, how.Test),
		State: d.Stage, StateURL: here(c, "directory"), Seen: seen(d), Last: moment(d.LastAt),
		Users: int(d.Users), Inactive: int(d.Inactive), Groups: int(d.Groups), Findings: web.Cards(d.Findings), LookURL: here(c),
	}
	for i, also := range how.Also {
		out.Fields = append(out.Fields, field("directory-"+strconv.Itoa(i), also.Label, also.Value))
	}
	return out, nil
}

// moment is a time in figures, as plain has them.
func moment(t time.Time) templates.When {
	if t.IsZero() {
		return templates.When{}
	}
	return plain(templates.When{ISO: t.UTC().Format(time.RFC3339)})
}

// seen changes when something has come from the directory that the page would say otherwise.
func seen(d *admin.GuestDirectory) string {
	parts := []int64{d.Requests, d.Users, d.Inactive, d.Groups, int64(len(d.Findings)), d.Made.Unix()}
	out := make([]string, 0, len(parts)+1)
	for _, n := range parts {
		out = append(out, strconv.FormatInt(n, 36))
	}
	return strings.Join(append(out, d.Stage), ".")
}

// directoryState says whether anything has come, for the page that follows it.
func (f *Front) directoryState(c *web.Ctx, g *admin.Guest) error {
	d, err := g.Directory(c.Request.Context())
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, struct {
		Seen string `json:"seen"`
	}{seen(d)})
	return nil
}

// makeToken shows a new token on the page that answers, and nowhere else.
func (f *Front) makeToken(c *web.Ctx, g *admin.Guest) error {
	if err := f.outward(g); err != nil {
		return err
	}
	token, err := g.MakeToken(c.Request.Context())
	if err != nil {
		return f.after(c, g, err, func(wrong *fault.Error) part { return part{finish: wrong} })
	}
	return f.page(c, g, http.StatusOK, part{token: token})
}
