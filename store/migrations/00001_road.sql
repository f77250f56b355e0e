-- +goose Up

-- What lasts. Each row has what is searched or must be unique as columns, and the object itself, without its secrets, as
-- JSON in doc.

CREATE TABLE installation (
    name  TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE realms (
    name       TEXT NOT NULL PRIMARY KEY,
    search     TEXT NOT NULL,
    doc        TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);

CREATE TABLE connections (
    slug          TEXT NOT NULL PRIMARY KEY,
    realm         TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    alias         TEXT NOT NULL,
    sort_name     TEXT NOT NULL,
    search        TEXT NOT NULL,
    enabled       BOOLEAN NOT NULL,
    hide_on_login BOOLEAN NOT NULL,
    doc           TEXT NOT NULL,
    secrets       BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL
);
CREATE UNIQUE INDEX connections_realm ON connections (realm, slug);
CREATE UNIQUE INDEX connections_alias ON connections (realm, alias);
CREATE INDEX connections_buttons ON connections (realm, sort_name, slug);

CREATE TABLE connection_domains (
    domain TEXT NOT NULL,
    slug   TEXT NOT NULL REFERENCES connections (slug) ON DELETE CASCADE,
    realm  TEXT NOT NULL,
    PRIMARY KEY (domain, slug)
);
CREATE INDEX connection_domains_slug ON connection_domains (slug);

-- What a provider remembers: its last good metadata, discovery document, keys.
CREATE TABLE connection_stored (
    slug  TEXT NOT NULL PRIMARY KEY REFERENCES connections (slug) ON DELETE CASCADE,
    at    BIGINT NOT NULL,
    value BYTEA NOT NULL
);

CREATE TABLE clients (
    realm       TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    client_id   TEXT NOT NULL,
    search      TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    doc         TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (realm, client_id)
);

CREATE TABLE domains (
    realm      TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    domain     TEXT NOT NULL,
    verified   BOOLEAN NOT NULL,
    doc        TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (realm, domain)
);
-- A domain is verified by at most one realm of the installation.
CREATE UNIQUE INDEX domains_verified ON domains (domain) WHERE verified;

CREATE TABLE users (
    id            TEXT NOT NULL PRIMARY KEY,
    realm         TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    email         TEXT NOT NULL,
    doc           TEXT NOT NULL,
    last_login_at BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_realm ON users (realm, id);
CREATE UNIQUE INDEX users_email ON users (realm, email) WHERE email <> '';
CREATE INDEX users_list ON users (realm, email, id);

-- Both ends of a link lie in its realm: no identity of one realm can point at a user of another.
CREATE TABLE links (
    connection   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    realm        TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    mutable      BOOLEAN NOT NULL,
    last_used_at BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (connection, subject),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE,
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE INDEX links_user ON links (realm, user_id);
CREATE INDEX links_connection ON links (realm, connection);

CREATE TABLE key_pairs (
    owner         TEXT NOT NULL,
    id            TEXT NOT NULL,
    alg           TEXT NOT NULL,
    state         TEXT NOT NULL,
    private       BYTEA NOT NULL,
    certificate   BYTEA NOT NULL,
    activated_at  BIGINT NOT NULL,
    retired_at    BIGINT NOT NULL,
    publish_until BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
-- Two replicas that make the first key at once end up with one.
CREATE UNIQUE INDEX key_pairs_active ON key_pairs (owner, alg) WHERE state = 'active';

CREATE TABLE apikeys (
    id           TEXT NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL,
    hash         TEXT NOT NULL,
    doc          TEXT NOT NULL,
    last_used_at BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE UNIQUE INDEX apikeys_hash ON apikeys (hash);

-- What other replicas must forget. The counter is bumped in the same transaction, as its last statement.
CREATE TABLE changes (
    n      BIGINT NOT NULL PRIMARY KEY,
    kind   TEXT NOT NULL,
    realm  TEXT NOT NULL,
    name   TEXT NOT NULL,
    origin TEXT NOT NULL,
    at     BIGINT NOT NULL
);
CREATE TABLE change_counter (
    id INTEGER NOT NULL PRIMARY KEY,
    n  BIGINT NOT NULL
);
INSERT INTO change_counter (id, n) VALUES (1, 0);

-- What expires.

CREATE TABLE sessions (
    id           TEXT NOT NULL PRIMARY KEY,
    sid          TEXT NOT NULL,
    realm        TEXT NOT NULL,
    home_realm   TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    connection   TEXT NOT NULL,
    upstream     BYTEA NOT NULL, -- sealed
    up_subject   TEXT NOT NULL,  -- hash of connection and upstream subject
    up_index     TEXT NOT NULL,  -- hash of connection and upstream session index, '' if there is none
    auth_time    BIGINT NOT NULL,
    acr          TEXT NOT NULL,
    amr          TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    idle_until   BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL, -- the earlier of the two
    user_agent   TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_sid ON sessions (sid);
CREATE INDEX sessions_user ON sessions (realm, user_id, id);
CREATE INDEX sessions_upstream ON sessions (connection, up_subject);
CREATE INDEX sessions_index ON sessions (up_index) WHERE up_index <> '';
CREATE INDEX sessions_ends ON sessions (ends_at);

CREATE TABLE grants (
    id              TEXT NOT NULL PRIMARY KEY,
    login_id        TEXT NOT NULL,
    realm           TEXT NOT NULL,
    home_realm      TEXT NOT NULL,
    client_id       TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    session_id      TEXT NOT NULL,
    sid             TEXT NOT NULL,
    connection      TEXT NOT NULL,
    offline         BOOLEAN NOT NULL,
    code_hash       TEXT NOT NULL,
    code_expires_at BIGINT NOT NULL,
    redeemed_at     BIGINT NOT NULL,
    secret          BYTEA NOT NULL, -- sealed
    generation      BIGINT NOT NULL,
    rotated_at      BIGINT NOT NULL,
    grace_used      BOOLEAN NOT NULL,
    call            TEXT NOT NULL, -- the call that redeemed or rotated last, and what came of it: a repeated
    result          TEXT NOT NULL, -- statement after a lost connection knows itself again
    expires_at      BIGINT NOT NULL,
    revoked_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    doc             TEXT NOT NULL
);
CREATE UNIQUE INDEX grants_login ON grants (login_id) WHERE login_id <> '';
CREATE UNIQUE INDEX grants_code ON grants (code_hash) WHERE code_hash <> '';
CREATE INDEX grants_session ON grants (session_id) WHERE session_id <> '';
CREATE INDEX grants_user ON grants (user_id) WHERE user_id <> '';
CREATE INDEX grants_client ON grants (realm, client_id);
CREATE INDEX grants_expires ON grants (expires_at);

CREATE TABLE marks (
    id         TEXT NOT NULL PRIMARY KEY, -- hash of connection and what is marked
    taker      TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX marks_expires ON marks (expires_at);

CREATE TABLE parked (
    id         TEXT NOT NULL PRIMARY KEY,
    value      BYTEA NOT NULL, -- sealed
    taken      TEXT NOT NULL,  -- the call that took it, '' before
    expires_at BIGINT NOT NULL
);
CREATE INDEX parked_expires ON parked (expires_at);

-- What only grows.

CREATE TABLE events (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    at         BIGINT NOT NULL,
    realm      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    subject    TEXT NOT NULL,
    ref        TEXT NOT NULL,
    connection TEXT NOT NULL,
    client     TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    email      TEXT NOT NULL,
    code       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    before     BYTEA NOT NULL,
    after      BYTEA NOT NULL,
    remote_ip  TEXT NOT NULL
);
CREATE INDEX events_realm ON events (realm, id);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_ref ON events (ref) WHERE ref <> '';
CREATE INDEX events_connection ON events (connection, id) WHERE connection <> '';
CREATE INDEX events_email ON events (email, id) WHERE email <> '';
CREATE INDEX events_user ON events (user_id, id) WHERE user_id <> '';
