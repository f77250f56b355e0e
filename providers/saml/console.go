package saml

import (
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// console is what a provider's console calls the fields that SAML faults are mended in, as "Label" or "Label (way
// there)". Our own addresses' fields are not here: they stand in the presets, with the hand-over page.
type console struct {
	nameID     string // what goes into the Name ID
	attributes string // what is sent about people
	signing    string // where the certificate that signs is copied from
	metadata   string // where the metadata's address is copied from
	issuer     string // what it calls itself
	sso        string // its sign-on address
	algorithm  string // signature algorithm
	sign       string // what gets signed
	encryption string // our certificate for encryption
	request    string // our certificate for verifying requests
	people     string // who may use the application
	portal     string // what the tile in its portal opens
	logout     string // our logout address
	email      string // a person's address in the directory
}

// consoleOf answers the console of a preset; the zero console has no words of its own. Labels are the consoles' own.
func consoleOf(preset string) console {
	switch preset {
	case "entra":
		return console{
			nameID:     "Unique User Identifier (Name ID) (Single sign-on > Attributes & Claims)",
			attributes: "Additional claims (Single sign-on > Attributes & Claims)",
			signing:    "Certificate (Base64) (Single sign-on > SAML Certificates)",
			metadata:   "App Federation Metadata Url (Single sign-on > SAML Certificates)",
			issuer:     "Microsoft Entra Identifier (Single sign-on > Set up)",
			sso:        "Login URL (Single sign-on > Set up)",
			algorithm:  "Signing Algorithm (Single sign-on > SAML Certificates > Edit)",
			sign:       "Signing Option (Single sign-on > SAML Certificates > Edit)",
			encryption: "Token encryption (the app > Token encryption)",
			request:    "Verification certificates (Single sign-on > SAML Certificates)",
			people:     "Users and groups (Enterprise apps > the app)",
			portal:     "Sign on URL (Single sign-on > Basic SAML Configuration)",
			logout:     "Logout Url (Single sign-on > Basic SAML Configuration; redirect binding)",
			email:      "Contact info > Email (Users > the person > Properties)",
		}
	case "okta":
		return console{
			nameID:     "Name ID format and Application username (General > SAML Settings > Edit)",
			attributes: "Attribute Statements (General > SAML Settings > Edit)",
			signing:    "X.509 Certificate (Sign On > View SAML setup instructions)",
			metadata:   "Metadata URL (Sign On)",
			issuer:     "Identity Provider Issuer (Sign On > View SAML setup instructions)",
			sso:        "Identity Provider Single Sign-On URL (Sign On > View SAML setup instructions)",
			algorithm:  "Signature Algorithm (General > SAML Settings > Show Advanced Settings)",
			sign:       "Response and Assertion Signature (General > SAML Settings > Show Advanced Settings)",
			encryption: "Assertion Encryption (General > SAML Settings > Show Advanced Settings)",
			request:    "Signature Certificate (General > SAML Settings > Show Advanced Settings)",
			people:     "Assignments (Applications > the app)",
			portal:     "Bookmark App (Applications > Browse App Catalog)",
			logout:     "Single Logout URL (General > SAML Settings > Show Advanced Settings)",
			email:      "Primary email (Directory > People > the person > Profile)",
		}
	case "adfs":
		return console{
			nameID:     "Edit Claim Issuance Policy > Add Rule > Transform an Incoming Claim: E-Mail Address to Name ID, format Email",
			attributes: "Edit Claim Issuance Policy > Add Rule > Send LDAP Attributes as Claims: E-Mail-Addresses to E-Mail Address",
			signing:    "Token-signing (AD FS Management > Service > Certificates)",
			metadata:   "https://<host>/FederationMetadata/2007-06/FederationMetadata.xml (AD FS Management > Service > Endpoints)",
			issuer:     "Federation Service identifier (AD FS Management > Edit Federation Service Properties)",
			sso:        "/adfs/ls/ (AD FS Management > Service > Endpoints)",
			algorithm:  "Secure hash algorithm (the trust's properties > Advanced)",
			sign:       "SamlResponseSignature (Set-AdfsRelyingPartyTrust)",
			encryption: "Encryption (the trust's properties)",
			request:    "Signature (the trust's properties)",
			people:     "Edit Access Control Policy (Relying Party Trusts > the trust)",
			logout:     "SAML Logout (the trust's properties > Endpoints)",
			email:      "E-mail (Active Directory Users and Computers > the person > General)",
		}
	case "google":
		return console{
			nameID:     "Name ID: Basic Information > Primary email (Service provider details)",
			attributes: "Attributes (SAML attribute mapping of the app)",
			signing:    "Certificate (the app > Service provider details > Manage certificates)",
			metadata:   "Download metadata (Google Identity Provider details)",
			issuer:     "Entity ID (Google Identity Provider details)",
			sso:        "SSO URL (Google Identity Provider details)",
			sign:       "Signed response (Service provider details)",
			people:     "User access (Apps > Web and mobile apps > the app)",
			portal:     "a web link app (Google's Start URL does not change what the tile opens)",
			email:      "Primary email (Directory > Users > the person)",
		}
	}
	return consoleOfOthers(preset)
}

func consoleOfOthers(preset string) console {
	switch preset {
	case "onelogin":
		return console{
			nameID:     "SAML nameID format (Configuration)",
			attributes: "Include in SAML assertion (Parameters > the field)",
			signing:    "X.509 Certificate (SSO > View Details)",
			metadata:   "Issuer URL (SSO)",
			issuer:     "Issuer URL (SSO)",
			sso:        "SAML 2.0 Endpoint (HTTP) (SSO)",
			algorithm:  "SAML Signature Algorithm (SSO)",
			sign:       "SAML signature element (Configuration)",
			encryption: "Encrypt assertion (Configuration)",
			people:     "Users and Access (the app)",
			portal:     "SAML initiator: Service Provider (Configuration)",
			logout:     "Single Logout URL (Configuration)",
			email:      "Email (Users > the person)",
		}
	case "keycloak":
		return console{
			nameID:     "Name ID format and Force name ID format (Clients > the client > Settings)",
			attributes: "Add mapper > User Property: email (Clients > the client > Client scopes > dedicated)",
			signing:    "Certificate (Realm settings > Keys)",
			metadata:   "SAML 2.0 Identity Provider Metadata (Realm settings > General)",
			issuer:     "SAML 2.0 Identity Provider Metadata (Realm settings > General)",
			sso:        "SAML 2.0 Identity Provider Metadata (Realm settings > General)",
			algorithm:  "Signature algorithm (Clients > the client > Settings)",
			sign:       "Sign documents or Sign assertions (Clients > the client > Settings)",
			encryption: "Encrypt assertions (Clients > the client > Keys)",
			request:    "Client signature required > Import key (Clients > the client > Keys)",
			people:     "Authentication flow overrides and roles (Clients > the client)",
			logout:     "Logout Service POST Binding URL (Clients > the client > Advanced)",
			email:      "Email (Users > the person)",
		}
	case "pingone":
		return console{
			nameID: "saml_subject (Attribute Mappings)", attributes: "Attribute Mappings (the application)",
			signing: "Download Signing Certificate (Configuration)", metadata: "IDP Metadata URL (Configuration)", issuer: "Issuer ID (Configuration)",
			sso: "Single Signon Service (Configuration)", people: "Access and the application's switch", logout: "SLO Endpoint (Configuration)", email: "Email (Identities > Users > the person)",
		}
	case "pingfederate":
		return console{
			nameID: "SAML_SUBJECT (SP Connections > Attribute Contract)", attributes: "Attribute Contract (SP Connections > Browser SSO > Assertion Creation)",
			signing: "Digital Signature Settings (SP Connections > Credentials)", sso: "/idp/SSO.saml2 on port 9031", issuer: "SAML 2.0 Entity ID or Virtual Server ID",
			encryption: "Encryption Policy (SP Connections > Protocol Settings)", request: "Signature Verification Certificate (SP Connections > Credentials)",
			people: "Active (SP Connections > our connection)", portal: "SP-initiated SSO (SP Connections > Browser SSO > SAML Profiles)", logout: "SLO Service URLs (SP Connections > Protocol Settings)",
		}
	case "jumpcloud":
		return console{
			nameID: "SAMLSubject NameID and its Format (SSO)", attributes: "User Attribute Mapping (SSO)", signing: "IDP Certificate (SSO)", metadata: "Copy Metadata URL (SSO)",
			issuer: "IdP Entity ID (SSO)", sso: "IDP URL (SSO; tick Declare Redirect Endpoint)", algorithm: "Signature Algorithm (SSO)", sign: "Sign (SSO)",
			request: "SP Certificate (SSO)", people: "User Groups (the application)", portal: "Login URL (SSO)", email: "Company Email (Users > the person)",
		}
	case "shibboleth":
		return console{
			nameID: "saml-nameid.xml (a persistent NameID, or release subject-id)", attributes: "attribute-filter.xml (mail for our Requester)",
			signing: "the metadata at /idp/shibboleth", metadata: "https://<idp>/idp/shibboleth", issuer: "entityID (idp.properties)",
			encryption: "our metadata in metadata-providers.xml, read again; or idp.encryption.optional=true", request: "our metadata in metadata-providers.xml, read again",
			people: "attribute-filter.xml and relying-party.xml", email: "mail (the person's directory entry)",
		}
	}
	return console{}
}

// worded puts the console's own words into a fault's fix, where this kind of provider has them and the fault has no more
// fitting ones already. The fault itself may be shared, so it is left as it is.
func (p *provider) worded(f *fault.Error) *fault.Error {
	format, field := remedy(f.Code, consoleOf(p.s.Preset))
	switch {
	case f.Fix != "":
		return f
	case field == "":
		return p.pageWorded(f)
	}
	label := field
	if i := strings.LastIndex(field, " ("); i > 0 {
		label = field[:i]
	}
	out, said := *f, fault.Sayf(format, field)
	if more := besides(f.Code, consoleOf(p.s.Preset)); more.Say != "" {
		said = fault.Sayf("%s %s", said, more)
	}
	out.Fix = out.Said.Note(said.String(), said)
	if !slices.Contains(out.Labels, label) {
		out.Labels = append([]string{label}, out.Labels...)
	}
	return &out
}

// pageWorded is worded for what the provider's own pages show too.
func (p *provider) pageWorded(f *fault.Error) *fault.Error {
	fix, labels := fault.ConsoleFix(p.s.Preset, "saml", f.Code)
	if fix == "" {
		return f
	}
	out := *f
	out.Fix, out.Labels = fix, labels
	return &out
}

// remedy is what to do about a fault, and in which field of the console; no field where the catalogue says all there is.
func remedy(code fault.Code, c console) (format, field string) {
	switch code {
	case fault.SAMLNameIDPolicy, fault.SAMLNameIDPairwise, fault.SAMLNameIDTransient, fault.SAMLGuest:
		return map[fault.Code]string{
			fault.SAMLNameIDPolicy:    "Give the Name ID a value that everybody has, the email address, in %s; if only one person is refused, that person's address is missing in the directory.",
			fault.SAMLNameIDPairwise:  "Choose a source that is filled for everybody in %s.",
			fault.SAMLNameIDTransient: "Release a lasting identifier: %s.",
			fault.SAMLGuest:           "Send the mail address of guests in %s; or let their domain in here, or do not assign guests.",
		}[code], c.nameID
	case fault.SAMLNothingSaid:
		return "Say who the person is in %s, and give the Name ID a value.", c.attributes
	case fault.SAMLNoEmail:
		return "Send the email address: %s.", c.attributes
	case fault.SAMLSignatureKey, fault.SAMLKeyRolledOver, fault.SAMLCertNotSigning, fault.SAMLCertOwn, fault.SAMLCertificate, fault.SAMLCertWeak, fault.SAMLMetadataKeys:
		return "Copy the certificate that this very application signs with: %s, and compare its fingerprint there.", c.signing
	case fault.SAMLCertExpired, fault.SAMLCertExpiring, fault.SAMLSignatureWeak:
		return "Make a new signing certificate at the identity provider, give it to the connection beside the old one, and then make it the active one there: %s.", c.signing
	case fault.SAMLMetadataTenant, fault.SAMLMetadataConsole, fault.SAMLMetadataHTML, fault.SAMLMetadataInvalid, fault.SAMLMetadataRole, fault.SAMLMetadataOurs, fault.SAMLMetadataPlaceholder,
		fault.SAMLMetadataExpired, fault.SAMLMetadataEnding, fault.SAMLMetadataStatic:
		return "Give the identity provider's metadata of this application: %s.", c.metadata
	case fault.FetchStatus:
		return "Open the metadata address in a browser that is signed in nowhere: it must show the XML. Compare it with %s, or give the metadata as a file.", c.metadata
	case fault.SAMLKeyInactive:
		return "Make the newer certificate the active one, or give the connection the older one beside it: %s.", c.signing
	case fault.SAMLIssuer, fault.SAMLMetadataEntity:
		return "Compare the connection's Entity ID letter by letter with %s, including http or https and a closing slash.", c.issuer
	case fault.SAMLSSOShape, fault.SAMLSSONotFound, fault.SAMLSSOMetadata, fault.SAMLTheirsSwapped, fault.SAMLAddressOurs:
		return "Compare the connection's sign-on address with %s, and check that the application is there and active.", c.sso
	}
	return otherRemedy(code, c)
}

func otherRemedy(code fault.Code, c console) (format, field string) {
	switch code {
	case fault.SAMLSignatureAlgorithm, fault.SAMLCertSHA1:
		return "Choose SHA-256 in %s.", c.algorithm
	case fault.SAMLSignatureMissing:
		return "Have the assertion signed: %s.", c.sign
	case fault.SAMLDecryption, fault.SAMLDecryptionOld, fault.SAMLDecryptionForeign, fault.SAMLEncryptionRequired, fault.SAMLEncryptionAlgorithm:
		return "Upload this connection's current certificate in %s, or switch encryption off there.", c.encryption
	case fault.SAMLRequestDenied, fault.SAMLUnknownPrincipal:
		return "Let the person, or a group the person is in, use the application: %s.", c.people
	case fault.SAMLUnsolicited:
		return "Switch on IdP-initiated sign-in for the connection, or let the portal's tile open the connection's login link: %s.", c.portal
	case fault.SAMLLogoutFailed, fault.SAMLLogoutInvalid:
		return "Upload this connection's current certificate and check our logout address in %s.", c.logout
	case fault.SAMLRequestSigning:
		return "Set Sign requests to auto or always here and upload this connection's certificate in %s, or switch the requirement off there.", c.request
	}
	return "", ""
}

// besides is a second way to mend a fault, or what to look at where only one person has it.
func besides(code fault.Code, c console) fault.Text {
	switch code {
	case fault.SAMLNoEmail:
		if c.email != "" {
			return fault.Sayf("If others get in, this person has none: fill %s.", c.email)
		}
	case fault.SAMLSignatureKey, fault.SAMLKeyRolledOver, fault.SAMLCertNotSigning, fault.SAMLCertOwn, fault.SAMLCertificate, fault.SAMLCertWeak, fault.SAMLMetadataKeys,
		fault.SAMLCertExpired, fault.SAMLCertExpiring, fault.SAMLSignatureWeak, fault.SAMLKeyInactive:
		if c.metadata != "" {
			return fault.Sayf("Better, give the metadata: %s.", c.metadata)
		}
	}
	return fault.Text{}
}
