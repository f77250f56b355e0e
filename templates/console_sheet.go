package templates

// ConsoleSheet is what the customer's administrator needs to connect their identity provider, on a page made to be printed:
// it stands alone, so the steps are on it.
type ConsoleSheet struct {
	Console
	Wizard  Wizard
	Guide   Guide
	HelpURL string // of the provider's page in the handbook, absolute
	Made    string // the day
}

func (ConsoleSheet) Name() string { return "console_sheet" }

// Steps are those in the provider's console. The handbook's last one is ours to do.
func (s ConsoleSheet) Steps() []string {
	steps := s.Wizard.Guide.Steps
	if n := len(steps); n > 0 && steps[n-1] == ownStep {
		return steps[:n-1]
	}
	return steps
}

// ownStep is how every guide ends.
const ownStep = "Run a test login on the connection here before switching it on."

// Wanted are the values to send back, and those that will do where they cannot be had.
func (s ConsoleSheet) Wanted() []WizardTake  { return s.takes(true) }
func (s ConsoleSheet) Instead() []WizardTake { return s.takes(false) }

func (s ConsoleSheet) takes(first bool) []WizardTake {
	var out []WizardTake
	for _, t := range s.Wizard.Take {
		if t.First == first {
			out = append(out, t)
		}
	}
	return out
}

// Secret says that one of the values must not be written down.
func (s ConsoleSheet) Secret() bool {
	for _, t := range s.Wizard.Take {
		if t.Secret {
			return true
		}
	}
	return false
}
