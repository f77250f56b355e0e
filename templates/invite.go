package templates

// Invite shows who invites to what. Its form posts to Action, and only that begins anything: programs that follow the
// links of mails open pages, too.
type Invite struct {
	Shell
	App     string
	Inviter string // may be empty
	Email   string // masked; "" for an open invitation
	Until   string // a date
	Action  string
	Hidden  []Field
}

func (Invite) Name() string { return "invite" }

// From is the first sentence: who invites.
func (p Invite) From() string {
	if p.Inviter != "" {
		return p.T("invite.by", "Inviter", p.Inviter, "App", p.App)
	}
	return p.T("invite.body", "Name", p.RealmTitle(), "App", p.App)
}

// ConfirmLink asks for the code that was mailed to the person whose address is known here already. Code and the button
// for another one post to Action.
type ConfirmLink struct {
	Shell
	Email  string
	Via    string // the connection's display name
	Action string
	Error  string // message id: CodeWrong, CodeNoMore, EmailTooMany
	Sent   bool   // another code was mailed a moment ago
}

func (ConfirmLink) Name() string { return "confirm_link" }

// What can be wrong with a typed code, and with the wish for another.
const (
	CodeWrong  = "confirm.wrong"
	CodeNoMore = "confirm.no_more"
)
