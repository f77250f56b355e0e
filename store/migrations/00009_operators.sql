-- +goose Up

-- Who works in the console. connection and subject are the upstream account an operator signs in with: a connection that
-- goes away takes the tie along, so that a later one of the same slug speaks for nobody.
CREATE TABLE operators (
    id           TEXT NOT NULL PRIMARY KEY,
    email        TEXT NOT NULL UNIQUE,
    search       TEXT NOT NULL,
    whole_owner  BOOLEAN NOT NULL, -- may do everything: one at least remains
    doc          TEXT NOT NULL,
    connection   TEXT REFERENCES connections (slug) ON DELETE SET NULL,
    subject      TEXT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE UNIQUE INDEX operators_upstream ON operators (connection, subject) WHERE connection IS NOT NULL;

-- Passkeys, a password, the secret of its one-time codes, recovery codes.
CREATE TABLE operator_credentials (
    id           TEXT NOT NULL PRIMARY KEY,
    operator_id  TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    data         BYTEA NOT NULL, -- sealed
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX operator_credentials_operator ON operator_credentials (operator_id, created_at, id);
CREATE UNIQUE INDEX operator_credentials_single ON operator_credentials (operator_id, kind) WHERE kind IN ('password', 'totp');

CREATE TABLE operator_sessions (
    id           TEXT NOT NULL PRIMARY KEY,
    operator_id  TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    way          TEXT NOT NULL,
    remote_ip    TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    fresh_at     BIGINT NOT NULL,
    idle_until   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL
);
CREATE INDEX operator_sessions_operator ON operator_sessions (operator_id, created_at, id);
CREATE INDEX operator_sessions_end ON operator_sessions (ends_at);

-- Links to enrol by; without an operator it is the first owner's.
CREATE TABLE operator_links (
    id          TEXT NOT NULL PRIMARY KEY, -- hash of the token
    operator_id TEXT REFERENCES operators (id) ON DELETE CASCADE,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX operator_links_operator ON operator_links (operator_id);
CREATE INDEX operator_links_end ON operator_links (expires_at);

-- Realms whose connections operators may sign in with.
ALTER TABLE realms ADD COLUMN operators BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX realms_operators ON realms (name) WHERE operators;
