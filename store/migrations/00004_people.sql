-- +goose Up

-- What people are found by. email_key is the address in hexadecimal: its letters sort alike in every collation, so that
-- the beginning of an address is a range of an index on both databases. like_address and like_name are digests that
-- likely duplicates share, '' where they say nothing. Rows of an earlier version get all of it at their next change.
ALTER TABLE users ADD COLUMN email_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN like_address TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN like_name TEXT NOT NULL DEFAULT '';
CREATE INDEX users_prefix ON users (realm, email_key, id);
CREATE INDEX users_like_address ON users (realm, like_address) WHERE like_address <> '';
CREATE INDEX users_like_name ON users (realm, like_name) WHERE like_name <> '';

CREATE INDEX links_people ON links (realm, connection, user_id, subject);
CREATE INDEX links_subject ON links (realm, subject, user_id, connection);
CREATE INDEX sessions_person ON sessions (user_id, id);
CREATE INDEX sessions_connection ON sessions (connection, user_id);
CREATE INDEX grants_offline ON grants (connection) WHERE offline AND revoked_at = 0;

-- A group's description, and that it is there although nobody is in it.
CREATE TABLE groups (
    realm      TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    doc        TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (realm, name)
);

-- Who is in which group, written with the user.
CREATE TABLE user_groups (
    realm   TEXT NOT NULL,
    name    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    manual  BOOLEAN NOT NULL,
    PRIMARY KEY (realm, name, user_id),
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE INDEX user_groups_user ON user_groups (realm, user_id);
CREATE INDEX user_groups_manual ON user_groups (realm, name, user_id) WHERE manual;

-- Merges that were made and undone. from_id goes with its user; into_id may be gone.
CREATE TABLE merges (
    id        TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm     TEXT NOT NULL,
    from_id   TEXT NOT NULL,
    into_id   TEXT NOT NULL,
    undone_at BIGINT NOT NULL,
    doc       TEXT NOT NULL,
    FOREIGN KEY (realm, from_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE INDEX merges_realm ON merges (realm, id);
CREATE INDEX merges_from ON merges (realm, from_id);
CREATE INDEX merges_into ON merges (realm, into_id);
-- An account is a part of one other at most.
CREATE UNIQUE INDEX merges_live ON merges (from_id) WHERE undone_at = 0;

-- What a connection asserted of the people who signed in last, for the preview of its rules.
CREATE TABLE connection_identities (
    connection TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    realm      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    value      BYTEA NOT NULL, -- sealed
    PRIMARY KEY (connection, user_id),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE,
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE INDEX connection_identities_at ON connection_identities (connection, at);
CREATE INDEX connection_identities_user ON connection_identities (realm, user_id);
