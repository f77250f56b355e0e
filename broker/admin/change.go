package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// patched is the document of an object after a merge patch, its secrets masked.
func patched(old any, version int64, m Match, patch []byte) (map[string]any, error) {
	if err := m.check(version); err != nil {
		return nil, err
	}
	p, err := parseObjectDoc(patch)
	if err != nil {
		return nil, err
	}
	doc, err := docOf(old)
	if err != nil {
		return nil, err
	}
	return merge(doc, p).(map[string]any), nil
}

// changes are the fields that differ between two objects; secrets names secret fields that differ, which the documents
// do not show.
func changes(old, new any, secrets []string) ([]FieldChange, error) {
	before, err := docOf(old)
	if err != nil {
		return nil, err
	}
	after, err := docOf(new)
	if err != nil {
		return nil, err
	}
	out := diff(before, after)
	for _, pointer := range secrets {
		if !slices.ContainsFunc(out, func(c FieldChange) bool { return c.Pointer == pointer }) {
			out = append(out, FieldChange{pointer, broker.Masked, broker.Masked + " (another one)"})
		}
	}
	return out, nil
}

// told names the changed fields for the audit line.
func told(changed []FieldChange) string {
	names := make([]string, len(changed))
	for i, c := range changed {
		names[i] = c.Pointer
	}
	return "changed " + strings.Join(names, ", ")
}

// fixed refuses a new value for what names an object: addresses that customers have registered hang on it.
func fixed(pointer, field, got, want string) error {
	if got == want {
		return nil
	}
	var p problems
	p.add(pointer, "%s cannot be changed: it is %q; make a new object and delete this one", field, want)
	return p.err()
}

// ofRealm refuses an object that names another realm than the one it is sent to.
func ofRealm(p *problems, got, realm string) {
	if got != "" && got != realm {
		p.add("/realm", "is %q, but the object is in the realm %q", got, realm)
	}
}

// exists tells which object there is already.
func exists(err error, noun, name string) error {
	if errors.Is(err, broker.ErrExists) {
		return fault.Wrap(fault.Exists, err, "there is a %s %q already", noun, name)
	}
	return err
}

// keepSecrets puts the stored secrets where a document sent the mask back. It answers the pointers of those that differ.
func keepSecrets(p *problems, stored, sent map[string]*broker.Secret) (differ []string) {
	for _, pointer := range sortedKeys(sent) {
		value, old := sent[pointer], stored[pointer]
		if *value == broker.Masked {
			if old == nil {
				p.add(pointer, "is the mask of a secret; send the secret itself")
				continue
			}
			*value = *old
		}
		if old == nil && *value != "" || old != nil && *value != *old {
			differ = append(differ, pointer)
		}
	}
	return differ
}

// cut makes one page out of a list held in memory; the cursor is the key of the last item before it.
func cut[T any](all []T, p broker.Page, key func(T) string) ([]T, string) {
	all = slices.DeleteFunc(all, func(v T) bool { return p.Cursor != "" && key(v) <= p.Cursor })
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if len(all) <= p.Size() {
		return all, ""
	}
	all = all[:p.Size()]
	return all, key(all[len(all)-1])
}

// each walks a whole list, page after page.
func each[T any](list func(broker.Page) ([]T, string, error), f func(T) error) error {
	p := broker.Page{Limit: 200}
	for {
		items, next, err := list(p)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := f(item); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		if next == p.Cursor {
			return fmt.Errorf("a list does not advance beyond %q", next)
		}
		p.Cursor = next
	}
}

// attempt runs a read-change-write again when another writer came between, unless the caller named the version that it
// knows: then the loser must hear of it.
func attempt[T any](m Match, f func() (T, error)) (T, error) {
	for i := 0; ; i++ {
		v, err := f()
		if m != nil || i == 3 || !errors.Is(err, broker.ErrConflict) {
			return v, err
		}
	}
}
