-- +goose Up

-- The directories that customers push to us (SCIM 2.0), one per connection.

CREATE TABLE scim_tokens (
    id           TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm        TEXT NOT NULL,
    connection   TEXT NOT NULL,
    hash         TEXT NOT NULL,
    doc          TEXT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE UNIQUE INDEX scim_tokens_hash ON scim_tokens (hash);
CREATE INDEX scim_tokens_connection ON scim_tokens (connection, id);
CREATE INDEX scim_tokens_expiry ON scim_tokens (expires_at) WHERE revoked_at = 0 AND expires_at > 0;

-- People as their directory describes them. The *_key columns are what is compared without regard to case. A deleted row
-- is out of the directory's sight and frees its names, but keeps its person locked out.
CREATE TABLE scim_users (
    connection  TEXT NOT NULL,
    id          TEXT NOT NULL,
    realm       TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    display_key TEXT NOT NULL,
    external_id TEXT NOT NULL,
    email       TEXT NOT NULL,
    active      BOOLEAN NOT NULL,
    deleted     BOOLEAN NOT NULL,
    stale       BOOLEAN NOT NULL,
    doc         TEXT NOT NULL,
    given       TEXT NOT NULL, -- groups, a JSON list
    resource    TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (connection, id),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE,
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX scim_users_name ON scim_users (connection, name_key) WHERE NOT deleted;
CREATE UNIQUE INDEX scim_users_external ON scim_users (connection, external_id) WHERE external_id <> '' AND NOT deleted;
-- A person is one resource of a directory at most.
CREATE UNIQUE INDEX scim_users_person ON scim_users (connection, user_id) WHERE NOT deleted;
CREATE INDEX scim_users_user ON scim_users (realm, user_id);
CREATE INDEX scim_users_list ON scim_users (connection, id) WHERE NOT deleted;
CREATE INDEX scim_users_active ON scim_users (connection, active, id) WHERE NOT deleted;
CREATE INDEX scim_users_display ON scim_users (connection, display_key, id) WHERE NOT deleted;
CREATE INDEX scim_users_stale ON scim_users (connection, id) WHERE stale;

-- Every address of a user, for filters.
CREATE TABLE scim_emails (
    connection TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    id         TEXT NOT NULL,
    PRIMARY KEY (connection, email_key, id),
    FOREIGN KEY (connection, id) REFERENCES scim_users (connection, id) ON DELETE CASCADE
);
CREATE INDEX scim_emails_user ON scim_emails (connection, id);

CREATE TABLE scim_groups (
    connection   TEXT NOT NULL,
    id           TEXT NOT NULL,
    realm        TEXT NOT NULL,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (connection, id),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE UNIQUE INDEX scim_groups_name ON scim_groups (connection, name_key);
CREATE UNIQUE INDEX scim_groups_external ON scim_groups (connection, external_id) WHERE external_id <> '';

CREATE TABLE scim_members (
    connection TEXT NOT NULL,
    group_id   TEXT NOT NULL,
    user_id    TEXT NOT NULL, -- of scim_users
    PRIMARY KEY (connection, group_id, user_id),
    FOREIGN KEY (connection, group_id) REFERENCES scim_groups (connection, id) ON DELETE CASCADE,
    FOREIGN KEY (connection, user_id) REFERENCES scim_users (connection, id) ON DELETE CASCADE
);
CREATE INDEX scim_members_user ON scim_members (connection, user_id);

-- The last requests of each directory, and what it has sent so far.
CREATE TABLE scim_requests (
    connection TEXT NOT NULL,
    id         TEXT NOT NULL, -- sorts by time
    realm      TEXT NOT NULL,
    doc        TEXT NOT NULL,
    PRIMARY KEY (connection, id),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE TABLE scim_states (
    connection          TEXT NOT NULL PRIMARY KEY,
    realm               TEXT NOT NULL,
    requests            BIGINT NOT NULL,
    failures            BIGINT NOT NULL,
    refused             BIGINT NOT NULL,
    user_reads          BIGINT NOT NULL,
    user_writes         BIGINT NOT NULL,
    group_reads         BIGINT NOT NULL,
    group_writes        BIGINT NOT NULL,
    first_at            BIGINT NOT NULL,
    last_at             BIGINT NOT NULL,
    last_read_at        BIGINT NOT NULL,
    last_user_write_at  BIGINT NOT NULL,
    last_group_write_at BIGINT NOT NULL,
    last_failure        TEXT NOT NULL, -- the request, '' if none was refused
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
