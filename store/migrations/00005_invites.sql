-- +goose Up

CREATE TABLE invites (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm      TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    email      TEXT NOT NULL,             -- '' for an open one
    connection TEXT NOT NULL,             -- slug, '' for any
    token_hash TEXT NOT NULL,
    doc        TEXT NOT NULL,
    max_uses   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE UNIQUE INDEX invites_token ON invites (token_hash);
CREATE INDEX invites_list ON invites (realm, id);
CREATE INDEX invites_email ON invites (realm, email) WHERE email <> '';

-- Who came by an invitation. A person counts once, however often they open its link.
CREATE TABLE invite_uses (
    invite  TEXT NOT NULL REFERENCES invites (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    at      BIGINT NOT NULL,
    PRIMARY KEY (invite, user_id)
);
CREATE INDEX invite_uses_user ON invite_uses (user_id);

-- What a person's seat depends on: '' takes one; blocked, pending, held and merged do not.
ALTER TABLE users ADD COLUMN standing TEXT NOT NULL DEFAULT '';
UPDATE users SET standing = 'pending' WHERE doc LIKE '%"status":"pending"%';
UPDATE users SET standing = 'held' WHERE doc LIKE '%"status":"held"%';
UPDATE users SET standing = 'merged' WHERE doc LIKE '%"status":"merged"%';
UPDATE users SET standing = 'blocked' WHERE doc LIKE '%"blocked":true%';
CREATE INDEX users_standing ON users (realm, standing, id);
