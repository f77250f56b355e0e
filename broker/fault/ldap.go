package fault

// The codes of directories (LDAP, Active Directory).
const (
	// The way there.
	LDAPSettings    Code = "ldap.settings_invalid"
	LDAPPlain       Code = "ldap.plain_text"
	LDAPFilter      Code = "ldap.filter_invalid"
	LDAPMode        Code = "ldap.tls_mode_mismatch"
	LDAPStartTLS    Code = "ldap.starttls_refused"
	LDAPTLS         Code = "ldap.tls_failed"
	LDAPUntrusted   Code = "ldap.certificate_untrusted"
	LDAPHostName    Code = "ldap.certificate_wrong_name"
	LDAPCertExpired Code = "ldap.certificate_expired"
	LDAPCertEnds    Code = "ldap.certificate_ends_soon"
	LDAPAnswer      Code = "ldap.answer_malformed"
	LDAPTooLarge    Code = "ldap.answer_too_large"
	LDAPUnavailable Code = "ldap.unavailable"

	// The service account.
	LDAPBindPassword     Code = "ldap.bind_password_missing"
	LDAPNotBound         Code = "ldap.not_bound"
	LDAPService          Code = "ldap.service_account_refused"
	LDAPServiceExpired   Code = "ldap.service_password_expired"
	LDAPServiceLocked    Code = "ldap.service_account_locked"
	LDAPServiceDisabled  Code = "ldap.service_account_disabled"
	LDAPServiceElsewhere Code = "ldap.service_account_restricted"
	LDAPServiceEnds      Code = "ldap.service_password_ends_soon"
	LDAPStronger         Code = "ldap.encryption_required"
	LDAPRights           Code = "ldap.no_read_rights"

	// Looking people up.
	LDAPBaseMissing    Code = "ldap.base_missing"
	LDAPBase           Code = "ldap.base_unknown"
	LDAPSearch         Code = "ldap.search_failed"
	LDAPReferral       Code = "ldap.referral"
	LDAPNobody         Code = "ldap.filter_finds_nobody"
	LDAPSizeLimit      Code = "ldap.size_limit"
	LDAPDuplicate      Code = "ldap.filter_finds_several"
	LDAPSubject        Code = "ldap.subject_unstable"
	LDAPSubjectMissing Code = "ldap.subject_not_sent"
	LDAPNoGroups       Code = "ldap.groups_not_seen"
	LDAPNested         Code = "ldap.groups_nested"

	// The person. Of the first five the person must learn no more than that it did not work, so that nobody learns who
	// exists: what they typed is asked for again. The others are told only to who typed the right password.
	LDAPInput           Code = "ldap.input_invalid"
	LDAPPersonUnknown   Code = "ldap.person_unknown"
	LDAPPersonAmbiguous Code = "ldap.person_ambiguous"
	LDAPPassword        Code = "ldap.password_wrong"
	LDAPLocked          Code = "ldap.account_locked"
	LDAPDisabled        Code = "ldap.account_disabled"
	LDAPAccountExpired  Code = "ldap.account_expired"
	LDAPLogonHours      Code = "ldap.logon_restricted"
	LDAPPasswordExpired Code = "ldap.password_expired"
	LDAPPasswordChange  Code = "ldap.password_must_change"
)

