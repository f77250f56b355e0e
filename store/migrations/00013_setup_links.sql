-- +goose Up

-- Links by which a customer's administrator, who has no account here, does one thing in one realm.
CREATE TABLE setup_links (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm      TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    connection TEXT NOT NULL,             -- slug, '' where none is chosen yet
    token_hash TEXT NOT NULL,
    doc        TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
CREATE UNIQUE INDEX setup_links_token ON setup_links (token_hash);
CREATE INDEX setup_links_list ON setup_links (realm, id);
CREATE INDEX setup_links_connection ON setup_links (connection) WHERE connection <> '';
