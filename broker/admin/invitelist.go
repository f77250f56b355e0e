package admin

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// maxInvites is how many lines one list may have: all of them are stored in one transaction.
const maxInvites = 1000

// InviteList is what became of a list.
type InviteList struct {
	Created []*Invite   `json:"created"`
	Failed  []LineFault `json:"failed"`
}

// LineFault is a line of a list that was not taken.
type LineFault struct {
	Line   int                 `json:"line" doc:"As an editor counts: the header is line 1"`
	Email  string              `json:"email"`
	Errors []broker.FieldError `json:"errors" doc:"Pointers name the columns"`
}

// line is one line read.
type line struct {
	number int
	sent   NewInvite
	faults broker.FieldErrors
}

// CreateInvites invites everybody on a list: CSV with a header line that names the columns. Where a line is wrong nothing
// is done and every wrong line answered, unless partial says to take the good ones.
func (s *Service) CreateInvites(ctx context.Context, a Actor, realm string, list []byte, partial bool) (InviteList, error) {
	r, err := s.enter(ctx, a, realm, toSupport)
	if err != nil {
		return InviteList{}, err
	}
	lines, err := readInviteList(list)
	if err != nil {
		return InviteList{}, err
	}
	out := InviteList{Created: []*Invite{}, Failed: []LineFault{}}
	var good []built
	seen := map[string]int{}
	for _, l := range lines {
		b, err := s.buildLine(ctx, a, r, &l, seen)
		if err != nil {
			return InviteList{}, err
		}
		if len(l.faults) > 0 {
			out.Failed = append(out.Failed, LineFault{Line: l.number, Email: l.sent.Email, Errors: l.faults})
			continue
		}
		good = append(good, b)
	}
	if len(out.Failed) > 0 && !partial {
		return InviteList{}, badLines(out.Failed)
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		out.Created = out.Created[:0]
		for _, b := range good {
			v, err := s.storeInvite(ctx, a, r, b.invite, b.app, b.mail)
			if err != nil {
				return err
			}
			out.Created = append(out.Created, v)
		}
		return nil
	})
	return out, err
}

type built struct {
	invite *broker.Invite
	app    *broker.Client
	mail   bool
}

// buildLine checks one line; what is wrong with it ends up in its faults.
func (s *Service) buildLine(ctx context.Context, a Actor, r *broker.Realm, l *line, seen map[string]int) (built, error) {
	if len(l.faults) > 0 {
		return built{}, nil
	}
	if l.sent.Email == "" {
		l.faults = broker.FieldErrors{{Pointer: "/email", Detail: "is missing"}}
		return built{}, nil
	}
	i, app, err := s.buildInvite(ctx, a, r, l.sent)
	if found := FieldErrors(err); found != nil {
		l.faults = found
		return built{}, nil
	}
	if err != nil {
		return built{}, err
	}
	if before, twice := seen[i.Email]; twice {
		l.faults = broker.FieldErrors{{Pointer: "/email", Detail: fmt.Sprintf("stands on line %d already", before)}}
		return built{}, nil
	}
	seen[i.Email] = l.number
	return built{i, app, l.sent.byMail()}, nil
}

// badLines answers every bad line at once.
func badLines(failed []LineFault) error {
	var all broker.FieldErrors
	for _, f := range failed {
		for _, e := range f.Errors {
			all = append(all, broker.FieldError{Pointer: fmt.Sprintf("/%d%s", f.Line, e.Pointer), Detail: e.Detail})
		}
	}
	return fault.Wrap(fault.Invalid, all, "%d lines are wrong, and nobody was invited; partial=true invites those on the good ones", len(failed))
}

