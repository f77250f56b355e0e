package paste

import (
	"net/url"
	"regexp"
	"strings"

	"cloakroom/broker/fault"
)

// maxLines bounds a block of lines; the longest page of instructions has some dozens.
const maxLines = 500

// entry is a value under its label.
type entry struct{ kind, value string }

// lines reads a text of one or more lines. some says that something was found beside it already, so that prose around it
// is no fault.
func (r *reader) lines(s string, some bool) {
	all := strings.Split(s, "\n")
	if len(all) > maxLines {
		r.unknown("it has too many lines")
		return
	}
	labelled, rest := r.entries(all)
	if r.in.Field != "" && len(labelled) == 0 {
		r.value(r.kindOfField(), squashed(s, r.kindOfField()))
		r.settle()
		return
	}
	if r.swapped(labelled) {
		return
	}
	for _, e := range labelled {
		r.value(e.kind, e.value)
	}
	for _, line := range rest {
		if single := len(rest) == 1 && len(labelled) == 0 && !some; single || telling(line) || len(labelled) == 0 && !some && !strings.Contains(line, " ") {
			r.value("", line)
		}
	}
	r.settle()
}

// squashed is a value that may have been broken over lines; of certificates the lines are kept.
func squashed(s, kind string) string {
	if kind == KindCertificate {
		return squeeze(s)
	}
	return s
}

// telling reports a line that is a value by its shape alone, whatever stands around it.
func telling(line string) bool {
	v, _ := tidy(line)
	return scheme.MatchString(v) && !strings.ContainsAny(v, " \t")
}

// entries finds labels with their values: on one line, on the next, or in the cells of a table.
func (r *reader) entries(all []string) (out []entry, rest []string) {
	open := ""
	for _, raw := range all {
		line := strings.TrimSpace(raw)
		if line == "" || strings.Trim(line, "-=_|+ ") == "" {
			continue
		}
		if len(line) > 2*maxValue { // of prose and of labels there are no such lines
			rest = append(rest, line)
			continue
		}
		if kind, value := r.label(line); kind != "" {
			open = kind
			if value != "" {
				out = append(out, entry{kind, value})
				if kind != KindCertificate {
					open = ""
				}
			}
			continue
		}
		switch {
		case open == KindCertificate && base64Text.MatchString(squeeze(line)):
			if n := len(out); n > 0 && out[n-1].kind == open {
				out[n-1].value += line
			} else {
				out = append(out, entry{open, line})
			}
		case open != "":
			out = append(out, entry{open, line})
			open = ""
		default:
			rest = append(rest, line)
		}
	}
	return out, rest
}

var (
	bullet    = regexp.MustCompile(`^(?:[-*•–]|\(?\d{1,2}[.)])\s+`)
	separator = regexp.MustCompile(`\s*(?::\s+|:$|\s=\s|=|\t+|\s\|\s|\s{2,}|\s[-–—]\s)\s*`)
)

// label reads "Label: value"; the value is "" where the line is a label alone.
func (r *reader) label(line string) (kind, value string) {
	line = strings.TrimSpace(strings.Trim(bullet.ReplaceAllString(line, ""), "|"))
	if kind = r.kindOfLabel(line); kind != "" {
		return kind, ""
	}
	for _, at := range separator.FindAllStringIndex(line, 4) {
		if at[0] == 0 {
			continue
		}
		if kind = r.kindOfLabel(line[:at[0]]); kind != "" {
			return kind, strings.TrimSpace(strings.Trim(line[at[1]:], "| "))
		}
	}
	return "", ""
}

// kindOfLabel says which value a label names, in the consoles' languages; "" for no label.
func (r *reader) kindOfLabel(s string) string {
	words := strings.Join(strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return strings.ContainsRune(" \t.*_:\"'`/()’-", c) }), " ")
	if words == "" || len(words) > 80 {
		return ""
	}
	for _, l := range labels {
		if l.words.MatchString(words) && (l.protocol == "" || l.protocol == r.in.Protocol) && (l.preset == "" || l.preset == r.in.Preset) {
			return l.kind
		}
	}
	return ""
}

