package fault

// directoryConsoles says what to click about a directory that sends its people here, by provider.
var directoryConsoles = map[string]map[Code]consoleFix{
	"entra": {
		SCIMNeverCalled: {both: "Enterprise apps > the app > Provisioning > Admin Credentials: paste our address into Tenant URL and the token into Secret Token, then Test Connection.", label: "Tenant URL|Secret Token|Test Connection"},
		SCIMNothingSent: {both: "Provisioning > Start provisioning; assign people under Users and groups; Provision on demand sends one at once. A cycle takes about 40 minutes.", label: "Start provisioning|Users and groups|Provision on demand"},
		SCIMPaused:      {both: "Provisioning says quarantine: mend what the last refusals name, Admin Credentials > Test Connection, Save, then Restart provisioning.", label: "Test Connection|Restart provisioning"},
		SCIMStopped:     {both: "Provisioning > View provisioning logs, and Current cycle status: quarantine means that it has paused; then Test Connection and Restart provisioning.", label: "Provisioning logs|Restart provisioning"},
		SCIMGroupsSent:  {both: "Provisioning > Mappings > Provision Microsoft Entra ID Groups > Enabled = No.", label: "Provision Microsoft Entra ID Groups|Enabled"},
		SCIMSamePerson:  {both: "Provisioning > Mappings > Provision Microsoft Entra ID Users: let userName, or emails[type eq \"work\"].value, come from mail; then merge the two accounts here.", label: "Mappings|emails[type eq \"work\"].value"},
		SCIMExternalID:  {both: "Provisioning > Mappings > Provision Microsoft Entra ID Users: let externalId come from objectId, in place of mailNickname; then Restart provisioning.", label: "Mappings|externalId|objectId"},
		SCIMTokenEnds:   {both: "Make a new token here, paste it into Provisioning > Admin Credentials > Secret Token, Test Connection, Save.", label: "Secret Token|Test Connection"},
	},
	"okta": {
		SCIMNeverCalled: {both: "Applications > the app > Provisioning > Integration > Edit: paste our address into SCIM connector base URL and the token into HTTP Header > Authorization, then Test Connector Configuration.", label: "SCIM connector base URL|Authorization|Test Connector Configuration"},
		SCIMNothingSent: {both: "Applications > the app > Provisioning > To App > Edit: tick Create Users, Update User Attributes and Deactivate Users; then Assignments > Provision User for those who are assigned already.", label: "To App|Create Users|Update User Attributes|Deactivate Users"},
		SCIMPaused:      {both: "Applications > the app > Provisioning > Integration > Test Connector Configuration, then Dashboard > Tasks > Retry Selected.", label: "Test Connector Configuration|Retry Selected"},
		SCIMStopped:     {both: "Dashboard > Tasks lists what could not be sent; Provisioning > To App says whether people are sent at all.", label: "Tasks|To App"},
		SCIMGroupsSent:  {both: "Applications > the app > Push Groups > the group > Unlink pushed group, and untick Push Groups under Provisioning > Integration.", label: "Push Groups"},
		SCIMSamePerson:  {both: "Applications > the app > Sign On > Application username format = Email; then merge the two accounts here.", label: "Application username format"},
		SCIMExternalID:  {both: "Applications > the app > Provisioning > To App > Attribute Mappings: externalId is user.id; send the same identifier by the sign-in's attribute statement.", label: "Attribute Mappings|externalId"},
		SCIMTokenEnds:   {both: "Make a new token here, paste it into Provisioning > Integration > HTTP Header > Authorization, Test Connector Configuration, Save.", label: "Authorization|Test Connector Configuration"},
	},
	"onelogin": {
		SCIMNeverCalled: {both: "Applications > the app > Configuration: paste our address into SCIM Base URL and the token into SCIM Bearer Token, then API Connection > Enable.", label: "SCIM Base URL|SCIM Bearer Token|API Connection"},
		SCIMNothingSent: {both: "Applications > the app > Provisioning: tick Enable provisioning, and approve who stands as pending under Users.", label: "Enable provisioning|Users"},
		SCIMGroupsSent:  {both: "Applications > the app > Parameters > Groups: untick Include in User Provisioning.", label: "Include in User Provisioning"},
		SCIMSamePerson:  {both: "Applications > the app > Parameters > scimusername = Email; then merge the two accounts here.", label: "scimusername"},
		SCIMTokenEnds:   {both: "Make a new token here, paste it into Configuration > SCIM Bearer Token, and Save.", label: "SCIM Bearer Token"},
	},
	"pingone": {
		SCIMNeverCalled: {both: "Integrations > Provisioning > the connection > Configuration: paste our address into SCIM Base URL and the token into Oauth Access Token, then Test Connection.", label: "SCIM Base URL|Oauth Access Token|Test Connection"},
		SCIMNothingSent: {both: "Integrations > Provisioning > Rules: make a New Rule from PingOne to this connection and switch both on.", label: "New Rule"},
		SCIMGroupsSent:  {both: "Integrations > Provisioning > the rule > Group Provisioning: take the groups out.", label: "Group Provisioning"},
		SCIMTokenEnds:   {both: "Make a new token here, paste it into Configuration > Oauth Access Token, Test Connection, Save.", label: "Oauth Access Token|Test Connection"},
	},
	"pingfederate": {
		SCIMNeverCalled: {both: "SP Connections > our connection > Outbound Provisioning > Target: paste our address into SCIM URL and the token into Access Token.", label: "SCIM URL|Access Token"},
		SCIMNothingSent: {both: "SP Connections > our connection > Outbound Provisioning > Manage Channels: Channel Status = Active; and pf.provisioner.mode in run.properties is not OFF.", label: "Channel Status|pf.provisioner.mode"},
		SCIMTokenEnds:   {both: "Make a new token here and paste it into Outbound Provisioning > Target > Access Token.", label: "Access Token"},
	},
	"jumpcloud": {
		SCIMNeverCalled: {both: "SSO Applications > the app > Identity Management > Configure: paste our address into Base URL and the token into Token Key, then Test Connection.", label: "Base URL|Token Key|Test Connection"},
		SCIMNothingSent: {both: "SSO Applications > the app > Identity Management: Activate; then tick the groups whose people are sent under User Groups.", label: "Activate|User Groups"},
		SCIMGroupsSent:  {both: "SSO Applications > the app > Identity Management: untick Enable management of User Groups and Group Membership in this application.", label: "Enable management of User Groups and Group Membership in this application"},
		SCIMTokenEnds:   {both: "Make a new token here, paste it into Identity Management > Token Key, Test Connection, save.", label: "Token Key|Test Connection"},
	},
}
