package broker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// Meta is what every stored object carries.
type Meta struct {
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"` // 1 at creation, one more at each change; the ETag
}

// Masked is what a secret looks like in every answer. Written back, it leaves the secret as it is.
const Masked = "********"

// Secret is a value that is written and never read back: it marshals as Masked. The store keeps it sealed.
type Secret string

func (s Secret) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte(`""`), nil
	}
	return []byte(`"` + Masked + `"`), nil
}

// String masks, so that no log line or error can print a secret. Use Reveal for the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return Masked
}

// GoString masks in %#v too.
func (s Secret) GoString() string { return s.String() }

// Reveal is the value itself.
func (s Secret) Reveal() string { return string(s) }

// Duration is a time.Duration written as in Go ("60s", "12h"); a JSON number is taken as seconds.
type Duration time.Duration

func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// String is exact in as few units as can be; what is short stays in seconds: 60s, 90s, 5m, 8h.
func (d Duration) String() string {
	if v := time.Duration(d); v > 0 && v < 2*time.Minute && v%time.Second == 0 {
		return strconv.Itoa(int(v/time.Second)) + "s"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func (d *Duration) UnmarshalJSON(b []byte) error {
	if n, err := strconv.ParseInt(string(b), 10, 32); err == nil {
		*d = Duration(time.Duration(n) * time.Second)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration is a text like \"60s\" or a number of seconds")
	}
	if s == "" {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration like \"60s\", \"15m\" or \"12h\"", s)
	}
	*d = Duration(v)
	return nil
}

// D is the plain duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// FieldError is one bad field. Pointer is a JSON pointer (RFC 6901) into the object sent.
type FieldError struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// FieldErrors are all bad fields of an object at once.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Pointer + ": " + f.Detail
	}
	return strings.Join(parts, "; ")
}

// fields collects FieldErrors.
type fields struct{ errs FieldErrors }

func (f *fields) add(pointer, format string, args ...any) {
	f.errs = append(f.errs, FieldError{pointer, fmt.Sprintf(format, args...)})
}

func (f *fields) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	return fault.Wrap(fault.Invalid, f.errs, "%s", counted(len(f.errs), "field is wrong", "fields are wrong"))
}
