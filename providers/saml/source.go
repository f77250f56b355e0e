package saml

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	refreshAfter = time.Hour        // a copy older than this is fetched again in the background
	retryAfter   = 15 * time.Second // how long a failed fetch is not repeated
	hurryAfter   = time.Minute      // how old a copy must be to be fetched again for an unknown signing key
	fetchTimeout = 10 * time.Second
)

// source answers what is known of the identity provider. Where it comes from a metadata address, the last good copy
// serves on while newer ones are fetched in the background, so an address that fails costs nobody a login.
type source struct {
	c   *config
	s   providers.Settings
	cur atomic.Pointer[copied]

	mu       sync.Mutex
	flight   *flight
	failed   error // of the last fetch
	failedAt time.Time
}

// copied is a copy of the metadata, as it is remembered for later Opens.
type copied struct {
	URL       string    `json:"url"`
	EntityID  string    `json:"entity_id"`
	FetchedAt time.Time `json:"fetched_at"`
	XML       string    `json:"xml"`
	// What is trusted beyond XML: signing certificates (DER) that a newer document added, and its date of validity, where
	// the rest of that document waits for an operator.
	Added [][]byte  `json:"added,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// Pinned is true of a state that an operator restored: no newer document changes it, and its date does not count.
	Pinned bool `json:"pinned,omitempty"`

	idp *idp
	sum [sha256.Size]byte // of XML, which is not kept: there may be thousands of connections
}

// flight is a fetch under way, shared by all who need it.
type flight struct {
	done chan struct{}
	err  error
}

// newSource parses what needs no network. Settings may still be incomplete: our own metadata is needed before the
// identity provider's can exist.
func newSource(c *config, s providers.Settings) (*source, error) {
	src := &source{c: c, s: s}
	switch {
	case c.MetadataXML != "":
		p, err := parseMetadata([]byte(c.MetadataXML), c.EntityID)
		if err != nil {
			return nil, err
		}
		src.cur.Store(&copied{idp: c.merge(p)})
	case c.MetadataURL == "":
		src.cur.Store(&copied{idp: c.merge(nil)})
	default:
		src.recall()
	}
	return src, nil
}

// recall takes the copy that an earlier Open remembered, if it is of the same address and entity.
func (src *source) recall() {
	stored := src.s.Stored
	if src.s.Trusted != nil {
		stored = src.s.Trusted
	}
	if m, err := src.restored(stored); err == nil {
		src.use(m)
	}
}

func (src *source) remote() bool { return src.c.MetadataXML == "" && src.c.MetadataURL != "" }

// known is what can be said without fetching, nil if nothing.
func (src *source) known() *idp {
	if m := src.cur.Load(); m != nil {
		return m.idp
	}
	return nil
}

// get answers the identity provider, usable, fetching if there is no copy yet.
func (src *source) get(ctx context.Context) (*idp, error) {
	m := src.cur.Load()
	if m == nil {
		if err := src.fetch(ctx); err != nil {
			return nil, err
		}
		m = src.cur.Load()
	} else if src.remote() && (src.s.Now().Sub(m.FetchedAt) > src.patience() || src.expired(m)) {
		src.refresh()
	}
	if err := m.idp.usable(); err != nil {
		return nil, err
	}
	if src.expired(m) {
		return nil, expiredMetadata(src.s.Now(), m.idp.validUntil)
	}
	return m.idp, nil
}

// expired says that the document itself ends our trust in it. What an operator gave or pinned stands until they change it.
func (src *source) expired(m *copied) bool {
	u := m.idp.validUntil
	return src.c.MetadataXML == "" && !m.Pinned && !u.IsZero() && src.s.Now().After(u.Add(src.c.skew()))
}

// patience is how old a copy may get before a sign-in has it fetched: where somebody fetches daily, a day and some hours.
func (src *source) patience() time.Duration {
	if src.s.Offer != nil {
		return 30 * time.Hour
	}
	return refreshAfter
}

func expiredMetadata(now, until time.Time) error {
	return &fault.Error{Code: fault.SAMLMetadataExpired, Observed: until.Format(time.RFC3339), Expected: "later than " + now.UTC().Format(time.RFC3339)}
}

// refresh fetches in the background, once at a time and not soon after a failure.
func (src *source) refresh() {
	if f, begun := src.board(); begun {
		src.s.Go(func(ctx context.Context) { src.run(ctx, f) })
	}
}

// hurry fetches again because an answer was signed with an unknown key: the identity provider may have rolled over. It
// reports whether there is a newer copy than before. Strangers can provoke it, so it happens once a minute at most.
func (src *source) hurry(ctx context.Context) bool {
	before := src.cur.Load()
	if !src.remote() || before == nil || src.s.Now().Sub(before.FetchedAt) < hurryAfter {
		return false
	}
	return src.fetch(ctx) == nil && src.cur.Load() != before
}

// fetch waits for a copy: its own fetch or the one under way.
func (src *source) fetch(ctx context.Context) error {
	f, begun := src.board()
	if begun {
		// The fetch goes on for the others if this caller leaves.
		go src.run(context.WithoutCancel(ctx), f)
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fault.Wrap(fault.SAMLMetadataFetch, ctx.Err(), "%s", src.c.MetadataURL)
	}
}

// board joins the fetch under way, or begins one, or answers the failure of a moment ago.
func (src *source) board() (f *flight, begun bool) {
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.flight != nil {
		return src.flight, false
	}
	f = &flight{done: make(chan struct{})}
	if src.failed != nil && src.s.Now().Sub(src.failedAt) < retryAfter {
		f.err = src.failed
		close(f.done)
		return f, false
	}
	src.flight = f
	return f, true
}

func (src *source) run(ctx context.Context, f *flight) {
	defer func() {
		if r := recover(); r != nil {
			f.err = fault.New(fault.SAMLMetadataFetch, "panic: %v", r)
		}
		src.mu.Lock()
		src.flight, src.failed, src.failedAt = nil, f.err, src.s.Now()
		src.mu.Unlock()
		close(f.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	f.err = src.load(ctx)
}

// load fetches, parses and only then replaces the copy.
func (src *source) load(ctx context.Context) error {
	doc, proved, err := src.download(ctx)
	if err != nil {
		return err
	}
	if src.s.Offer != nil {
		return src.offer(ctx, doc, proved)
	}
	p, err := parseMetadata(doc, src.c.EntityID)
	if err != nil {
		return err
	}
	merged := src.c.merge(p)
	if err := merged.usable(); err != nil {
		return err
	}
	now := src.s.Now()
	if !p.validUntil.IsZero() && now.After(p.validUntil.Add(src.c.skew())) {
		return expiredMetadata(now, p.validUntil)
	}
	old := src.cur.Load()
	m := &copied{URL: src.c.MetadataURL, EntityID: src.c.EntityID, FetchedAt: now, idp: merged, sum: sha256.Sum256(doc)}
	src.cur.Store(m)
	if old == nil || old.sum != m.sum || now.Sub(old.FetchedAt) > 12*refreshAfter {
		src.remember(ctx, *m, doc)
	}
	return nil
}

// remember is best effort: without it another replica fetches for itself.
func (src *source) remember(ctx context.Context, m copied, doc []byte) {
	if src.s.Remember == nil {
		return
	}
	m.XML = string(doc)
	if b, err := json.Marshal(m); err == nil {
		_ = src.s.Remember(ctx, b)
	}
}

func (src *source) download(ctx context.Context) (doc []byte, proved bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, src.c.MetadataURL, nil)
	if err != nil {
		return nil, false, fault.Wrap(fault.SAMLMetadataFetch, err, "")
	}
	req.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5")
	res, err := src.s.HTTP.Do(req)
	if err != nil {
		return nil, false, fetchFault(err, src.c.MetadataURL)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, false, notOK(src.c.MetadataURL, res)
	}
	doc, err = io.ReadAll(io.LimitReader(res.Body, int64(metadataLimits.bytes)+1))
	if err != nil {
		return nil, false, fetchFault(err, src.c.MetadataURL)
	}
	if len(doc) > metadataLimits.bytes {
		return nil, false, fault.New(fault.FetchTooLarge, "%s: more than %d bytes", src.c.MetadataURL, metadataLimits.bytes)
	}
	return doc, providers.ProvedBy(src.c.MetadataURL, res), nil
}

// notOK tells a firewall and a server in trouble from an address where no metadata is.
func notOK(address string, res *http.Response) error {
	f := &fault.Error{Code: fault.FetchStatus, Detail: address, Observed: res.Status, Expected: "200 OK"}
	page, _ := io.ReadAll(io.LimitReader(res.Body, fault.MaxPage)) // what cannot be read says nothing
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case providers.Robot(res.StatusCode, media, string(page)):
		f.Code, f.Confidence = fault.FetchFirewall, fault.Likely
	case res.StatusCode >= http.StatusInternalServerError:
		f.Code = fault.FetchServer
	}
	return f
}

// fetchFault keeps the diagnosis of the guarded client where it made one.
func fetchFault(err error, address string) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return fault.Wrap(fault.SAMLMetadataFetch, err, "%s", address)
}