// wording is how a kind of value is called.
type wording struct {
	preset, protocol string
	words            *regexp.Regexp
	kind             string
}

func called(kind, protocol, preset, words string) wording {
	return wording{preset, protocol, regexp.MustCompile(`^(?:` + words + `)$`), kind}
}

// labels are the consoles' words, the particular ones first: the same word means different things in different consoles.
var labels = []wording{
	called(KindServer, "ldap", "", `(?:ldaps? |directory )?(?:server|host)(?: ?name)?(?: (?:address|url))?|(?:ldaps?|connection|server) (?:url|address|string)|url|domain controller|serveur|serveradresse|servidor|serwer|сервер`),
	called(KindBindName, "ldap", "", `(?:service account |manager |admin |root ?)?(?:bind|user|manager|search|service account)? ?(?:dn|account|user(?: ?name)?|user principal name|upn)|bind(?: name)?|service account|(?:user )?logon name|dienstkonto|compte de service|cuenta de servicio|konto usługi|служебная учётная запись`),
	called(KindBindPassword, "ldap", "", `(?:bind|manager|admin|service account|account)? ?(?:dn )?(?:password|credentials?|pwd)|passwort|kennwort|mot de passe|contraseña|hasło|пароль`),
	called(KindUserBase, "ldap", "", `(?:(?:user|people|account)s? )?(?:search )?base(?: dn)?|(?:users? )?(?:dn|search base|container)|base dn|distinguishedname|default ?naming ?context|suffix`),
	called(KindUserFilter, "ldap", "", `(?:user|people|login|search|account)s?(?: search| object)? filter|filter`),
	called(KindGroupBase, "ldap", "", `groups? (?:search )?base(?: dn)?|groups? (?:dn|container)`),
	called(KindGroupFilter, "ldap", "", `groups?(?: search| member(?:ship)?)? filter`),
	called(KindSubject, "ldap", "", `(?:subject|uuid|unique ?id|id)(?: ldap)? attribute`),
	called(KindAuthority, "ldap", "", `(?:ca|root|issuing ca|authority)(?: certificate)?|certificate|zertifikat|certificat|certificado|certyfikat|сертификат`),
	called(KindMetadataURL, "saml", "onelogin", `issuer url`),
	called("secret_id", "", "", `secret id|id du secret|geheime id|id secreta|identyfikator wpisu tajnego|идентификатор секрета`),
	called(KindClientSecret, "", "", `client secrets?(?: value)?|secret(?: value)?|value|app secret|application secret|password|clientsecret|shared secret|valeur(?: du secret)?|secret client|wert|geheimnis|clientschlüssel|geheimer clientschlüssel|valor|secreto(?: de cliente)?|wartość|klucz tajny klienta|значение|секрет клиента|clé secrète`),
	called(KindTenant, "", "", `(?:directory )?tenant(?: id)?|directory(?: tenant)?(?: id)?|tenantid|id de (?:locataire|l annuaire locataire)|id de l annuaire|verzeichnis id(?: mandant)?|mandanten id|id de directorio(?: inquilino)?|identyfikator katalogu(?: dzierżawy)?|идентификатор каталога(?: клиента)?|(?:hosted|primary|workspace) domain|domaine principal`),
	called(KindClientID, "", "", `(?:application )?client(?: identifier| id)?|application(?: client)?(?: id)|app ?id|clientid|client identifier|consumer key|services? id|id d(?:e l)? ?application(?: client)?|id client|anwendungs id(?: client)?|id de (?:aplicación|cliente)(?: cliente)?|identyfikator (?:aplikacji|klienta)(?: klienta)?|идентификатор (?:приложения|клиента)(?: клиента)?`),
	called("team_id", "oidc", "apple", `team id`),
	called("key_id", "oidc", "apple", `key id`),
	called(KindMetadataURL, "saml", "", `(?:idp |saml |identity provider |app federation |federation )?metadata (?:url|address|link|endpoint)|(?:app )?federation metadata(?: url)?|metadaten url|url (?:de )?(?:des )?m[eé]tadonn[eé]es.*|url de metadatos|adres url metadanych.*|url метаданных|url metadanych`),
	called(KindSLO, "saml", "", `(?:identity provider )?single logout (?:url|service)|slo (?:url|endpoint.*)|logout url|url de déconnexion|abmelde url|saml 2 0 slo endpoint.*`),
	called(KindSSO, "saml", "", `(?:identity provider )?single sign ?on (?:url|service|service url|endpoint)|(?:idp )?sso (?:url|service|endpoint.*|service url)|login url|sign ?on url|sign in url|idp url|saml (?:2 0 )?(?:sso )?(?:endpoint|service)(?: http| url)?|single signon service|url de connexion|anmelde url|url de inicio de sesión|adres url logowania|url входа|saml 2 0 endpoint http`),
	called(KindEntityID, "saml", "", `(?:identity provider |idp )?issuer(?: id| uri)?|(?:identity provider |idp |saml )?entity ?id|(?:microsoft entra|azure ad|microsoft entra id) identifier|identity provider identifier(?: or issuer url)?|identificateur microsoft entra|azure ad bezeichner|identyfikator entra|отправитель|идентификатор microsoft entra|federation service identifier`),
	called(KindIssuer, "oidc", "", `(?:oidc |token )?issuer(?: url| uri)?|okta domain|(?:openid connect |oidc )?discovery (?:url|endpoint|document)|openid (?:endpoint )?configuration|authority|domain|oidc discovery endpoint|well known url`),
	called(KindCertificate, "saml", "", `(?:x ?509|x 509|signing|token signing|idp|public|identity provider|saml signing)? ?certificate(?: base64)?(?: text)?|certificat(?: base64)?(?: x 509)?|zertifikat(?: base64)?|certificado(?: base64)?|certyfikat(?: x 509)?(?: base64)?|сертификат(?: x 509)?|x 509`),
	called("authorize_url", "oauth2", "", `authori[sz](?:e|ation) (?:url|endpoint)`),
	called("token_url", "oauth2", "", `(?:access )?token (?:url|endpoint)`),
	called("userinfo_url", "oauth2", "", `user ?info(?:rmation)? (?:url|endpoint)|user (?:url|api)`),
}

