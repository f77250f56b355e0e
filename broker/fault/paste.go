package fault

// The codes of what is pasted into the connection wizard, and of connections that are still drafts.
const (
	LoginDraft Code = "login.connection_draft"

	PasteEmpty         Code = "paste.empty"
	PasteTooLarge      Code = "paste.too_large"
	PasteUnknown       Code = "paste.not_understood"
	PasteAmbiguous     Code = "paste.ambiguous"
	PasteGuessed       Code = "paste.guessed"
	PasteCleaned       Code = "paste.cleaned"
	PasteDerived       Code = "paste.derived"
	PasteMasked        Code = "paste.masked"
	PasteField         Code = "paste.other_field"
	PasteSecretID      Code = "paste.secret_id"
	PasteTruncated     Code = "paste.secret_truncated"
	PasteConsole       Code = "paste.console_address"
	PasteAppLink       Code = "paste.app_link"
	PasteEndpoint      Code = "paste.other_address"
	PastePlaceholder   Code = "paste.placeholder"
	PasteInsecure      Code = "paste.not_https"
	PastePrivate       Code = "paste.private_host"
	PasteProvider      Code = "paste.other_provider"
	PasteProtocol      Code = "paste.other_protocol"
	PasteMessage       Code = "paste.message"
	PasteOwn           Code = "paste.our_own_value"
	PasteCertBare      Code = "paste.certificate_without_header"
	PasteCertMended    Code = "paste.certificate_mended"
	PasteCertBroken    Code = "paste.certificate_broken"
	PasteCertBundle    Code = "paste.certificate_bundle"
	PasteNoCertificate Code = "paste.not_a_certificate"
	PastePrivateKey    Code = "paste.private_key"
	PasteCloud         Code = "paste.other_cloud"
	PasteAnyTenant     Code = "paste.any_tenant"
	PasteSlug          Code = "paste.slug"
	PasteUnusual       Code = "paste.unusual"
	PasteForeignHost   Code = "paste.unusual_host"
	PasteRedirect      Code = "paste.redirect_not_listed"
	PasteDirectoryPort Code = "paste.directory_port"
	PasteBindName      Code = "paste.bind_name_short"
)

