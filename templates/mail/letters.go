package mail

import "time"

// Head is what every mail has.
type Head struct {
	Locale    string // one of locale.Languages, else English
	Name      string // the organisation in whose name it is sent: the realm's display name
	Colour    string // #rrggbb of its buttons, or none
	Reference string // of the login it belongs to, or none
}

func (h Head) head() Head { return h }

// Invitation asks a person in.
type Invitation struct {
	Head
	App     string
	Inviter string // may be empty
	Note    string // what the inviter adds, at most 200 characters; may be empty
	URL     string
	Expires time.Time // zero: never
}

// Kind names this sort of mail.
func (Invitation) Kind() string { return "invitation" }

func (l Invitation) write(w *writer) letter {
	app := values{"App": name(l.App)}
	out := letter{subject: w.t("invitation.subject", app), action: w.t("invitation.action", nil), url: l.URL}
	if l.Inviter == "" {
		out.before = []string{w.t("invitation.body", app), w.t("invitation.how", nil)}
	} else {
		out.before = []string{w.t("invitation.by", values{"App": name(l.App), "Inviter": name(l.Inviter)}), w.t("invitation.how", nil)}
	}
	if added := note(l.Note); added != "" {
		out.before = append(out.before, added)
	}
	if !l.Expires.IsZero() {
		out.after = append(out.after, w.t("invitation.until", values{"Date": w.date(l.Expires)}))
	}
	out.after = append(out.after, w.t("invitation.stranger", nil))
	return out
}

// SetupLink asks a customer's administrator to set up their company's sign-in, or to renew what it needs.
type SetupLink struct {
	Head
	App     string
	Inviter string // may be empty
	Note    string // may be empty
	URL     string
	Expires time.Time
}

// Kind names this sort of mail.
func (SetupLink) Kind() string { return "setup_link" }

func (l SetupLink) write(w *writer) letter {
	app := values{"App": name(l.App), "Inviter": name(l.Inviter)}
	id := "setup.by"
	if l.Inviter == "" {
		id = "setup.body"
	}
	out := letter{subject: w.t("setup.subject", app), action: w.t("setup.action", nil), url: l.URL, before: []string{w.t(id, app), w.t("setup.how", nil)}}
	if added := note(l.Note); added != "" {
		out.before = append(out.before, added)
	}
	out.after = []string{w.t("setup.until", values{"Date": w.date(l.Expires)})}
	return out
}

// EmailCode is a one-time code to sign in with. Its mail is secret.
type EmailCode struct {
	Head
	App     string
	Code    string
	Minutes int // that it is valid
}

// Kind names this sort of mail.
func (EmailCode) Kind() string { return "email_code" }

func (l EmailCode) write(w *writer) letter {
	app := values{"App": name(l.App)}
	return letter{
		subject: w.t("code.subject", app), title: w.t("code.title", nil), before: []string{w.t("code.body", app)}, code: plain(l.Code),
		after: []string{w.n("code.valid", l.Minutes, nil), w.t("code.stranger", nil)},
	}
}

// ConfirmLink is a one-time code that ties a new way to sign in to an account that exists. Its mail is secret.
type ConfirmLink struct {
	Head
	App     string
	Via     string // the connection's display name
	Code    string
	Minutes int
}

// Kind names this sort of mail.
func (ConfirmLink) Kind() string { return "confirm_link" }

func (l ConfirmLink) write(w *writer) letter {
	return letter{
		subject: w.t("confirm.subject", values{"App": name(l.App)}), title: w.t("confirm.title", nil),
		before: []string{w.t("confirm.body", values{"App": name(l.App), "Via": name(l.Via)}), w.t("confirm.enter", nil)}, code: plain(l.Code),
		after: []string{w.n("code.valid", l.Minutes, nil), w.t("confirm.stranger", nil)},
	}
}

// DomainWarning tells a tenant that the proof of its domain is gone. With no days left the domain is suspended.
type DomainWarning struct {
	Head
	Domain      string
	Days        int
	RecordName  string // _cloakroom.<domain>
	RecordValue string // cloakroom-verify=…
	URL         string
}

