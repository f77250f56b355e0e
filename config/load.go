package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const maxFile = 1 << 20

// Load reads the settings. file is the YAML file named on the command line; "" leaves it to CLOAKROOM_CONFIG, and
// without that there is none. The error, if any, is a Faults.
func Load(flags *pflag.FlagSet, environ []string, file string) (*Config, error) {
	l := &loader{settings: table()}
	l.read(flags, environ, file)
	c := &Config{}
	for _, s := range l.settings {
		l.apply(c, s)
	}
	l.check(c)
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return c, nil
}

// layer is one place settings come from.
type layer struct {
	values *koanf.Koanf
	origin func(setting) string // how a person finds the value there
}

type loader struct {
	settings []setting
	layers   []layer // the strongest first
	faults   Faults
}

func (l *loader) read(flags *pflag.FlagSet, environ []string, path string) {
	if flags != nil {
		byKey := func(name, value string) (string, any) { return strings.ReplaceAll(name, "-", "_"), value }
		l.add(posflag.ProviderWithValue(flags, ".", nil, byKey), func(s setting) string { return "--" + s.flag() })
	}
	l.add(env.Provider("", env.Opt{
		Prefix:        prefix,
		EnvironFunc:   func() []string { return environ },
		TransformFunc: l.fromEnv,
	}), setting.env)
	if path == "" {
		path = lookup(environ, prefix+"CONFIG")
	}
	if path != "" {
		l.readFile(path)
	}
	defaults := map[string]any{}
	for _, s := range l.settings {
		defaults[s.key] = s.def
	}
	l.add(confmap.Provider(defaults, "."), func(setting) string { return "the default" })
}

func (l *loader) add(p koanf.Provider, origin func(setting) string) {
	k := koanf.New(".")
	if err := k.Load(p, nil); err != nil {
		l.faults = append(l.faults, Fault{Message: err.Error()})
	}
	l.layers = append(l.layers, layer{k, origin})
}

// serviceLink matches what Kubernetes puts into the environment for a Service whose name begins with "cloakroom".
var serviceLink = regexp.MustCompile(`^CLOAKROOM_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)$`)

// fromEnv names the key of an environment variable, "" for none. An empty variable counts as not set, since compose files
// and unit files often pass on what they do not have.
func (l *loader) fromEnv(name, value string) (string, any) {
	key := strings.ToLower(strings.TrimPrefix(name, prefix))
	switch {
	case l.known(key):
		if value == "" {
			return "", nil
		}
		return key, value
	case name == prefix+"CONFIG", strings.HasPrefix(name, prefix+"TEST_"), serviceLink.MatchString(name),
		strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://"):
		return "", nil
	}
	l.unknown(name, func(s string) string { return prefix + strings.ToUpper(s) })
	return "", nil
}

func (l *loader) readFile(path string) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = errors.New("is larger than 1 MiB")
	}
	if err != nil {
		l.fault("CLOAKROOM_CONFIG (--config)", "%s cannot be read: %s", path, reason(err))
		return
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		l.fault("CLOAKROOM_CONFIG (--config)", "%s is not YAML of the form \"setting: value\": %s", path, yamlReason(err))
		return
	}
	for _, key := range k.Keys() {
		if !l.known(key) {
			l.unknown(key, func(s string) string { return s })
			k.Delete(key)
		}
	}
	l.layers = append(l.layers, layer{k, func(s setting) string { return s.key + " in " + path }})
}

// yamlReason keeps line numbers and drops what the parser quotes of the file: it may be a secret.
func yamlReason(err error) string {
	if m := regexp.MustCompile(`line \d+`).FindString(err.Error()); m != "" {
		return "see " + m
	}
	return "it is not a list of settings"
}

// apply finds the strongest layer that speaks of a setting and parses what it says.
func (l *loader) apply(c *Config, s setting) {
	for _, layer := range l.layers {
		faults := len(l.faults)
		value, ok := l.value(layer, s)
		if len(l.faults) > faults {
			return
		}
		if !ok {
			continue
		}
		if err := s.parse(c, value); err != nil {
			message := err.Error()
			if origin := layer.origin(s); origin != s.env() {
				message += " (from " + origin + ")"
			}
			l.fault(s.spellings(), "%s", message)
		}
		return
	}
}

// value answers what one layer says of a setting, directly or through its …_FILE variant.
func (l *loader) value(from layer, s setting) (string, bool) {
	direct, ok := text(from.values.Get(s.key))
	path, byFile := text(from.values.Get(s.key + "_file"))
	if !s.secret || !byFile {
		return direct, ok
	}
	if ok {
		l.fault(s.spellings(), "is set twice: directly and through %s_FILE; keep one", s.env())
		return "", false
	}
	b, err := readSecret(path)
	if err != nil {
		l.fault(s.env()+"_FILE (--"+s.flag()+"-file, "+s.key+"_file: in the file)", "%s cannot be read: %s", path, reason(err))
		return "", false
	}
	return b, true
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", errors.New("is larger than 1 MiB")
	}
	b, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	return strings.TrimSpace(string(b)), err
}

// text renders a YAML value as the environment would have it: lists with commas.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, ","), true
	}
	return strings.TrimSpace(fmt.Sprint(v)), true
}

func (l *loader) known(key string) bool {
	return slices.ContainsFunc(l.settings, func(s setting) bool {
		return s.key == key || s.secret && s.key+"_file" == key
	})
}

// unknown reports a name that is no setting, with the nearest one that is.
func (l *loader) unknown(name string, spell func(key string) string) {
	best, least := "", 4
	for _, s := range l.settings {
		if d := distance(name, spell(s.key)); d < least {
			best, least = spell(s.key), d
		}
	}
	file, byFile := strings.CutSuffix(strings.ToLower(name), "_file")
	switch {
	case byFile && l.known(strings.TrimPrefix(file, strings.ToLower(prefix))):
		best = name[:len(file)] // no secret, so it has no such variant
	case name == prefix+"PORT" || name == "port":
		best = spell("listen")
	case name == prefix+"URL" || name == "url":
		best = spell("base_url")
	}
	if best == "" {
		l.fault(name, "is not a setting; \"cloakroom serve --help\" lists them")
		return
	}
	l.fault(name, "is not a setting; did you mean %s?", best)
}

func (l *loader) fault(name, format string, args ...any) {
	l.faults = append(l.faults, Fault{name, fmt.Sprintf(format, args...)})
}

func lookup(environ []string, name string) string {
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			return v
		}
	}
	return ""
}

// reason is the bare cause of a file's error: its path is named by the caller.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
