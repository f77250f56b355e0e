package store

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// userKeys are the columns that people are found by.
type userKeys struct {
	EmailKey    string
	LikeAddress string
	LikeName    string
}

func userKeysOf(u *broker.User) userKeys {
	k := userKeys{EmailKey: emailKey(u.Email)}
	if u.Status != broker.StatusMerged { // who is a part of somebody else is nobody's duplicate
		k.LikeAddress, k.LikeName = likeKey(broker.LikeAddress(u.Email)), likeKey(broker.LikeName(u))
	}
	return k
}

// emailKey is text in a form whose beginnings are ranges in every collation.
func emailKey(s string) string { return hex.EncodeToString([]byte(s)) }

func likeKey(s string) string {
	if s == "" {
		return ""
	}
	return engine.Digest("like", s)
}

// setGroups writes the side table that groups are listed from, where it is not as the user says.
func setGroups(ctx context.Context, t *engine.Txn, u *broker.User) error {
	want := make(map[string]bool, len(u.Groups))
	for _, g := range slices.Concat(u.Groups, u.ManualGroups) {
		want[g] = slices.Contains(u.ManualGroups, g)
	}
	var gone []string
	err := t.All(ctx, "SELECT name, manual FROM user_groups WHERE realm = ? AND user_id = ?", []any{u.Realm, u.ID}, func(scan func(...any) error) error {
		var name string
		var manual bool
		err := scan(&name, &manual)
		if now, in := want[name]; in && now == manual {
			delete(want, name)
		} else {
			gone = append(gone, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range gone {
		if _, err := t.Exec(ctx, "DELETE FROM user_groups WHERE realm = ? AND name = ? AND user_id = ?", u.Realm, name, u.ID); err != nil {
			return err
		}
	}
	for name, manual := range want {
		if _, err := t.Exec(ctx, "INSERT INTO user_groups (realm, name, user_id, manual) VALUES (?, ?, ?, ?)", u.Realm, name, u.ID, manual); err != nil {
			return err
		}
	}
	return nil
}

// search is one list of people under way. Whichever filter names the fewest people leads, so that a page is read from
// one index and never costs a walk over the realm.
type search struct {
	from  string   // the leading table as d, joined to users as u where it is another
	where []string // conditions, in the order of args
	args  []any
	keys  []string // ordered by these, unique together
	keyOf func(*userRow) []string
}

func (q *search) and(cond string, args ...any) {
	q.where, q.args = append(q.where, cond), append(q.args, args...)
}

// searchFor chooses the leading table. What a person has several of (links) counts once: the first of them.
func searchFor(realm string, f broker.UserFilter, prefix string) *search {
	q := &search{keys: []string{"d.user_id"}, keyOf: func(r *userRow) []string { return []string{r.ID} }}
	const join = " d JOIN users u ON u.realm = d.realm AND u.id = d.user_id"
	switch {
	case f.Link != "":
		q.from = "links" + join
		q.and("d.realm = ? AND d.subject = ?", realm, f.Link)
		q.and("NOT EXISTS (SELECT 1 FROM links x WHERE x.realm = d.realm AND x.subject = d.subject AND x.user_id = d.user_id AND x.connection < d.connection)")
	case f.Group != "":
		q.from = "user_groups" + join
		q.and("d.realm = ? AND d.name = ?", realm, f.Group)
	case f.Connection != "":
		q.from = "links" + join
		q.and("d.realm = ? AND d.connection = ?", realm, f.Connection)
		q.and("NOT EXISTS (SELECT 1 FROM links x WHERE x.realm = d.realm AND x.connection = d.connection AND x.user_id = d.user_id AND x.subject < d.subject)")
	case prefix == "" && f.Status != "" && f.Status != broker.StandingActive: // few
		q.from, q.keys = "users u", []string{"u.id"}
		q.and("u.realm = ?", realm)
	default:
		q.from, q.keys = "users u", []string{"u.email_key", "u.id"}
		q.keyOf = func(r *userRow) []string { return []string{emailKey(r.Email), r.ID} }
		q.and("u.realm = ?", realm)
	}
	return q
}

// narrow adds the filters that do not lead.
func (q *search) narrow(f broker.UserFilter, prefix string) {
	if f.Link != "" && f.Group != "" {
		q.and("EXISTS (SELECT 1 FROM user_groups g WHERE g.realm = u.realm AND g.name = ? AND g.user_id = u.id)", f.Group)
	}
	if f.Connection != "" && f.Link+f.Group != "" {
		q.and("EXISTS (SELECT 1 FROM links l WHERE l.realm = u.realm AND l.connection = ? AND l.user_id = u.id)", f.Connection)
	}
	if f.Status != "" {
		standing := f.Status
		if standing == broker.StandingActive {
			standing = broker.StatusActive
		}
		q.and("u.standing = ?", standing)
	}
	if prefix != "" {
		key := emailKey(folded(prefix))
		q.and("u.email_key >= ? AND u.email_key < ?", key, key+"g") // g follows every hexadecimal digit
	}
}

// Find gives a realm's users whom the filter names; the page's Query is the beginning of an address. They come by address,
// or by ID where a link, a group, a connection or a rare status leads.
func (s *Users) Find(ctx context.Context, realm string, f broker.UserFilter, p broker.Page) ([]*broker.User, string, error) {
	q := searchFor(realm, f, p.Query)
	q.narrow(f, p.Query)
	after, err := engine.Keys(p.Cursor, len(q.keys))
	if err != nil {
		return nil, "", err
	}
	switch len(after) {
	case 1:
		q.and(q.keys[0]+" > ?", after[0])
	case 2:
		q.and("("+strings.Join(q.keys, ", ")+") > (?, ?)", after[0], after[1])
	}
	rows, err := s.rows(ctx, "SELECT "+userColumns+" FROM "+q.from+" WHERE "+strings.Join(q.where, " AND ")+" ORDER BY "+strings.Join(q.keys, ", ")+" LIMIT ?",
		append(q.args, int64(p.Size()+1))...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > p.Size() {
		rows = rows[:p.Size()]
		next = engine.Cursor(q.keyOf(&rows[len(rows)-1])...)
	}
	out, err := things(rows, (*userRow).user)
	return out, next, err
}

// rows reads rows of userColumns.
func (s *Users) rows(ctx context.Context, query string, args ...any) (rows []userRow, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		rows = nil
		return q.All(ctx, query, args, func(scan func(...any) error) error {
			var r userRow
			err := scan(r.dest()...)
			rows = append(rows, r)
			return err
		})
	})
	return rows, err
}

// likeShown is how many people of a set of likely duplicates are answered.
const likeShown = 10

// Duplicates gives sets of people of a realm who may be one and the same: first those of one address but for case, dots
// and plus, then those of one name. Accounts that were merged into others are left out.
func (s *Users) Duplicates(ctx context.Context, realm string, p broker.Page) ([]*broker.Likeness, string, error) {
	after, err := engine.Keys(p.Cursor, 2)
	if err != nil {
		return nil, "", err
	}
	if after == nil {
		after = []string{"address", ""}
	}
	var out []*broker.Likeness
	last := after
	for _, reason := range []string{"address", "name"} {
		key := ""
		if reason == after[0] {
			key = after[1]
		} else if reason < after[0] {
			continue // address comes before name in the alphabet too
		}
		found, keys, err := s.alike(ctx, realm, reason, key, p.Size()+1-len(out))
		if err != nil {
			return nil, "", err
		}
		for i, l := range found {
			if len(out) == p.Size() {
				return out, engine.Cursor(last...), nil
			}
			out, last = append(out, l), []string{reason, keys[i]}
		}
	}
	return out, "", nil
}

// alike gives up to n sets of one reason, beyond the key after.
func (s *Users) alike(ctx context.Context, realm, reason, after string, n int) (out []*broker.Likeness, keys []string, err error) {
	column := "like_address"
	if reason == "name" {
		column = "like_name"
	}
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out, keys = nil, nil
		return q.All(ctx, "SELECT "+column+", COUNT(*) FROM users WHERE realm = ? AND "+column+" <> '' AND "+column+" > ? GROUP BY "+column+" HAVING COUNT(*) > 1 ORDER BY "+column+" LIMIT ?",
			[]any{realm, after, int64(n)}, func(scan func(...any) error) error {
				l, key := &broker.Likeness{Reason: reason}, ""
				err := scan(&key, &l.Count)
				out, keys = append(out, l), append(keys, key)
				return err
			})
	})
	for i := range out {
		rows, rerr := s.rows(ctx, "SELECT "+userColumns+" FROM users u WHERE u.realm = ? AND u."+column+" <> '' AND u."+column+" = ? ORDER BY u.created_at, u.id LIMIT ?", realm, keys[i], int64(likeShown))
		if rerr != nil {
			return nil, nil, rerr
		}
		if out[i].People, rerr = things(rows, (*userRow).user); rerr != nil {
			return nil, nil, rerr
		}
	}
	return out, keys, err
}