// Kind names this sort of mail.
func (DomainWarning) Kind() string { return "domain_warning" }

func (l DomainWarning) write(w *writer) letter {
	domain := values{"Domain": plain(l.Domain)}
	out := letter{action: w.t("domain_warning.action", nil), url: l.URL, facts: []fact{
		{w.t("fact.record_type", nil), "TXT"}, {w.t("fact.record_name", nil), plain(l.RecordName)}, {w.t("fact.record_value", nil), plain(l.RecordValue)},
	}}
	effect := w.t("domain_warning.suspended", nil)
	if l.Days > 0 {
		out.subject, effect = w.n("domain_warning.subject", l.Days, domain), w.n("domain_warning.effect", l.Days, nil)
	} else {
		out.subject = w.t("domain_warning.suspended_subject", domain)
	}
	out.before = []string{w.t("domain_warning.body", domain), effect, w.t("domain_warning.fix", nil)}
	return out
}

// DomainVerified tells a tenant that a domain is now its own.
type DomainVerified struct {
	Head
	Domain string
	URL    string
}

// Kind names this sort of mail.
func (DomainVerified) Kind() string { return "domain_verified" }

func (l DomainVerified) write(w *writer) letter {
	v := values{"Domain": plain(l.Domain), "Name": name(l.Name)}
	return letter{
		subject: w.t("domain_verified.subject", v), before: []string{w.t("domain_verified.body", v), w.t("domain_verified.keep", nil)},
		action: w.t("domain_verified.action", nil), url: l.URL,
	}
}

// DomainTransfer asks the owner of a domain to hand it over. Name is the owner's, To who asks.
type DomainTransfer struct {
	Head
	Domain  string
	To      string
	URL     string
	Expires time.Time
}

// Kind names this sort of mail.
func (DomainTransfer) Kind() string { return "domain_transfer" }

func (l DomainTransfer) write(w *writer) letter {
	v := values{"Domain": plain(l.Domain), "From": name(l.Name), "To": name(l.To)}
	return letter{
		subject: w.t("domain_transfer.subject", v), before: []string{w.t("domain_transfer.body", v), w.t("domain_transfer.effect", v)},
		action: w.t("domain_transfer.action", nil), url: l.URL, after: []string{w.t("domain_transfer.until", values{"Date": w.date(l.Expires)})},
	}
}

// Expiring is what runs out.
type Expiring string

// What an ExpiryNotice can be about.
const (
	Certificate  Expiring = "certificate"
	ClientSecret Expiring = "secret"
	Metadata     Expiring = "metadata"
)

// ExpiryNotice tells that something of a connection runs out, or, with no days left, has run out.
type ExpiryNotice struct {
	Head
	What       Expiring
	Connection string // its display name
	Days       int
	Expires    time.Time
	URL        string // where it is renewed
}

// Kind names this sort of mail.
func (ExpiryNotice) Kind() string { return "expiry_notice" }

func (l ExpiryNotice) write(w *writer) letter {
	id := "expiry." + string(l.What)
	connection := values{"Connection": name(l.Connection)}
	v := values{"Connection": name(l.Connection), "Date": w.date(l.Expires)}
	out := letter{action: w.t("expiry.action", nil), url: l.URL, after: []string{w.t("expiry.how", nil)}}
	if l.Days > 0 {
		out.subject, out.before = w.n(id+".subject", l.Days, connection), []string{w.t(id+".body", v), w.t("expiry.effect", nil)}
	} else {
		out.subject, out.before = w.t(id+".over", connection), []string{w.t(id+".was", v), w.t("expiry.effect_now", nil)}
	}
	return out
}

// SeatLimitReached tells a tenant that people wait because no seat is free.
type SeatLimitReached struct {
	Head
	Person  string // who came last
	Limit   int
	Waiting int
	URL     string
}

// Kind names this sort of mail.
func (SeatLimitReached) Kind() string { return "seat_limit" }

