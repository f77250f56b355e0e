package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"sync"

	"cloakroom/templates/locale"
)

//go:embed locale/directory/*.json
var directoryFiles embed.FS

// directorySteps are the steps in a provider's console that make it send its people here, by language and preset.
var directorySteps = sync.OnceValues(func() (map[string]map[string][]string, error) {
	out := map[string]map[string][]string{}
	for _, l := range locale.Languages() {
		b, err := directoryFiles.ReadFile("locale/directory/" + l.Code + ".json")
		if err != nil {
			return nil, fmt.Errorf("directory steps in %s: %w", l.Code, err)
		}
		steps := map[string][]string{}
		if err := json.Unmarshal(b, &steps); err != nil {
			return nil, fmt.Errorf("directory steps in %s: %w", l.Code, err)
		}
		out[l.Code] = steps
	}
	return out, nil
})

var boldText = regexp.MustCompile(`\*\*([^*]+)\*\*`)

// DirectorySteps are the steps in a preset's console, in a language, or those that fit every console. Labels stand there
// in English, with the console's own word in the language beside them where it is known.
func DirectorySteps(preset, lang string) []string {
	all, err := directorySteps()
	if err != nil {
		return nil
	}
	texts, ok := all[lang]
	if !ok {
		texts = all["en"]
	}
	steps, ok := texts[preset]
	if !ok {
		steps = texts["generic"]
	}
	out := make([]string, len(steps))
	for i, s := range steps {
		out[i] = boldText.ReplaceAllStringFunc(s, func(label string) string {
			if local := LocalLabel(preset, lang, label[2:len(label)-2]); local != "" {
				return label + " (" + local + ")"
			}
			return label
		})
	}
	return out
}

// SendsPeople reports whether a preset's console has steps of its own that make it send people.
func SendsPeople(preset string) bool {
	all, err := directorySteps()
	return err == nil && len(all["en"][preset]) > 0
}

// SetupDirectory is the part of a setup link's page about a directory that sends its people here. A new token is on the
// page that made it and on no other.
type SetupDirectory struct {
	Provider   string
	Steps      []string
	Path       string // the way to the fields, in English
	Fields     []CopyField
	TokenField CopyField // Value is the new token, this once
	Bearer     bool      // the console writes the word Bearer itself
	Make       string    // POST: makes a token
	Made, Ends string    // days, of the newest token; "" for none
	Test       string    // the console's word for trying the connection
	TestLocal  string
	State      string // none, refused, tested, provisioning, silent
	StateURL   string // GET: how things stand, for the page that follows it
	Seen       string // changes with what has arrived
	Last       When
	Users      int
	Inactive   int
	Groups     int
	Findings   []FindingCard
	LookURL    string
}

// StateID is the message id of how things stand.
func (d SetupDirectory) StateID() string {
	switch d.State {
	case "refused", "tested", "provisioning", "silent":
		return "directory.state_" + d.State
	}
	return "directory.state_none"
}

// Icon is the state of a step that fits how things stand.
func (d SetupDirectory) Icon() string {
	switch d.State {
	case "tested", "provisioning":
		return "done"
	case "refused", "silent":
		return "warning"
	}
	return "todo"
}

// Field is a console's field as a sentence names it.
func (d SetupDirectory) Field() string { return named(d.TokenField.Label, d.TokenField.Local) }

// Button is what tries the connection, as a sentence names it.
func (d SetupDirectory) Button() string { return named(d.Test, d.TestLocal) }

func named(label, local string) string {
	if local == "" {
		return "“" + label + "”"
	}
	return "“" + label + "” (" + local + ")"
}
