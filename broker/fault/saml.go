package fault

// The codes of SAML answers (SAML 2.0 core, bindings and profiles; contract, section 6).
const (
	// How the message arrived.
	SAMLBinding       Code = "saml.binding_refused"
	SAMLEncoding      Code = "saml.not_base64"
	SAMLTooLarge      Code = "saml.too_large"
	SAMLXMLInvalid    Code = "saml.xml_invalid"
	SAMLXMLForbidden  Code = "saml.xml_forbidden"
	SAMLXMLComplex    Code = "saml.xml_too_complex"
	SAMLXMLDuplicate  Code = "saml.xml_duplicate"
	SAMLNotResponse   Code = "saml.not_a_response"
	SAMLVersion       Code = "saml.version"
	SAMLIncomplete    Code = "saml.message_incomplete"
	SAMLNoAssertion   Code = "saml.no_assertion"
	SAMLSeveral       Code = "saml.several_assertions"
	SAMLReplayed      Code = "saml.replayed"
	SAMLUnsolicited   Code = "saml.unsolicited"
	SAMLLogoutInvalid Code = "saml.logout_invalid"
	SAMLLogoutFailed  Code = "saml.logout_failed"

	// What the identity provider said instead of an assertion.
	SAMLStatus             Code = "saml.status_failed"
	SAMLAuthnFailed        Code = "saml.authn_failed"
	SAMLNoAuthnContext     Code = "saml.no_authn_context"
	SAMLNameIDPolicy       Code = "saml.invalid_nameid_policy"
	SAMLNoPassive          Code = "saml.no_passive"
	SAMLRequestDenied      Code = "saml.request_denied"
	SAMLRequestUnsupported Code = "saml.request_unsupported"
	SAMLUnknownPrincipal   Code = "saml.unknown_principal"

	// Who signed it, and how.
	SAMLSignatureMissing   Code = "saml.signature_missing"
	SAMLSignatureInvalid   Code = "saml.signature_invalid"
	SAMLSignatureKey       Code = "saml.signature_key_unknown"
	SAMLSignatureAlgorithm Code = "saml.signature_algorithm"
	SAMLSignatureWeak      Code = "saml.signature_key_weak"
	SAMLSignatureShape     Code = "saml.signature_shape"

	// Encryption.
	SAMLDecryption          Code = "saml.decryption_failed"
	SAMLEncryptionRequired  Code = "saml.encryption_required"
	SAMLEncryptionAlgorithm Code = "saml.encryption_algorithm"

	// Who, for whom, when.
	SAMLIssuer          Code = "saml.issuer_mismatch"
	SAMLAudience        Code = "saml.audience_mismatch"
	SAMLAudienceMissing Code = "saml.audience_missing"
	SAMLRecipient       Code = "saml.recipient_mismatch"
	SAMLDestination     Code = "saml.destination_mismatch"
	SAMLInResponseTo    Code = "saml.in_response_to_mismatch"
	SAMLExpired         Code = "saml.expired"
	SAMLNotYetValid     Code = "saml.not_yet_valid"
	SAMLSessionExpired  Code = "saml.session_expired"
	SAMLConfirmation    Code = "saml.subject_confirmation_missing"
	SAMLCondition       Code = "saml.condition_unknown"
	SAMLAuthnStatement  Code = "saml.authn_statement_missing"

	// Configuration and metadata.
	SAMLConfig           Code = "saml.config_invalid"
	SAMLUnconfigured     Code = "saml.config_incomplete"
	SAMLOwnKey           Code = "saml.own_key_unavailable"
	SAMLMetadataFetch    Code = "saml.metadata_fetch"
	SAMLMetadataHTML     Code = "saml.metadata_is_html"
	SAMLMetadataInvalid  Code = "saml.metadata_invalid"
	SAMLMetadataEntity   Code = "saml.metadata_entity_unknown"
	SAMLMetadataSeveral  Code = "saml.metadata_several_entities"
	SAMLMetadataRole     Code = "saml.metadata_no_idp_role"
	SAMLMetadataSSO      Code = "saml.metadata_no_sso_endpoint"
	SAMLMetadataKeys     Code = "saml.metadata_no_signing_keys"
	SAMLMetadataExpired  Code = "saml.metadata_expired"
	SAMLMetadataTenant   Code = "saml.metadata_tenant_wide"
	SAMLCertificate      Code = "saml.certificate_invalid"
	SAMLCertExpired      Code = "saml.certificate_expired"
	SAMLCertExpiring     Code = "saml.certificate_expiring"
	SAMLCertWeak         Code = "saml.certificate_weak"
	SAMLCertOwn          Code = "saml.certificate_is_ours"
	SAMLSSOInsecure      Code = "saml.sso_url_insecure"
	SAMLSSOShape         Code = "saml.sso_url_not_for_us"
	SAMLRequestSigning   Code = "saml.request_signing_required"
	SAMLNameIDForced     Code = "saml.nameid_format_forced"
	SAMLContextForced    Code = "saml.authn_context_forced"
	SAMLWeakenedSecurity Code = "saml.weakened"

	// What only a closer look tells from its neighbours.
	SAMLSwapped           Code = "saml.addresses_swapped"
	SAMLKeyRolledOver     Code = "saml.signing_key_rolled_over"
	SAMLKeyInactive       Code = "saml.signing_key_not_active"
	SAMLDecryptionOld     Code = "saml.encrypted_to_old_certificate"
	SAMLDecryptionForeign Code = "saml.encrypted_to_foreign_certificate"
	SAMLClock             Code = "saml.clock_off"
	SAMLTimeZone          Code = "saml.clock_time_zone"
	SAMLNothingSaid       Code = "saml.nothing_said"
	SAMLNoEmail           Code = "saml.no_email_sent"
	SAMLGuest             Code = "saml.guest_account"
	SAMLNameIDPairwise    Code = "saml.nameid_pairwise"
	SAMLNameIDTransient   Code = "saml.nameid_transient"
	SAMLRelayState        Code = "saml.relay_state_lost"

	// Preflight: what the documents and settings say.
	SAMLMetadataOurs          Code = "saml.metadata_is_ours"
	SAMLMetadataConsole       Code = "saml.metadata_console_address"
	SAMLMetadataPlaceholder   Code = "saml.metadata_placeholder"
	SAMLMetadataEnding        Code = "saml.metadata_expiring"
	SAMLMetadataStatic        Code = "saml.metadata_static_copy"
	SAMLManualDiffers         Code = "saml.manual_differs"
	SAMLTheirsSwapped         Code = "saml.entity_and_sso_swapped"
	SAMLAddressOurs           Code = "saml.address_is_ours"
	SAMLSSOMetadata           Code = "saml.sso_url_is_metadata"
	SAMLSSOBinding            Code = "saml.sso_binding"
	SAMLCertNotSigning        Code = "saml.certificate_not_signing"
	SAMLCertNotYet            Code = "saml.certificate_not_yet_valid"
	SAMLCertSHA1              Code = "saml.certificate_sha1"
	SAMLEncryptionUnpublished Code = "saml.encryption_key_unpublished"
	SAMLNameIDUnoffered       Code = "saml.nameid_format_unoffered"
	SAMLNoLogout              Code = "saml.logout_unsupported"

	// Preflight: what the identity provider does with a request nobody is behind.
	SAMLSSONotFound   Code = "saml.sso_url_not_found"
	SAMLProbeAnswered Code = "saml.probe_signed_in"
)

