package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rsc.io/qr"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/operator"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// enrolFor is how long an enrolment may take from page to page.
const enrolFor = time.Hour

// intro is what the first owner said of themselves, kept by the browser until they have chosen what to sign in with.
type intro struct{ ID, Name, Email string }

const introKept = "console intro"

func (f *Front) intro(c *web.Ctx) (i intro) {
	_ = json.Unmarshal(f.Web.Cookies.Kept(c.Request, introKept), &i)
	return i
}

// atWelcome says which of the two doors a request came to.
func atWelcome(c *web.Ctx) bool { return strings.Contains(c.FullPath(), "/admin/welcome/") }

// enrolment opens the link in the address; the first owner is who they said they are, if they did.
func (f *Front) enrolment(c *web.Ctx) (*operator.Enrolment, error) {
	if err := f.guess(c); err != nil {
		return nil, err
	}
	n, err := f.Operators.OpenLink(c.Request.Context(), c.Param("token"), atWelcome(c))
	if err != nil || !n.First() {
		return n, err
	}
	if i := f.intro(c); i.ID != "" {
		err = n.Introduce(i.ID, i.Name, i.Email)
	}
	return n, err
}

func doorURL(c *web.Ctx) string {
	if atWelcome(c) {
		return "/admin/welcome/" + c.Param("token")
	}
	return "/admin/enrol/" + c.Param("token")
}