// swapped says that entity ID and sign-on address came under each other's label.
func (r *reader) swapped(all []entry) bool {
	seen := map[string]string{}
	for _, e := range all {
		v, _ := tidy(e.value)
		if u, err := url.Parse(v); err == nil {
			_, seen[e.kind] = lookup(u)
		}
	}
	if seen[KindEntityID] != atSSO || seen[KindSSO] != atEntity {
		return false
	}
	f := fault.New(fault.SAMLTheirsSwapped, "")
	f.Labels = append(r.labels(KindEntityID), r.labels(KindSSO)...)
	r.find(f)
	return true
}

// settle judges what only the whole shows: ids without labels, and a secret's id without the secret.
func (r *reader) settle() {
	_, lone := r.out.Set["secret_id"]
	delete(r.out.Set, "secret_id")
	if lone && !r.has(KindClientSecret) {
		r.secretID()
	}
	var unnamed []string
	for _, v := range r.guids {
		if id, _ := r.out.Set[r.pointer(KindClientID)].(string); !strings.EqualFold(id, v) {
			unnamed = append(unnamed, v)
		}
	}
	switch {
	case len(unnamed) == 0:
	case len(unnamed) == 2 && !r.has(KindClientID) && !r.has(KindTenant): // the console's own order
		r.find(fault.New(fault.PasteGuessed, "the first was taken for Application (client) ID, the second for Directory (tenant) ID"))
		r.clientID(unnamed[0])
		r.tenant(unnamed[1])
	case len(unnamed) == 1 && r.has(KindClientID) && !r.has(KindTenant):
		r.tenant(unnamed[0])
	case len(unnamed) == 1 && r.has(KindTenant) && !r.has(KindClientID):
		r.clientID(unnamed[0])
	default:
		f := r.wording(fault.PasteAmbiguous, "", "which of them is which cannot be told")
		f.Labels = []string{"Application (client) ID", "Directory (tenant) ID"}
		r.find(f)
	}
}
