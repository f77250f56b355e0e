package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// DirectoryLog keeps the last requests of each customer's directory and counts them.
type DirectoryLog struct{ base }

// directoryRequests is how many requests of a directory are kept.
const directoryRequests = 200

// counted is what a request counts as, beside being one.
type counted struct{ failures, refused, userReads, userWrites, groupReads, groupWrites int64 }

func countedOf(r *broker.DirectoryRequest, kind string) (c counted) {
	if r.Status >= 400 {
		c.failures = 1
		if r.Status == http.StatusUnauthorized {
			c.refused = 1
		}
		return c
	}
	switch read := r.Method == http.MethodGet; {
	case kind == "Users" && read:
		c.userReads = 1
	case kind == "Users":
		c.userWrites = 1
	case kind == "Groups" && read:
		c.groupReads = 1
	case kind == "Groups":
		c.groupWrites = 1
	}
	return c
}

// Add keeps a request and counts it; kind is what it was about: Users, Groups or something else.
func (s *DirectoryLog) Add(ctx context.Context, r broker.DirectoryRequest, kind string) error {
	if r.ID == "" { // sorts by the microsecond: a directory makes many requests at once
		r.ID = fmt.Sprintf("%016x", r.At.UnixMicro()) + broker.RandomToken(6)
	}
	r.Path, r.Detail, r.UserAgent = engine.Text(r.Path, 500), engine.Text(r.Detail, 1000), engine.Text(r.UserAgent, 200)
	doc, err := engine.Doc(r)
	if err != nil {
		return err
	}
	failure := ""
	if r.Status >= 400 {
		failure = doc
	}
	c, at := countedOf(&r, kind), engine.Micro(r.At)
	reads, users, groups := at*min(c.userReads+c.groupReads, 1), at*c.userWrites, at*c.groupWrites
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		_, err := t.Exec(ctx, `INSERT INTO scim_states (connection, realm, requests, failures, refused, user_reads, user_writes, group_reads, group_writes,
				first_at, last_at, last_read_at, last_user_write_at, last_group_write_at, last_failure) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (connection) DO UPDATE SET requests = scim_states.requests + 1, failures = scim_states.failures + excluded.failures, refused = scim_states.refused + excluded.refused,
				user_reads = scim_states.user_reads + excluded.user_reads, user_writes = scim_states.user_writes + excluded.user_writes,
				group_reads = scim_states.group_reads + excluded.group_reads, group_writes = scim_states.group_writes + excluded.group_writes, last_at = excluded.last_at,
				last_read_at = CASE WHEN excluded.last_read_at > 0 THEN excluded.last_read_at ELSE scim_states.last_read_at END,
				last_user_write_at = CASE WHEN excluded.last_user_write_at > 0 THEN excluded.last_user_write_at ELSE scim_states.last_user_write_at END,
				last_group_write_at = CASE WHEN excluded.last_group_write_at > 0 THEN excluded.last_group_write_at ELSE scim_states.last_group_write_at END,
				last_failure = CASE WHEN excluded.last_failure <> '' THEN excluded.last_failure ELSE scim_states.last_failure END`,
			r.Connection, r.Realm, c.failures, c.refused, c.userReads, c.userWrites, c.groupReads, c.groupWrites, at, at, reads, users, groups, failure)
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "INSERT INTO scim_requests (connection, id, realm, doc) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", r.Connection, r.ID, r.Realm, doc); err != nil {
			return err
		}
		_, err = t.Exec(ctx, "DELETE FROM scim_requests WHERE connection = ? AND id < (SELECT MIN(k.id) FROM (SELECT id FROM scim_requests WHERE connection = ? ORDER BY id DESC LIMIT ?) k)",
			r.Connection, r.Connection, int64(directoryRequests))
		return err
	})
}

// List gives the last requests of a connection's directory, the newest first.
func (s *DirectoryLog) List(ctx context.Context, connection string, p broker.Page) ([]broker.DirectoryRequest, string, error) {
	after, err := engine.Keys(p.Cursor, 1)
	if err != nil {
		return nil, "", err
	}
	where, args := "connection = ?", []any{connection}
	if after != nil {
		where, args = where+" AND id < ?", append(args, after[0])
	}
	var out []broker.DirectoryRequest
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out = nil
		return q.All(ctx, "SELECT doc FROM scim_requests WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, int64(p.Size()+1)), func(scan func(...any) error) error {
			var r broker.DirectoryRequest
			var doc string
			if err := scan(&doc); err != nil {
				return err
			}
			err := engine.Undoc(doc, &r)
			out = append(out, r)
			return err
		})
	})
	if err != nil || len(out) <= p.Size() {
		return out, "", err
	}
	out = out[:p.Size()]
	return out, engine.Cursor(out[len(out)-1].ID), nil
}

// State is how a connection's directory stands.
func (s *DirectoryLog) State(ctx context.Context, realm, connection string) (*broker.DirectoryState, error) {
	st := &broker.DirectoryState{Realm: realm, Connection: connection}
	var first, last, read, users, groups int64
	var failure string
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		err := q.Row(ctx, `SELECT requests, failures, refused, user_reads, user_writes, group_reads, group_writes, first_at, last_at, last_read_at, last_user_write_at, last_group_write_at, last_failure
			FROM scim_states WHERE connection = ?`, []any{connection}, &st.Requests, &st.Failures, &st.Refused, &st.UserReads, &st.UserWrites, &st.GroupReads, &st.GroupWrites,
			&first, &last, &read, &users, &groups, &failure)
		if engine.IsNotFound(err) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	st.FirstAt, st.LastAt, st.LastReadAt = engine.Time(first), engine.Time(last), engine.Time(read)
	st.LastUserWriteAt, st.LastGroupWriteAt = engine.Time(users), engine.Time(groups)
	if failure != "" {
		var r broker.DirectoryRequest
		if err := engine.Undoc(failure, &r); err != nil {
			return nil, err
		}
		st.LastFailureAt, st.LastFailureCode, st.LastFailureDetail, st.LastFailureMethod, st.LastFailurePath = r.At, r.Code, r.Detail, r.Method, r.Path
	}
	return st, s.present(ctx, st)
}

// present counts what the directory has now.
func (s *DirectoryLog) present(ctx context.Context, st *broker.DirectoryState) error {
	return s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		one := func(query string, to *int64) error { return q.Row(ctx, query, []any{st.Connection}, to) }
		return errors.Join(
			one("SELECT COUNT(*) FROM scim_users WHERE connection = ? AND NOT deleted", &st.Users),
			one("SELECT COUNT(*) FROM scim_users WHERE connection = ? AND active AND NOT deleted", &st.ActiveUsers),
			one("SELECT COUNT(*) FROM scim_users WHERE connection = ? AND deleted", &st.DeletedUsers),
			one("SELECT COUNT(*) FROM scim_groups WHERE connection = ?", &st.Groups),
		)
	})
}