// welcome asks the first owner who they are, then what they will sign in with.
func (f *Front) welcome(c *web.Ctx) {
	n, err := f.enrolment(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if n.Operator == nil || c.Query("edit") != "" {
		i := f.intro(c)
		f.Web.Page(c, http.StatusOK, templates.ConsoleWelcome{Shell: f.english(c), Action: doorURL(c), Token: f.token(c), OwnName: i.Name, Email: i.Email})
		return
	}
	f.showEnrol(c, n, http.StatusOK, "", false)
}

// introduce takes the first owner's name and address.
func (f *Front) introduce(c *web.Ctx) {
	n, err := f.enrolment(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	i := intro{ID: f.intro(c).ID, Name: strings.TrimSpace(c.PostForm("name")), Email: c.PostForm("email")}
	if i.ID == "" {
		i.ID = operator.NewID()
	}
	if err := n.Introduce(i.ID, i.Name, i.Email); err != nil {
		f.wrongIntro(c, i, err)
		return
	}
	i.Email = n.Operator.Email
	b, err := json.Marshal(i)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Cookies.Keep(c.Writer, introKept, b, enrolFor)
	f.Web.Redirect(c, doorURL(c))
}

func (f *Front) wrongIntro(c *web.Ctx, i intro, err error) {
	p := templates.ConsoleWelcome{Shell: f.english(c), Action: doorURL(c), Token: f.token(c), OwnName: templates.Clean(i.Name), Email: templates.Clean(i.Email)}
	if fields := (broker.FieldErrors)(nil); errors.As(err, &fields) {
		p.NameError = "A name has at most 200 characters, and no control characters."
	} else {
		p.EmailError = "Enter an email address, such as eva@example.org."
	}
	f.Web.Page(c, http.StatusUnprocessableEntity, p)
}

// enrol lets an operator who was invited choose what to sign in with.
func (f *Front) enrol(c *web.Ctx) {
	n, err := f.enrolment(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.showEnrol(c, n, http.StatusOK, "", false)
}

func (f *Front) showEnrol(c *web.Ctx, n *operator.Enrolment, status int, wrong string, keyFailed bool) {
	o, token := n.Operator, f.token(c)
	p := templates.ConsoleEnrol{Shell: f.english(c), Who: o.Email, First: n.First()}
	if n.First() {
		p.BackURL = doorURL(c) + "?edit=1"
	}
	var err error
	if p.Passkey, err = f.passkeyForm(c, o, doorURL(c)+"/passkey", token, keyFailed); err == nil {
		p.Password, err = f.passwordForm(c, o, doorURL(c)+"/password", token, wrong)
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Page(c, status, p)
}

func enrolCeremony(o *broker.Operator) string { return "console enrol " + o.ID }

// passkeyForm makes a passkey.
func (f *Front) passkeyForm(c *web.Ctx, o *broker.Operator, action, token string, failed bool) (templates.PasskeyForm, error) {
	options, state, err := f.Operators.EnrolPasskey(c.Request.Context(), o)
	if err != nil {
		return templates.PasskeyForm{}, err
	}
	f.Web.Cookies.Keep(c.Writer, enrolCeremony(o), state, credential.CeremonyFor)
	return templates.PasskeyForm{Action: action, Make: true, Named: true, Options: string(options), Hidden: []templates.Field{csrfField(token)}, Failed: failed}, nil
}

func secretKept(o *broker.Operator) string { return "console secret " + o.ID }

// passwordForm sets a password with one-time codes. The secret stays the same while the page is tried again, since the app
// has scanned it already.
func (f *Front) passwordForm(c *web.Ctx, o *broker.Operator, action, token, wrong string) (templates.PasswordForm, error) {
	secret := string(f.Web.Cookies.Kept(c.Request, secretKept(o)))
	if secret == "" {
		secret = credential.NewTOTP()
		f.Web.Cookies.Keep(c.Writer, secretKept(o), []byte(secret), enrolFor)
	}
	one, err := oneTime(secret, f.host(), o.Email)
	return templates.PasswordForm{Action: action, Token: token, Who: o.Email, Error: wrong, OneTime: one}, err
}

// host names the installation in an authenticator app.
func (f *Front) host() string {
	_, host, _ := strings.Cut(f.Web.BaseURL, "://")
	return "Cloakroom " + host
}

// qrBorder is the border that a QR code needs around it, in modules.
const qrBorder = 4

// oneTime draws the secret for an authenticator app.
func oneTime(secret, issuer, account string) (templates.OneTime, error) {
	code, err := qr.Encode(credential.TOTPURL(issuer, account, secret), qr.M)
	if err != nil {
		return templates.OneTime{}, fault.Wrap(fault.Internal, err, "QR code")
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				path.WriteString("M" + strconv.Itoa(x+qrBorder) + " " + strconv.Itoa(y+qrBorder) + "h1v1h-1z")
			}
		}
	}
	return templates.OneTime{Secret: grouped(secret), QR: path.String(), Size: code.Size + 2*qrBorder}, nil
}

// grouped is easier to type off.
func grouped(secret string) string {
	var parts []string
	for len(secret) > 4 {
		parts, secret = append(parts, secret[:4]), secret[4:]
	}
	return strings.Join(append(parts, secret), " ")
}

// enrolPasskey takes a new passkey and signs in.
func (f *Front) enrolPasskey(c *web.Ctx) {
	f.enrolling(c, func(n *operator.Enrolment) error {
		state := f.Web.Cookies.Kept(c.Request, enrolCeremony(n.Operator))
		return f.Operators.ByNewPasskey(c.Request.Context(), n, state, []byte(c.PostForm("answer")), templates.Clean(c.PostForm("name")), f.Web.ClientIP(c.Request))
	}, operator.ByPasskey)
}

// enrolPassword takes a new password with one-time codes and signs in.
func (f *Front) enrolPassword(c *web.Ctx) {
	f.enrolling(c, func(n *operator.Enrolment) error {
		codes, err := f.Operators.ByNewPassword(c.Request.Context(), n, f.chosen(c, n.Operator), f.Web.ClientIP(c.Request))
		if err == nil {
			f.keepCodes(c, codes)
		}
		return err
	}, operator.ByPassword)
}

// chosen is the password that was posted, with the secret that its page showed.
func (f *Front) chosen(c *web.Ctx, o *broker.Operator) operator.Secret {
	return operator.Secret{
		Password: c.PostForm("password"), Again: c.PostForm("again"), Code: c.PostForm("code"), TOTP: string(f.Web.Cookies.Kept(c.Request, secretKept(o))),
	}
}

// keepCodes leaves new recovery codes with the browser for the page that shows them.
func (f *Front) keepCodes(c *web.Ctx, codes []string) {
	f.Web.Cookies.Keep(c.Writer, recoveryKept, []byte(strings.Join(codes, "\n")), 10*time.Minute)
}

func codeLines(kept []byte) []string { return strings.Split(string(kept), "\n") }

func (f *Front) enrolling(c *web.Ctx, add func(n *operator.Enrolment) error, way string) {
	n, err := f.enrolment(c)
	if err == nil && n.Operator == nil {
		f.Web.Redirect(c, doorURL(c))
		return
	}
	if err == nil {
		err = add(n)
	}
	if err != nil {
		f.enrolFailed(c, n, err)
		return
	}
	for _, kept := range []string{introKept, enrolCeremony(n.Operator), secretKept(n.Operator)} {
		f.Web.Cookies.Drop(c.Writer, kept)
	}
	to := "/admin"
	if way == operator.ByPassword {
		to = "/admin/recovery"
	}
	f.enter(c, n.Operator, way, f.Now(), to)
}

// enrolFailed shows the page again where another try may help.
func (f *Front) enrolFailed(c *web.Ctx, n *operator.Enrolment, err error) {
	if fault.CodeOf(err) == fault.OperatorPasskey {
		f.Web.Log.InfoContext(c.Request.Context(), "passkey refused", "error", err)
		f.showEnrol(c, n, http.StatusUnprocessableEntity, "", true)
		return
	}
	if wrong := secretFault(err); wrong != "" {
		f.showEnrol(c, n, http.StatusUnprocessableEntity, wrong, false)
		return
	}
	f.Web.Fault(c, err)
}

// secretFault is what a page says of a password or code that cannot be taken, "" for what another try does not mend.
func secretFault(err error) string {
	return map[fault.Code]string{
		fault.LocalPasswordShort:   "The password has fewer than 12 characters.",
		fault.LocalPasswordLong:    "The password is too long: 512 bytes at most.",
		fault.LocalPasswordAddress: "The password is made of your address, or of one character.",
		fault.LocalPasswordTwice:   "The two entries of the password differ.",
		fault.OperatorCode:         "The code does not fit the secret, or was used before. Enter the one that the app shows now; if it goes on, check the clock of your device.",
	}[fault.CodeOf(err)]
}
