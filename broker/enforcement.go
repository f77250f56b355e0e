package broker

// EnforcementCounts says whom the enforcement of a connection would concern: the people of its domains.
type EnforcementCounts struct {
	People    int64 `json:"people"`
	Keep      int64 `json:"keep" doc:"Come through this connection already"`
	Lose      int64 `json:"lose" doc:"Come another way today, or have not come yet, and could then use this connection only"`
	Elsewhere int64 `json:"elsewhere" doc:"Of those who lose: linked to other connections only"`
	Excluded  int64 `json:"excluded"`
	Sessions  int64 `json:"sessions" doc:"Sessions of theirs that came another way and would not be renewed"`
}