var pasteFaults = map[Code]Entry{
	LoginDraft: {Status: 403, Side: Ours, Public: "unavailable", Cause: "This connection is a draft: something that it needs is still missing.", Fix: "Open the connection's setup page in the console, finish its steps and switch it on."},

	PasteEmpty:         {Status: 422, Side: Ours, Public: "ours", Cause: "Nothing was pasted, or only blanks.", Fix: "Copy the value in the provider's console once more and paste it here."},
	PasteTooLarge:      {Status: 413, Side: Ours, Public: "ours", Cause: "What was pasted is larger than 1 MiB.", Fix: "Paste the value or the metadata of this one application, not a whole federation's."},
	PasteUnknown:       {Status: 422, Side: Ours, Public: "ours", Cause: "This is none of the values that a connection is made of.", Fix: "Paste the metadata address or file, or the value that the step on the left names."},
	PasteAmbiguous:     {Status: 422, Side: Ours, Public: "ours", Cause: "The text could be more than one of the values that are needed.", Fix: "Paste each line together with its label, or use the labelled fields."},
	PasteGuessed:       {Status: 200, Side: Ours, Public: "ours", Cause: "The values had no labels, so which is which was told from their order.", Fix: "Compare the fields below with the provider's console before you test."},
	PasteCleaned:       {Status: 200, Side: Ours, Public: "ours", Cause: "The text had blanks, quotes or invisible characters around the value; they were left out.", Fix: "Nothing has to be done, unless the value really begins or ends with them."},
	PasteDerived:       {Status: 200, Side: Ours, Public: "ours", Cause: "Another address of the provider was pasted; the one that is needed was made from it.", Fix: "Compare it with the provider's console; the check that follows will tell if it is not right."},
	PasteMasked:        {Status: 422, Side: Ours, Public: "ours", Cause: "The secret is hidden behind dots or asterisks, so only the dots were copied.", Fix: "Show the secret in the provider's console first, or make a new one, and copy the whole value."},
	PasteField:         {Status: 422, Side: Ours, Public: "ours", Cause: "This value belongs into another field.", Fix: "Paste it into the field that the detail names, or into the one field that takes everything."},
	PasteSecretID:      {Status: 422, Side: IdP, Public: "ours", Cause: "This is the id of the secret, not the secret itself.", Fix: "Copy the column Value of the secret; it is shown only right after the secret was made. Make a new client secret if it is hidden."},
	PasteTruncated:     {Status: 200, Side: Ours, Public: "ours", Cause: "The secret is shorter than this provider's secrets are; part of it may not have been copied.", Fix: "Copy the whole value with the copy button of the provider's console."},
	PasteConsole:       {Status: 422, Side: IdP, Public: "ours", Cause: "This is the address of a page in the provider's console, not of its sign-in service.", Fix: "Copy the value that stands on that page, not the page's own address."},
	PasteAppLink:       {Status: 422, Side: IdP, Public: "ours", Cause: "This is the link of the application's tile, which would make every sign-in one that nobody asked for.", Fix: "Copy the metadata address or the single sign-on address of the application instead."},
	PasteEndpoint:      {Status: 422, Side: IdP, Public: "ours", Cause: "The address belongs to the provider, but none of its documents or sign-in addresses is there.", Fix: "Copy the address that the step on the left names."},
	PastePlaceholder:   {Status: 422, Side: IdP, Public: "ours", Cause: "The text still has a placeholder where a value of the customer belongs.", Fix: "Copy the real value from the provider's console, not from a manual."},
	PasteInsecure:      {Status: 200, Side: IdP, Public: "ours", Cause: "The address begins with http://, so what is fetched from it could be changed on its way.", Fix: "Use the address with https://, if the provider has one."},
	PastePrivate:       {Status: 200, Side: Network, Public: "ours", Cause: "The address looks like one that exists inside the customer's network only.", Fix: "For SAML upload the metadata file instead; for OpenID Connect the address must be reachable from here."},
	PasteProvider:      {Status: 422, Side: Ours, Public: "ours", Cause: "The value is of another provider than the one that was chosen.", Fix: "Choose that provider for this connection, or copy the value from the right console."},
	PasteProtocol:      {Status: 422, Side: Ours, Public: "ours", Cause: "The value belongs to the other protocol that this provider speaks.", Fix: "Choose that protocol for this connection, or make the application in the provider's console once more for this one."},
	PasteMessage:       {Status: 422, Side: Ours, Public: "ours", Cause: "This is a message of one sign-in, not a setting.", Fix: "Paste the provider's metadata here; to find out what is wrong with a message, use the connection's explanation page."},
	PasteOwn:           {Status: 422, Side: Ours, Public: "ours", Cause: "This is our own value; it belongs into the provider's console.", Fix: "Copy it from the left into the provider's console, and paste the provider's value here."},
	PasteCertBare:      {Status: 200, Side: Ours, Public: "ours", Cause: "The certificate came without its BEGIN and END lines; they were added.", Fix: "Nothing has to be done; compare the fingerprint with the provider's console if in doubt."},
	PasteCertMended:    {Status: 200, Side: Ours, Public: "ours", Cause: "The certificate's lines were damaged in copying and could be put right.", Fix: "Nothing has to be done; compare the fingerprint with the provider's console if in doubt."},
	PasteCertBroken:    {Status: 422, Side: IdP, Public: "ours", Cause: "The certificate cannot be read: a part of it is missing or was changed in copying.", Fix: "Copy it once more from BEGIN CERTIFICATE to END CERTIFICATE, or upload the file."},
	PasteCertBundle:    {Status: 200, Side: IdP, Public: "ours", Cause: "Several certificates came together; those that can sign were taken.", Fix: "If answers are refused for their signature, paste the token-signing certificate alone."},
	PasteNoCertificate: {Status: 422, Side: IdP, Public: "ours", Cause: "This is not a certificate, but another kind of key file.", Fix: "Export the signing certificate itself: Base64-encoded X.509 (.cer)."},
	PastePrivateKey:    {Status: 422, Side: IdP, Public: "ours", Cause: "This is a private key, which must never leave the provider.", Fix: "Export the certificate without its key. Consider the key as known to others and replace it."},
	PasteCloud:         {Status: 200, Side: IdP, Public: "ours", Cause: "The address is of another cloud of this provider than the usual one.", Fix: "Nothing has to be done if the customer's directory is in that cloud; else copy the address from the right console."},
	PasteAnyTenant:     {Status: 422, Side: IdP, Public: "ours", Cause: "The address lets in people of any organisation; a customer's connection needs the customer's own.", Fix: "Use the address with the customer's directory id, or choose the preset for accounts of any organisation."},
	PasteUnusual:       {Status: 200, Side: IdP, Public: "ours", Cause: "The value does not look like this provider's values do.", Fix: "Compare it with the provider's console; the check that follows will tell if it is not right."},
	PasteForeignHost:   {Status: 200, Side: IdP, Public: "ours", Cause: "The address is not one of this provider's own.", Fix: "Nothing has to be done if the customer reaches the provider by an address of their own; else copy it once more."},
	PasteRedirect:      {Status: 200, Side: IdP, Public: "ours", Cause: "The application does not list our redirect address, at least not when its file was downloaded.", Fix: "Add the redirect address from the left to the application in the provider's console."},
	PasteDirectoryPort: {Status: 200, Side: Ours, Public: "ours", Cause: "The port of the address is usual for the other mode of encryption.", Fix: "Port 636 (global catalog 3269) goes with ldaps://, port 389 (3268) with ldap:// and StartTLS; change Server address unless the directory really listens otherwise."},
	PasteBindName:      {Status: 422, Side: Ours, Public: "ours", Cause: "The name of the service account does not say where the account is, and directories take no short name.", Fix: "Paste Bind DN as the user principal name (svc-cloakroom@corp.example) or as the full distinguished name (CN=svc-cloakroom,OU=Service,DC=corp,DC=example)."},
	PasteSlug:          {Status: 422, Side: Ours, Public: "ours", Cause: "A slug cannot have an underscore or other signs, because Okta and others refuse them in addresses.", Fix: "Use the letters a to z, digits and hyphens."},
}