func (l SeatLimitReached) write(w *writer) letter {
	return letter{
		subject: w.t("seats.subject", values{"Name": name(l.Name), "Count": l.Limit}),
		before:  []string{w.t("seats.body", values{"Person": name(l.Person)}), w.n("seats.waiting", l.Waiting, nil) + " " + w.t("seats.others", nil), w.t("seats.fix", nil)},
		action:  w.t("seats.action", nil), url: l.URL,
	}
}

// ApprovalRequested tells a tenant that somebody waits to be let in.
type ApprovalRequested struct {
	Head
	App    string
	Person string // may be empty
	Email  string
	URL    string
}

// Kind names this sort of mail.
func (ApprovalRequested) Kind() string { return "approval_requested" }

func (l ApprovalRequested) write(w *writer) letter {
	who := name(l.Person)
	var facts []fact
	if who != "" {
		facts = append(facts, fact{w.t("fact.person", nil), who})
	} else {
		who = name(l.Email)
	}
	v := values{"App": name(l.App), "Person": who}
	return letter{
		subject: w.t("approval_requested.subject", v), before: []string{w.t("approval_requested.body", v)},
		facts: append(facts, fact{w.t("fact.address", nil), plain(l.Email)}), action: w.t("approval_requested.action", nil), url: l.URL,
	}
}

// ApprovalGranted tells a person that the door is open.
type ApprovalGranted struct {
	Head
	App string
	URL string
}

// Kind names this sort of mail.
func (ApprovalGranted) Kind() string { return "approval_granted" }

func (l ApprovalGranted) write(w *writer) letter {
	app := values{"App": name(l.App)}
	return letter{
		subject: w.t("approval_granted.subject", app), before: []string{w.t("approval_granted.body", app)},
		action: w.t("approval_granted.action", nil), url: l.URL,
	}
}

// CredentialLink is a link to set up a password or passkey. Its mail is secret.
type CredentialLink struct {
	Head
	App     string
	Passkey bool // a password otherwise
	URL     string
	Expires time.Time
}

// Kind names this sort of mail.
func (CredentialLink) Kind() string { return "credential_link" }

func (l CredentialLink) write(w *writer) letter {
	id, app := "credential_password", values{"App": name(l.App)}
	if l.Passkey {
		id = "credential_passkey"
	}
	return letter{
		subject: w.t(id+".subject", app), before: []string{w.t(id+".body", app), w.t("credential.where", nil)}, action: w.t(id+".action", nil), url: l.URL,
		after: []string{w.t("credential.until", values{"Date": w.date(l.Expires)}), w.t("credential.stranger", nil)},
	}
}

// OperatorInvitation is a link by which an operator of the console enrols. Its mail is secret.
type OperatorInvitation struct {
	Head
	Host    string // of the installation
	By      string // who made them an operator, or reset them
	URL     string
	Expires time.Time
}

// Kind names this sort of mail.
func (OperatorInvitation) Kind() string { return "operator_invitation" }

func (l OperatorInvitation) write(w *writer) letter {
	v := values{"Host": name(l.Host), "By": name(l.By)}
	return letter{
		subject: w.t("operator.subject", v), before: []string{w.t("operator.body", v), w.t("credential.where", nil)}, action: w.t("operator.action", nil), url: l.URL,
		after: []string{w.t("operator.until", values{"Date": w.date(l.Expires)})},
	}
}

// ConnectionBroken tells a tenant that its people can use one way in only, and that it lets nobody in.
type ConnectionBroken struct {
	Head
	Connection string // its display name
	Failures   int
	URL        string // what the console says of it
}

// Kind names this sort of mail.
func (ConnectionBroken) Kind() string { return "connection_broken" }

func (l ConnectionBroken) write(w *writer) letter {
	v := values{"Connection": name(l.Connection)}
	return letter{
		subject: w.t("broken.subject", v), before: []string{w.t("broken.body", v), w.n("broken.failures", l.Failures, nil), w.t("broken.fix", nil)},
		action: w.t("broken.action", nil), url: l.URL,
	}
}