var ldapFaults = map[Code]Entry{
	LDAPSettings:    {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The connection's directory settings cannot be used as they stand.", Fix: "Correct the setting that the detail names; the address has the form ldaps://dc1.corp.example."},
	LDAPPlain:       {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory would be reached without encryption, and everybody's password would travel in clear.", Fix: "Begin the address with ldaps:// (port 636), or keep ldap:// (port 389) and switch on StartTLS."},
	LDAPFilter:      {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The user filter or group filter is no LDAP filter, or does not say where the name goes.", Fix: "Write it as RFC 4515 does, each part in parentheses, with %s in the place of the user name, for example (|(uid=%s)(mail=%s)); in the group filter %s is the person's DN and %u the user name."},
	LDAPMode:        {Status: 424, Side: Ours, Public: "unavailable", Cause: "The directory's port speaks the other mode of encryption: TLS from the first byte where StartTLS was tried, or the other way round.", Fix: "Port 636 (global catalog 3269) is LDAPS: address ldaps:// without StartTLS. Port 389 (3268) is plain LDAP: address ldap:// with StartTLS."},
	LDAPStartTLS:    {Status: 424, Side: IdP, Public: "unavailable", Cause: "The directory server refuses StartTLS.", Fix: "Install a server certificate on it: Active Directory takes the one in the computer's Personal store with the purpose Server Authentication, OpenLDAP the one in TLSCertificateFile (olcTLSCertificateFile)."},
	LDAPTLS:         {Status: 424, Side: IdP, Public: "unavailable", Cause: "No TLS connection to the directory could be made.", Fix: "Enable TLS 1.2 or newer on the directory server, and check that it has a server certificate with its private key: without one a domain controller closes port 636 at once."},
	LDAPUntrusted:   {Status: 424, Side: Ours, Public: "unavailable", Cause: "The directory's certificate comes from an authority that is not known here, as is usual inside a company.", Fix: "Paste the certificate of the company's own authority (AD CS: certutil -ca.cert ca.cer, in Base64) into CA certificate."},
	LDAPHostName:    {Status: 424, Side: Ours, Public: "unavailable", Cause: "The directory's certificate is made out to other names than the one in the address.", Fix: "Use one of the certificate's names in the address: the server's full DNS name rather than an IP address or alias; or have a certificate made that lists this name."},
	LDAPCertExpired: {Status: 424, Side: IdP, Public: "unavailable", Cause: "The directory's certificate is expired or not valid yet.", Fix: "Renew the server certificate of the directory; a domain controller takes a new one from the Personal store without a restart."},
	LDAPCertEnds:    {Status: 200, Side: IdP, Public: "unavailable", Cause: "The directory's certificate ends soon.", Fix: "Renew the server certificate of the directory before that day. If it comes from another authority then, add that one to CA certificate first."},
	LDAPAnswer:      {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "What answers at the address does not speak LDAP as the standard has it.", Fix: "Check host and port: 636 or 389 of a domain controller or LDAP server, not a web server or a proxy in front of it."},
	LDAPTooLarge:    {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The directory's answer is larger than the broker reads.", Fix: "Narrow the user filter or group filter; if it is one person's entry, look for an attribute of a megabyte in it."},
	LDAPUnavailable: {Status: 424, Side: IdP, Public: "unavailable", Cause: "The directory was reached, and is busy, shutting down or closes the connection.", Fix: "Look at the directory server's state and log; nothing needs to be changed in the connection."},

	LDAPBindPassword:     {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The service account has no password entered.", Fix: "Fill in Bind password: with an empty one a directory lets anybody in, as nobody."},
	LDAPNotBound:         {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory lets nobody search who has not signed in to it, and the connection has no service account.", Fix: "Fill in Bind DN and Bind password of an account that may read the directory."},
	LDAPService:          {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory refuses the service account: its name or its password is wrong.", Fix: "Write Bind DN as the user principal name (svc@corp.example) or the full DN, and type Bind password again. Try once only: each wrong attempt counts towards the account's lock-out."},
	LDAPServiceExpired:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The service account's password has expired or must be changed.", Fix: "Active Directory Users and Computers > the account > Account: tick Password never expires, untick User must change password at next logon, set a new password and enter it as Bind password."},
	LDAPServiceLocked:    {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The service account is locked after too many wrong passwords.", Fix: "Active Directory Users and Computers > the account > Account: Unlock account. Then look for what else signs in with its old password."},
	LDAPServiceDisabled:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The service account is disabled or has expired.", Fix: "Active Directory Users and Computers: Enable Account, and set Account expires to Never."},
	LDAPServiceElsewhere: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The service account may not sign in at this hour or from this computer.", Fix: "Active Directory Users and Computers > the account > Account: allow all Logon Hours, and all computers under Log On To."},
	LDAPServiceEnds:      {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The service account's password ends soon, and with it all sign-ins.", Fix: "Tick Password never expires for the account, or set a new password before that day and enter it as Bind password."},
	LDAPStronger:         {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory takes passwords over encrypted connections only.", Fix: "Use an address with ldaps://, or switch on StartTLS."},
	LDAPRights:           {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The service account has no right to read there.", Fix: "Give it read access to the people and groups below User base and Group base (OpenLDAP: olcAccess … by dn.exact=\"…\" read)."},

	LDAPBaseMissing:    {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The connection does not say where in the directory the people are.", Fix: "Fill in User base; the check suggests the directory's own, for example DC=corp,DC=example."},
	LDAPBase:           {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "There is no such place in the directory as User base or Group base names, or the service account may not see it.", Fix: "Correct the DN from the part on that the directory does not know; in Active Directory it is the object's distinguishedName."},
	LDAPSearch:         {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The directory refuses the search.", Fix: "Look up the result code and the directory's own words in the detail; the server's log has more at the time of the attempt."},
	LDAPReferral:       {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory sends us to another server, which has the other part of the tree: referrals are not followed.", Fix: "Use the global catalog (ldaps://…:3269) with the forest's root as User base, or make a second connection for the other domain."},
	LDAPNobody:         {Status: 403, Side: Ours, Public: "not_allowed", Cause: "The service account signs in, and the user filter finds nobody below User base.", Fix: "Compare User filter with the attributes that people have there (Active Directory: sAMAccountName, userPrincipalName, mail; others: uid, mail), and User base with where they are."},
	LDAPSizeLimit:      {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The directory returns only the first part of a longer list.", Fix: "Sign-ins look for one person and are not touched. For whole lists raise the service account's limit (OpenLDAP: olcLimits … size=unlimited; Active Directory: MaxPageSize)."},
	LDAPDuplicate:      {Status: 403, Side: Ours, Public: "retry", Cause: "The user filter finds several people for one name, none of whom can sign in with it.", Fix: "Use attributes in User filter that are unique in the directory, or have the double value taken away from one of them."},
	LDAPSubject:        {Status: 200, Side: Ours, Public: "idp_misconfigured", Cause: "The attribute that identifies people can change, or come to belong to somebody else.", Fix: "Set Subject attribute to objectGUID (Active Directory), entryUUID (OpenLDAP), nsUniqueId (389 Directory Server) or ipaUniqueID (FreeIPA)."},
	LDAPSubjectMissing: {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The directory does not give out the attribute that identifies people.", Fix: "Set Subject attribute to one that the check lists, or give the service account the right to read it."},
	LDAPNoGroups:       {Status: 200, Side: Ours, Public: "idp_misconfigured", Cause: "The directory's entries do not list people's groups.", Fix: "Fill in Group base and Group filter, for example (member=%s); or switch on the memberof overlay in OpenLDAP."},
	LDAPNested:         {Status: 200, Side: Ours, Public: "idp_misconfigured", Cause: "Some groups have groups as members, and plain memberOf does not list what is inherited.", Fix: "Switch on Nested groups, or use the group that people are direct members of."},

	LDAPInput:           {Status: 400, Side: User, Public: "retry", Cause: "User name or password is empty, too long or no text, so the directory was not asked.", Fix: "Type both, as at the computers of the company."},
	LDAPPersonUnknown:   {Status: 403, Side: User, Public: "retry", Cause: "The directory has nobody of this name below User base whom the user filter finds.", Fix: "Compare the name with the attributes in User filter. If the person is in another part of the tree or another domain, widen User base or use the global catalog (port 3269)."},
	LDAPPersonAmbiguous: {Status: 403, Side: IdP, Public: "retry", Cause: "The directory has several people of this name, so none of them is signed in.", Fix: "Use attributes in User filter that are unique, or have the double value taken away from one of them."},
	LDAPPassword:        {Status: 403, Side: User, Public: "retry", Cause: "The person's password is wrong.", Fix: "Type it again: it is the one of the company's computers."},
	LDAPLocked:          {Status: 403, Side: User, Public: "retry", Cause: "The person's account is locked after too many wrong passwords.", Fix: "Wait until the lock ends, or unlock it: Active Directory Users and Computers > the person > Account > Unlock account."},
	LDAPDisabled:        {Status: 403, Side: User, Public: "not_allowed", Cause: "The person's account is disabled in the directory.", Fix: "Enable it in the directory if the person is to sign in (Active Directory Users and Computers: Enable Account)."},
	LDAPAccountExpired:  {Status: 403, Side: User, Public: "not_allowed", Cause: "The person's account has expired.", Fix: "Active Directory Users and Computers > the person > Account: set Account expires to Never or to a later day."},
	LDAPLogonHours:      {Status: 403, Side: User, Public: "not_allowed", Cause: "The person may not sign in at this hour, or only from certain computers.", Fix: "Active Directory Users and Computers > the person > Account: look at Logon Hours and Log On To."},
	LDAPPasswordExpired: {Status: 403, Side: User, Public: "password_change", Cause: "The person's password has expired.", Fix: "The person sets a new one at a computer of the company, or the help desk does."},
	LDAPPasswordChange:  {Status: 403, Side: User, Public: "password_change", Cause: "The person has to change the password before the first use.", Fix: "The person changes it at a computer of the company, or the administrator unticks User must change password at next logon."},
}

// BindRefused reports whether a directory refused an account with this fault, so that to ask again would count towards the
// account's lock-out.
func BindRefused(c Code) bool {
	return c == LDAPService || c == LDAPServiceExpired || c == LDAPServiceLocked || c == LDAPServiceDisabled || c == LDAPServiceElsewhere
}
