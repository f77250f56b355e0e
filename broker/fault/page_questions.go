package fault

// Question asks what tells this fault from others that look the same from here, because the sign-in ended on a page that we
// do not see; "" where nothing but the page could tell.
func Question(c Code) string { return questions[c] }

var questions = map[Code]string{
	IdPReplyURL:         "Does the page say that an address (Reply URL, ACS URL, redirect URI) does not match or is not registered?",
	IdPAppUnknown:       "Does the page say that the application, its identifier (Entity ID) or the client is not found?",
	IdPAppDisabled:      "Does the page say that the application is disabled or inactive, and for everybody?",
	IdPNotAssigned:      "Does the page say that this person is not assigned to, or has no access to, the application, while a colleague who is assigned gets in?",
	IdPPolicy:           "Does the page say that a policy, the device or the place forbids the sign-in?",
	IdPConsent:          "Does the page ask for an administrator's approval?",
	IdPAccountBlocked:   "Does the page say that the account is locked or disabled? Then other applications refuse this person too.",
	IdPWrongAccount:     "Does the page show another account than the organisation's own? Does it work in a private window?",
	IdPSignIn:           "Did the person get past the password and the second factor?",
	IdPNoValue:          "Does it fail for people without an e-mail address in the directory only?",
	IdPRequest:          "Does it happen to everybody, before any password is asked for?",
	IdPRequestSignature: "Does the page speak of a signature or of an invalid requester?",
	IdPEncryption:       "Does the identity provider's log speak of encryption?",
	IdPBrowser:          "Does it work in another browser, or in a tab of its own with cookies allowed?",
	IdPStale:            "Was the page a bookmark, open for long, or reached by the Back button?",
	IdPLoop:             "Did the address line change several times before the page came?",
	IdPOutage:           "Do other applications of this identity provider fail at the same time?",
	IdPPage:             "What does the page say, word by word, and which code does it show?",
	LoginCancelled:      "Was the window closed, or did the person go back or decline?",
	OIDCSecretRefused:   "Was the client secret replaced lately?",
	OIDCTenantUnknown:   "Is the tenant in the connection the directory that the page names?",
	OIDCOtherCloud:      "Does the directory belong to a national cloud (US Government, China)?",
	OIDCAccessDenied:    "Does the page say why it refuses?",
	OIDCRequest:         "Does it happen to everybody, before any password is asked for?",
	OIDCCodeUsed:        "Did the page come after a reload or a double click?",
	DoctorClock:         "Is the clock of the machine the broker runs on right?",
}