var samlFaults = map[Code]Entry{
	SAMLBinding:       {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The sign-in answer came by the redirect binding, which SAML forbids for it.", Fix: "Set the answer's binding to HTTP-POST at the identity provider."},
	SAMLEncoding:      {Status: 400, Side: Network, Public: "retry", Cause: "The answer is not valid base64; it was cut off or altered on its way.", Fix: "Try again; if it stays, look for a proxy or firewall between browser and broker that rewrites large forms."},
	SAMLTooLarge:      {Status: 413, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is larger than 1 MiB.", Fix: "Send fewer attributes: limit the group claim to the groups that belong to this application."},
	SAMLXMLInvalid:    {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is not well-formed XML in UTF-8.", Fix: "Look for a proxy or a custom template that rewrites the identity provider's answers; the detail says where the XML breaks."},
	SAMLXMLForbidden:  {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The answer holds a construct that SAML messages must not have: a DOCTYPE, a processing instruction or an object inside a signature.", Fix: "Switch off extensions of the identity provider that add it; an unchanged product does not send this."},
	SAMLXMLComplex:    {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is nested too deeply or has too many elements.", Fix: "Send fewer attributes: limit the group claim to the groups that belong to this application."},
	SAMLXMLDuplicate:  {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The answer uses the same ID or attribute twice, as manipulated messages do.", Fix: "Try again without browser extensions or proxies; if it stays, report the reference to the identity provider's vendor."},
	SAMLNotResponse:   {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The message is not a SAML 2.0 Response.", Fix: "Choose SAML 2.0 (not WS-Federation or SAML 1.1) for this application at the identity provider."},
	SAMLVersion:       {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The message is not of SAML version 2.0.", Fix: "Choose SAML 2.0 for this application at the identity provider."},
	SAMLIncomplete:    {Status: 400, Side: IdP, Public: "idp_misconfigured", Cause: "The message lacks something that SAML requires, or has it twice.", Fix: "Undo custom templates of the identity provider; the detail names what is missing."},
	SAMLNoAssertion:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer reports success but holds no assertion.", Fix: "Check at the identity provider that the application is set up for SAML 2.0 web single sign-on and that a claim policy exists."},
	SAMLSeveral:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer holds several assertions; exactly one is taken.", Fix: "Send one assertion with all attributes in it."},
	SAMLReplayed:      {Status: 400, Side: User, Public: "stray", Cause: "This assertion has been used before.", Fix: "Nothing to mend if it was the Back button or a reload. If it happens to fresh sign-ins, the identity provider reuses assertion IDs."},
	SAMLUnsolicited:   {Status: 403, Side: Ours, Public: "stray", Cause: "The sign-in was started at the identity provider's portal, and this connection only takes those started here.", Fix: "Switch on IdP-initiated sign-in for the connection, or let the portal's tile open the connection's login link."},
	SAMLLogoutInvalid: {Status: 400, Side: IdP, Public: "stray", Cause: "The logout message is not signed by this connection's identity provider, not addressed to us or too old.", Fix: "Let the identity provider sign logout messages, and copy the logout address from the hand-over page."},
	SAMLLogoutFailed:  {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The identity provider could not sign the person out.", Fix: "Upload the current certificate of this connection at the identity provider and check its logout address."},

	SAMLStatus:             {Status: 403, Side: IdP, Public: "idp_refused", Cause: "The identity provider answered with an error instead of a sign-in.", Fix: "Look up the time of the attempt in the identity provider's log (AD FS: Event Viewer, events 321 and 364); status and message are in the detail."},
	SAMLAuthnFailed:        {Status: 403, Side: User, Public: "idp_refused", Cause: "The identity provider could not sign the person in.", Fix: "Try again; if it stays, check the person's account and the sign-in policies at the identity provider."},
	SAMLNoAuthnContext:     {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "We asked for a way of signing in that the identity provider cannot offer this person.", Fix: "Empty the connection's Requested authentication context, which is the default."},
	SAMLNameIDPolicy:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider cannot supply the Name ID in the requested format, for everybody or for this person only.", Fix: "AD FS: add a claim rule that transforms E-Mail Address to Name ID, format Email, and check that the person has a mail address. Or empty the connection's Name ID format."},
	SAMLNoPassive:          {Status: 403, Side: User, Public: "retry", Cause: "The identity provider would have to show a page, and a sign-in without any page was asked for.", Fix: "Sign in interactively: the application must not ask for prompt=none."},
	SAMLRequestDenied:      {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The identity provider does not permit this person to use this application.", Fix: "Assign the person or a group to the application; AD FS: Relying Party Trusts, Edit Access Control Policy."},
	SAMLRequestUnsupported: {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "Our request holds something that this identity provider does not support.", Fix: "Empty the connection's Name ID format and Requested authentication context; the provider's message is in the detail."},
	SAMLUnknownPrincipal:   {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The identity provider does not know the person.", Fix: "Create or assign the person at the identity provider."},

	SAMLSignatureMissing:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "Neither the answer nor its assertion is signed.", Fix: "Switch on signing of the assertion (or of assertion and response) at the identity provider."},
	SAMLSignatureInvalid:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "A signature in the answer does not fit its content: the answer was altered after signing.", Fix: "Look for a proxy or browser extension that rewrites pages; if there is none, report the reference to the identity provider's vendor."},
	SAMLSignatureKey:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is signed with a key that this connection does not know: another application's certificate, or a new one.", Fix: "Copy the signing certificate, or better the metadata address, of this very application again (Entra: App Federation Metadata Url; AD FS: the token-signing certificate)."},
	SAMLSignatureAlgorithm: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is signed with an algorithm that is not accepted.", Fix: "Set the signature and digest algorithm to RSA-SHA256 and SHA-256 at the identity provider (OneLogin: SAML Signature Algorithm; AD FS: Advanced, Secure hash algorithm)."},
	SAMLSignatureWeak:      {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is signed with an RSA key of fewer than 2048 bits.", Fix: "Make a new signing certificate of 2048 bits or more at the identity provider."},
	SAMLSignatureShape:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "A signature in the answer does not cover exactly the element it stands in, as manipulated messages do.", Fix: "Try again without browser extensions or proxies; if it stays, set canonicalization to Exclusive C14N at the identity provider."},

	SAMLDecryption:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion cannot be decrypted with any key of this connection.", Fix: "Upload this connection's current certificate as encryption certificate at the identity provider (AD FS: trust, Encryption), or switch encryption off there."},
	SAMLEncryptionRequired:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion is not encrypted, and this connection takes only encrypted ones.", Fix: "Switch on assertion encryption at the identity provider with this connection's certificate."},
	SAMLEncryptionAlgorithm: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion is encrypted with an algorithm that is not accepted.", Fix: "Choose AES-GCM with RSA-OAEP at the identity provider. Where it can do no better, an operator may allow CBC or RSA 1.5 for this connection."},

	SAMLIssuer:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer comes from an identity provider of another name than this connection's.", Fix: "Correct the connection's Entity ID (Issuer), letter by letter including http or https and a closing slash, or the issuer at the identity provider."},
	SAMLAudience:        {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is made out to another application.", Fix: "Copy our Entity ID from the hand-over page into the audience field of the provider (Okta: Audience URI; Entra: Identifier; OneLogin: Audience)."},
	SAMLAudienceMissing: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer does not say which application it is made out to.", Fix: "Fill the audience field of the provider with our Entity ID from the hand-over page."},
	SAMLRecipient:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion is addressed to another sign-in address than ours.", Fix: "Copy the ACS URL from the hand-over page into the provider's recipient or reply address field."},
	SAMLDestination:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is addressed to another sign-in address than ours, or a signed answer names none.", Fix: "Copy the ACS URL from the hand-over page into the provider's destination or reply address field."},
	SAMLInResponseTo:    {Status: 400, Side: User, Public: "stray", Cause: "The answer belongs to another sign-in than the one under way.", Fix: "Start again from the application in one tab. If it happens to everybody, the identity provider does not return the ID of our request."},
	SAMLExpired:         {Status: 403, Side: IdP, Public: "expired", Cause: "The answer had expired when it arrived.", Fix: "Try again; if every sign-in fails like this, set the identity provider's clock (NTP): the detail says how far off it is."},
	SAMLNotYetValid:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The answer is valid only from a time in the future.", Fix: "Set the identity provider's clock (NTP), or its time zone where the difference is whole hours: the detail says how far off it is."},
	SAMLSessionExpired:  {Status: 403, Side: IdP, Public: "expired", Cause: "The session at the identity provider had ended when its answer arrived.", Fix: "Sign in again; if it happens every time, set the identity provider's clock or lengthen its session."},
	SAMLConfirmation:    {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion has no bearer confirmation with recipient and time limit.", Fix: "Set the identity provider up for browser single sign-on (Web SSO profile), not for another profile."},
	SAMLCondition:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion sets a condition that we do not know and so cannot keep.", Fix: "Remove the custom condition at the identity provider."},
	SAMLAuthnStatement:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion does not say when and how the person signed in.", Fix: "Set the identity provider up for browser single sign-on (Web SSO profile), with an authentication statement."},

	SAMLConfig:           {Status: 422, Side: Ours, Public: "ours", Cause: "A SAML setting of this connection has a value it cannot have.", Fix: "Correct the setting that the detail names."},
	SAMLUnconfigured:     {Status: 503, Side: Ours, Public: "unavailable", Cause: "The connection lacks what is needed to send people to the identity provider.", Fix: "Give the metadata address, the metadata itself, or Entity ID, sign-on URL and certificate."},
	SAMLOwnKey:           {Status: 503, Side: Ours, Public: "ours", Cause: "Our own key for this connection could not be used.", Fix: "Check that the master key is the one that sealed it, and that the connection's key is RSA."},
	SAMLMetadataFetch:    {Status: 424, Side: Network, Public: "unavailable", Cause: "The identity provider's metadata could not be fetched.", Fix: "Open the metadata address in a browser; where it answers only inside the company's network, upload the metadata as a file."},
	SAMLMetadataHTML:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata is a web page, not an XML document.", Fix: "Copy the address of the metadata itself rather than of the page that shows it, and check that it opens without signing in."},
	SAMLMetadataInvalid:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata is not a SAML 2.0 metadata document.", Fix: "Download the metadata again at the identity provider and give it unchanged."},
	SAMLMetadataEntity:   {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata does not contain the identity provider named by the connection's Entity ID.", Fix: "Correct or empty the connection's Entity ID."},
	SAMLMetadataSeveral:  {Status: 403, Side: Ours, Public: "idp_misconfigured", Cause: "The metadata describes several identity providers and the connection does not say which is meant.", Fix: "Enter the Entity ID of the one that is meant."},
	SAMLMetadataRole:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata describes no identity provider; it may be that of an application.", Fix: "Give the identity provider's own metadata, not ours and not another application's."},
	SAMLMetadataSSO:      {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata offers no sign-on address by redirect or POST.", Fix: "Enable the redirect or POST endpoint at the identity provider (JumpCloud: Declare Redirect Endpoint) and export the metadata again."},
	SAMLMetadataKeys:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "No usable signing certificate of the identity provider is known.", Fix: "Export the metadata again with its signing certificate, or add the certificate by hand."},
	SAMLMetadataExpired:  {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata was valid only until a time that has passed.", Fix: "Give the metadata's address instead of a copy, or upload a fresh copy."},
	SAMLMetadataTenant:   {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "This is the directory's general metadata address; its certificates are not the ones the application signs with.", Fix: "Copy App Federation Metadata Url under Single sign-on, SAML Certificates; it ends in ?appid= and an identifier."},
	SAMLCertificate:      {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A certificate is damaged or not an X.509 certificate.", Fix: "Download the certificate again as Base64 (PEM) and paste it whole, with its BEGIN and END lines."},
	SAMLCertExpired:      {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A signing certificate of the identity provider has expired; signatures made with it still verify.", Fix: "Make a new signing certificate at the identity provider and give its metadata again."},
	SAMLCertExpiring:     {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A signing certificate of the identity provider expires soon.", Fix: "Plan its renewal: give the metadata's address so that the new one is noticed, or add the new certificate beside the old."},
	SAMLCertWeak:         {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A signing certificate has a key that is too short or of an unknown kind, so nothing signed with it is accepted.", Fix: "Make a new signing certificate with RSA of 2048 bits or more at the identity provider."},
	SAMLCertOwn:          {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The certificate given for the identity provider is our own.", Fix: "Copy the identity provider's signing certificate; ours belongs into its console."},
	SAMLSSOInsecure:      {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The sign-on address does not use https.", Fix: "Serve the identity provider over https and give that address."},
	SAMLSSOShape:         {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The sign-on address only starts sign-ins from the identity provider's own portal.", Fix: "Give the SAML sign-on URL (Okta: Sign on URL under View SAML setup instructions; PingFederate: /idp/SSO.saml2)."},
	SAMLRequestSigning:   {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The identity provider takes only signed requests, and signing is switched off here.", Fix: "Set Sign requests to auto or always."},
	SAMLNameIDForced:     {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The connection asks for a Name ID format, which this provider either refuses or lets override its own setting.", Fix: "Empty the connection's Name ID format."},
	SAMLContextForced:    {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The connection asks for one way of signing in, which fails for people who sign in another way.", Fix: "Empty the connection's Requested authentication context."},
	SAMLWeakenedSecurity: {Status: 422, Side: Ours, Public: "ours", Cause: "An outdated algorithm is allowed on this connection.", Fix: "Move the identity provider to SHA-256, AES-GCM and RSA-OAEP, then switch the exception off."},

	SAMLSwapped:           {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "Our two addresses stand in each other's field at the identity provider: the Entity ID where the ACS URL belongs, and the other way round.", Fix: "Exchange the two: the sign-on, reply or ACS URL field takes our ACS URL, the audience, identifier or Entity ID field takes our Entity ID."},
	SAMLKeyRolledOver:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider signs with a new certificate, and the connection still holds the old one.", Fix: "Compare the new certificate's fingerprint with the identity provider's console and give it to the connection; better, give the metadata's address instead of a copy, so that the next one is taken by itself."},
	SAMLKeyInactive:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider still signs with an older certificate than the one that the connection holds.", Fix: "Make the newer certificate the active one at the identity provider, or give the connection the older one beside it."},
	SAMLDecryptionOld:     {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion is encrypted with an earlier certificate of ours, which we cannot open any more.", Fix: "Upload this connection's current certificate as encryption certificate at the identity provider, or let it read our metadata again."},
	SAMLDecryptionForeign: {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The assertion is encrypted with a certificate that was never ours.", Fix: "Upload this connection's current certificate as encryption certificate at the identity provider, or switch encryption off there."},
	SAMLClock:             {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The clock of the identity provider is wrong.", Fix: "Set the identity provider's clock by NTP (Windows: w32tm /resync; Linux: chrony); until then AD FS can be told Set-AdfsRelyingPartyTrust -NotBeforeSkew 2."},
	SAMLTimeZone:          {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider writes local time and calls it UTC.", Fix: "Correct the time zone in the identity provider's software: SAML's times are in UTC; the clock itself is right."},
	SAMLNothingSaid:       {Status: 403, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider signed the person in and said nothing about them: neither a Name ID nor any attribute.", Fix: "Add claims or attribute statements to the application at the identity provider: the email address, first and last name, and the email address as Name ID."},
	SAMLNoEmail:           {Status: 403, Side: IdP, Public: "no_email", Cause: "Nothing in the answer is an email address.", Fix: "Send the email address as an attribute, and check that this person has one in the directory; the detail lists what was sent."},
	SAMLGuest:             {Status: 403, Side: IdP, Public: "not_allowed", Cause: "The person is a guest in the identity provider's directory, with a made-up user name.", Fix: "Send guests' own mail address as Name ID, let their domain in here, or do not assign guests to the application."},
	SAMLNameIDPairwise:    {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The Name ID is a made-up identifier instead of the value chosen in the console, as happens where its source is empty for a person.", Fix: "Choose a source that everybody has for the Name ID, or fill that field for this person."},
	SAMLNameIDTransient:   {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The Name ID is a transient one: another at each sign-in, so it identifies nobody.", Fix: "Release a lasting identifier: a persistent Name ID, or the attribute subject-id or pairwise-id."},
	SAMLRelayState:        {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider did not return RelayState as it was sent; the sign-in was found by the request's ID instead.", Fix: "Nothing has to be done. PingFederate: use the sign-on address /idp/SSO.saml2; otherwise look for a proxy that drops form fields."},

	SAMLMetadataOurs:          {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata given for the identity provider is our own.", Fix: "Give the identity provider's metadata here; ours belongs into its console."},
	SAMLMetadataConsole:       {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The address is that of the identity provider's administration pages, which only a signed-in administrator can open.", Fix: "Copy the metadata address that the console shows for the application; Okta: without -admin in the host name."},
	SAMLMetadataPlaceholder:   {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata is a template for all directories: its Entity ID holds a placeholder instead of this organisation's identifier.", Fix: "Copy App Federation Metadata Url under Single sign-on, SAML Certificates: it names the directory and ends in ?appid= and an identifier."},
	SAMLMetadataEnding:        {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata is valid only for a few more days.", Fix: "Give the metadata's address instead of a copy, or upload a fresh copy before the time in the detail."},
	SAMLMetadataStatic:        {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The metadata asks to be read again regularly, and the connection holds a copy that never changes.", Fix: "Give the metadata's address instead of the copy, so that a new signing certificate is noticed."},
	SAMLManualDiffers:         {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "A value entered by hand stands in front of the metadata's and differs from it.", Fix: "Empty the field that the detail names, so that the metadata's value is used, or correct it."},
	SAMLTheirsSwapped:         {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider's Entity ID and sign-on address seem to stand in each other's field.", Fix: "Exchange the two values; better, give the metadata's address and empty both."},
	SAMLAddressOurs:           {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A value given for the identity provider is one of our own.", Fix: "Copy the identity provider's value from its console; ours belongs into its console."},
	SAMLSSOMetadata:           {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The sign-on address is that of the metadata.", Fix: "Enter this address as metadata address and empty the sign-on address."},
	SAMLSSOBinding:            {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The sign-on address expects the request by the other binding.", Fix: "Set the connection's binding to the one that the detail names, or empty the sign-on address so that the metadata's is used."},
	SAMLCertNotSigning:        {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The certificate is not the one that the identity provider signs with: it is for encryption, or for a web server's TLS.", Fix: "Copy the token-signing certificate (AD FS Management > Service > Certificates > Token-signing > View > Details > Copy to File, Base-64); better, give the metadata."},
	SAMLCertNotYet:            {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A signing certificate of the identity provider is valid only from a time in the future; signatures made with it verify all the same.", Fix: "Nothing has to be done if it was made for the next roll-over; otherwise set the clock of the identity provider's server."},
	SAMLCertSHA1:              {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "A signing certificate is itself signed with SHA-1 or MD5. That is harmless, but such an old identity provider often signs its answers the same way, and those are refused.", Fix: "Set the signature algorithm for this application to SHA-256 at the identity provider; the certificate need not change."},
	SAMLEncryptionUnpublished: {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The identity provider encrypts as a rule and refuses applications whose metadata offers no key for it, as ours does not.", Fix: "Set the connection's Encryption to optional, so that our metadata offers a key, and give the metadata to the identity provider again."},
	SAMLNameIDUnoffered:       {Status: 422, Side: Ours, Public: "idp_misconfigured", Cause: "The connection asks for a Name ID format that the identity provider's metadata does not list.", Fix: "Empty the connection's Name ID format, or choose one that the metadata lists."},
	SAMLNoLogout:              {Status: 200, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider offers no logout: people are signed out of our side only, and the next sign-in may pass without a question.", Fix: "Register our logout address at the identity provider where it has a field for it; Google, GitHub and Apple have none."},

	SAMLSSONotFound:   {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "There is nothing at the sign-on address: the application was deleted or switched off, or the address is mistyped.", Fix: "Compare the sign-on address with the one that the identity provider's console shows, and check that the application is there and active."},
	SAMLProbeAnswered: {Status: 422, Side: IdP, Public: "idp_misconfigured", Cause: "The identity provider signed somebody in who had shown neither a cookie nor a password.", Fix: "Check who may reach the identity provider without authentication: a rule for trusted networks may cover the broker's address."},
}