// inviteColumns are the columns a list may have, and how each is read.
func inviteColumns() map[string]func(n *NewInvite, v string) error {
	return map[string]func(n *NewInvite, v string) error{
		"email":        func(n *NewInvite, v string) error { n.Email = v; return nil },
		"connection":   func(n *NewInvite, v string) error { n.Connection = v; return nil },
		"client_id":    func(n *NewInvite, v string) error { n.ClientID = v; return nil },
		"client_realm": func(n *NewInvite, v string) error { n.ClientRealm = v; return nil },
		"locale":       func(n *NewInvite, v string) error { n.Locale = v; return nil },
		"note":         func(n *NewInvite, v string) error { n.Note = v; return nil },
		"invited_by":   func(n *NewInvite, v string) error { n.InvitedBy = v; return nil },
		"groups": func(n *NewInvite, v string) error {
			n.Groups = strings.FieldsFunc(v, func(r rune) bool { return r == ';' || r == '|' || r == ',' })
			return nil
		},
		"excluded": func(n *NewInvite, v string) error { return yesNo(&n.Excluded, v) },
		"send": func(n *NewInvite, v string) error {
			n.Send = new(bool)
			return yesNo(n.Send, v)
		},
		"expires_in": func(n *NewInvite, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil {
				return errors.New("is not a duration like 336h")
			}
			n.ExpiresIn = broker.Duration(d)
			return nil
		},
		"expires_at": func(n *NewInvite, v string) error {
			for _, form := range []string{time.RFC3339, time.DateOnly} {
				if t, err := time.Parse(form, v); err == nil {
					n.ExpiresAt = t
					return nil
				}
			}
			return errors.New("is not a date like 2026-12-31")
		},
	}
}

func yesNo(b *bool, v string) error {
	switch strings.ToLower(v) {
	case "true", "yes", "1":
		*b = true
	case "false", "no", "0":
		*b = false
	default:
		return errors.New("is true or false")
	}
	return nil
}

// readInviteList reads a list. Programs for tables write a byte order mark and, where the comma is the decimal sign,
// semicolons; both are taken.
func readInviteList(b []byte) ([]line, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return nil, fault.New(fault.Malformed, "the list is not UTF-8: save it as CSV UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	if first, _, _ := bytes.Cut(b, []byte("\n")); bytes.Contains(first, []byte(";")) && !bytes.Contains(first, []byte(",")) {
		r.Comma = ';'
	}
	head, err := inviteHead(r)
	if err != nil {
		return nil, err
	}
	var lines []line
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if len(lines) == maxInvites {
			return nil, fault.New(fault.TooLarge, "a list has at most %d lines", maxInvites)
		}
		l, err := readInviteLine(r, head, record, err)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
}

func inviteHead(r *csv.Reader) ([]string, error) {
	head, err := r.Read()
	if err != nil {
		return nil, fault.Wrap(fault.Malformed, err, "the list has no header line: its first line names the columns, at least email")
	}
	var p problems
	known := inviteColumns()
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(head[i]))
		switch {
		case known[head[i]] == nil:
			p.add("/1/"+escape(clipped(head[i])), "is no column of a list of invitations")
		case slices.Contains(head[:i], head[i]):
			p.add("/1/"+head[i], "is named twice")
		}
	}
	if !slices.Contains(head, "email") {
		p.add("/1/email", "is missing: the first line names the columns")
	}
	return head, p.err()
}

func clipped(s string) string { return strings.ToValidUTF8(s[:min(len(s), 40)], "") }

// readInviteLine turns a record into a line; failed is what the CSV reader said of it.
func readInviteLine(r *csv.Reader, head, record []string, failed error) (line, error) {
	var broken *csv.ParseError
	if errors.As(failed, &broken) {
		return line{number: broken.StartLine, faults: broker.FieldErrors{{Pointer: "", Detail: broken.Err.Error()}}}, nil
	}
	if failed != nil {
		return line{}, fault.Wrap(fault.Malformed, failed, "the list cannot be read")
	}
	l := line{}
	l.number, _ = r.FieldPos(0)
	if len(record) > len(head) {
		l.faults = append(l.faults, broker.FieldError{Pointer: "", Detail: fmt.Sprintf("has %d fields, the header names %d", len(record), len(head))})
		return l, nil
	}
	columns := inviteColumns()
	for i, v := range record {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if err := columns[head[i]](&l.sent, v); err != nil {
			l.faults = append(l.faults, broker.FieldError{Pointer: "/" + head[i], Detail: err.Error()})
		}
	}
	return l, nil
}
