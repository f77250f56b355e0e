package fault

// Doubts are what a diagnosis that is less than proved asks where the case itself names nothing: the faults that look just
// like it from here, each with the question that tells it apart.
func Doubts(c Code) []Alternative {
	if found := Neighbours(c); len(found) > 0 {
		return found
	}
	return []Alternative{{IdPPage, "What does the identity provider's own log say at the time of the attempt, word by word?"}}
}

// doubts are the neighbours of faults that are not about a page of the provider's.
var doubts = map[Code][]Alternative{
	OIDCTimeZone: {{ClockTheirs, "Is the clock on the provider's server wrong by that much? Then it is the clock, not the time zone."}},
	ClockTheirs:  {{ClockOurs, "Do the clocks of other identity providers differ from ours by as much? Then it is our clock."}},
	ClockOurs:    {{ClockTheirs, "Does only this identity provider's clock differ? Then it is theirs."}},

	OIDCAccessDenied: {
		{LoginCancelled, "Did the person go back or decline on the provider's page? Then nothing has to be changed."},
		{OIDCNotAssigned, "Does a colleague get in? Then this person is not assigned to the application."},
	},
	LoginCancelled:  {{OIDCAccessDenied, "Did the person neither go back nor decline? Then the provider refused: look at its sign-in log."}},
	OIDCNotAssigned: {{OIDCPolicy, "Is the person assigned to the application? Then a sign-in policy refuses: look at the provider's log."}},
	OIDCPolicy:      {{OIDCNotAssigned, "Does the provider's log name no policy? Then the person is not assigned to the application."}},
	OIDCConsent:     {{OIDCPolicy, "Has an administrator consented already? Then a policy forbids it: look at the provider's log."}},
	OIDCScope:       {{OIDCFlow, "Is every one of the connection's Scopes allowed for the application? Then the application may not use this kind of sign-in."}},
	OIDCFlow:        {{OIDCClientUnknown, "Is the grant type Authorization Code ticked? Then compare the Client ID: it may be another application's."}},
	OIDCRequest:     {{OIDCRedirectURI, "Does the message speak of the redirect URI or return address?"}},
	OIDCResource:    {{OIDCScope, "Has the client the permission on the Web API? Then one of the connection's Scopes is not granted there."}},
	OIDCRedirectURI: {{OIDCClientUnknown, "Is our redirect URI in the application, letter by letter? Then the Client ID is another application's."}},
	OIDCOtherCloud:  {{OIDCTenantUnknown, "Is the directory one of the ordinary cloud? Then its ID is mistyped."}},
	OIDCTenantUnknown: {
		{OIDCOtherCloud, questions[OIDCOtherCloud]},
	},
	OIDCPersonal: {{OIDCTenant, "Is it a work account, of another organisation? Then the person has to choose this organisation's."}},
	OIDCProvider: {
		{IdPOutage, "Do other applications of this provider fail at the same time? Then wait: nothing is wrong with the connection."},
		{OIDCRequest, "Does it fail each time, and only here? Then the provider does not take our request: its log says why."},
	},

	SCIMStopped: {{SCIMPaused, "Does the provider's console say that provisioning is paused, stopped or in quarantine?"}},
	SCIMPaused:  {{SCIMStopped, "Does the provider's console say that provisioning runs? Then nothing has changed there."}},

	OIDCSecretRefused: {
		{OIDCSecretExpired, "Did sign-ins work until some day? Then the secret has expired or was replaced."},
		{OIDCClientUnknown, "Is the Client ID, letter by letter, that of the application, and is the application still there?"},
	},
	OIDCSecretExpired: {{OIDCSecretRefused, "Is the secret's end date still to come? Then it was copied wrongly or replaced."}},
	OIDCClientUnknown: {{OIDCSecretRefused, "Is the Client ID right? Then the client secret is not."}},
	OIDCCodeRefused: {
		{OIDCCodeUsed, "Does it fail only now and then? Then something opened the address before us: a reload, a double click or a link scanner."},
		{OIDCRedirectURI, "Does it fail each time? Then compare Client ID and redirect URI, and the provider's clock."},
	},
	OIDCTokenBlocked: {{IdPOutage, "Do other applications of this provider fail too? Then it is an outage, not a firewall."}},
	FetchFirewall:    {{IdPOutage, "Do other applications of this provider fail too? Then it is an outage, not a firewall."}},
	FetchServer:      {{FetchFirewall, "Does the address open in a browser? Then something in front of it refuses our server."}},
	FetchDNS:         {{FetchBlocked, "Does the name resolve inside the company's network only? Then upload the metadata as a file, or publish the name."}},
	FetchTimeout:     {{FetchFirewall, "Does the address open in a browser outside the company's network? Then a firewall drops our server's packets."}},
	FetchUntrusted:   {{FetchChain, "Do browsers outside the company's network open the address without a warning? Then the server only forgets to send its intermediate certificate."}},
	FetchOldTLS:      {{FetchTLS, "Does a current browser open the address? Then server and broker have no cipher in common."}},
}
