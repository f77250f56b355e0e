package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// Micro is a time as it is stored: microseconds since 1970, 0 for the zero time.
func Micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micro.
func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// Clock is the present as the database can hold it.
func (db *DB) Clock() time.Time { return db.Now().UTC().Truncate(time.Microsecond) }

// Blob keeps a nil slice from becoming NULL.
func Blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Bytes is the inverse of Blob.
func Bytes(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Doc is v as JSON text, nothing escaped beyond what JSON needs.
func Doc(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// Undoc reads what Doc wrote.
func Undoc(doc string, v any) error { return json.Unmarshal([]byte(doc), v) }

// Text cuts s to n bytes and drops what a TEXT of PostgreSQL cannot hold. It is for what strangers send and nothing
// depends on: a browser's name, a message.
func Text(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// Digest is a hash of parts that no other parts give, base64url.
func Digest(parts ...string) string {
	h := sha256.New()
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{0})
		}
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Cursor is the opaque form of the last row's keys.
func Cursor(keys ...string) string {
	b, _ := json.Marshal(keys) // strings always marshal
	return base64.RawURLEncoding.EncodeToString(b)
}

// Keys reads a cursor with n keys; nil for the first page.
func Keys(cursor string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	var keys []string
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil || len(keys) != n || len(cursor) > 4096 {
		return nil, fault.New(fault.Invalid, "the cursor is not one that a list answered")
	}
	return keys, nil
}

// Like makes a LIKE pattern's literal part; the statement says ESCAPE '!'.
func Like(s string) string { return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) }
