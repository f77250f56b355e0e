package ldap

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/url"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
)

// config is the connection's section "ldap" (contract, section 4).
type config struct {
	URL              string `json:"url"`
	StartTLS         bool   `json:"start_tls"`
	CA               string `json:"ca"`
	BindDN           string `json:"bind_dn"`
	BindPassword     string `json:"bind_password"`
	UserBase         string `json:"user_base"`
	UserFilter       string `json:"user_filter"`
	GroupBase        string `json:"group_base"`
	GroupFilter      string `json:"group_filter"`
	NestedGroups     bool   `json:"nested_groups"`
	SubjectAttribute string `json:"subject_attribute"`
}

// Filters for where the connection has none of its own. A disabled account of Active Directory is told apart after the
// bind, so that its filter need not leave it out.
const (
	adUserFilter = "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName=%s)(userPrincipalName=%s)(mail=%s)))"
	userFilter   = "(|(uid=%s)(mail=%s))"

	adGroupFilter = "(&(objectCategory=group)(member=%s))"
	groupFilter   = "(|(member=%s)(uniqueMember=%s)(memberUid=%u))"
)

// settings are a config that was checked.
type settings struct {
	config
	ad      bool // the preset says so
	secure  bool // TLS from the first byte
	host    string
	address string // host:port
	base    *ldap.DN
	roots   *x509.CertPool // nil: the system's
	cas     []*x509.Certificate
}

const maxCA = 256 << 10

func read(raw []byte, preset string) (*settings, error) {
	s := &settings{ad: preset == "active-directory"}
	if err := json.Unmarshal(raw, &s.config); err != nil {
		return nil, fault.Wrap(fault.LDAPSettings, err, "the settings are not JSON of the expected form")
	}
	for _, step := range []func() error{s.readAddress, s.readCA, s.readNames, s.readFilters} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readAddress wants TLS on the way, unless the way does not leave this machine: everybody's password takes it.
func (s *settings) readAddress() error {
	u, err := url.Parse(strings.TrimSpace(s.URL))
	if err != nil || u.Scheme != "ldaps" && u.Scheme != "ldap" || u.Hostname() == "" {
		return labelled(fault.New(fault.LDAPSettings, "url %q has not the form ldaps://host or ldap://host", s.URL), "Server address")
	}
	s.secure, s.host = u.Scheme == "ldaps", u.Hostname()
	switch {
	case s.secure && s.StartTLS:
		return labelled(fault.New(fault.LDAPSettings, "start_tls does not go with ldaps://, which is encrypted from the first byte"), "StartTLS")
	case !s.secure && !s.StartTLS && !local(s.host):
		return labelled(fault.New(fault.LDAPPlain, "url %s without StartTLS", u.Scheme+"://"+u.Host), "Server address", "StartTLS")
	}
	port := "389"
	if s.secure {
		port = "636"
	}
	s.address = net.JoinHostPort(s.host, cmp.Or(u.Port(), port))
	return nil
}

// local hosts are this very machine; that the name indeed leads there is seen when it is dialled.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *settings) readCA() error {
	rest := bytes.TrimSpace([]byte(s.CA))
	if len(rest) == 0 {
		return nil
	}
	if len(rest) > maxCA {
		return labelled(fault.New(fault.LDAPSettings, "ca is longer than %d bytes", maxCA), "CA certificate")
	}
	s.roots = x509.NewCertPool()
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return labelled(fault.New(fault.LDAPSettings, "ca holds a block %q that is no certificate", block.Type), "CA certificate")
		}
		s.roots.AddCert(c)
		s.cas = append(s.cas, c)
	}
	if len(s.cas) == 0 || len(bytes.TrimSpace(rest)) > 0 {
		return labelled(fault.New(fault.LDAPSettings, "ca is not whole: it begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----"), "CA certificate")
	}
	return nil
}

func (s *settings) readNames() (err error) {
	if s.BindDN != "" && s.BindPassword == "" {
		return labelled(fault.New(fault.LDAPBindPassword, "bind_password is empty, and bind_dn is %s", s.BindDN), "Bind password")
	}
	if s.base, err = ldap.ParseDN(s.UserBase); err != nil {
		return labelled(fault.New(fault.LDAPSettings, "user_base %q is no distinguished name", s.UserBase), "User base")
	}
	if _, err = ldap.ParseDN(s.GroupBase); err != nil {
		return labelled(fault.New(fault.LDAPSettings, "group_base %q is no distinguished name", s.GroupBase), groupBase)
	}
	return nil
}

func (s *settings) readFilters() error {
	people, groups := userFilter, groupFilter
	if s.ad {
		people, groups = adUserFilter, adGroupFilter
	}
	s.UserFilter = cmp.Or(strings.TrimSpace(s.UserFilter), people)
	s.GroupFilter = cmp.Or(strings.TrimSpace(s.GroupFilter), groups)
	if !strings.Contains(s.UserFilter, "%s") {
		return labelled(fault.New(fault.LDAPFilter, "user_filter has no %%s in the place of the user name: it would find the same person whoever signs in"), "User filter")
	}
	if !strings.Contains(s.GroupFilter, "%s") && !strings.Contains(s.GroupFilter, "%u") {
		return labelled(fault.New(fault.LDAPFilter, "group_filter has neither %%s nor %%u: everybody would be in the same groups"), "Group filter")
	}
	if _, err := ldap.CompileFilter(fill(s.UserFilter, "x", "x")); err != nil {
		return labelled(fault.Wrap(fault.LDAPFilter, err, "user_filter %s", s.UserFilter), "User filter")
	}
	if _, err := ldap.CompileFilter(fill(s.GroupFilter, "x", "x")); err != nil {
		return labelled(fault.Wrap(fault.LDAPFilter, err, "group_filter %s", s.GroupFilter), "Group filter")
	}
	return nil
}

// fill puts values in the place of %s and %u, escaped so that they can be nothing but values (RFC 4515, section 3).
func fill(filter, s, u string) string {
	return strings.NewReplacer("%s", ldap.EscapeFilter(s), "%u", ldap.EscapeFilter(u)).Replace(filter)
}

func labelled(f *fault.Error, labels ...string) *fault.Error {
	f.Labels = labels
	return f
}
