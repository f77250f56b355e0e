-- +goose Up

-- Local ways in. A person has one password at most and several passkeys.
CREATE TABLE credentials (
    id           TEXT NOT NULL PRIMARY KEY,
    realm        TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    data         BYTEA NOT NULL, -- sealed
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    FOREIGN KEY (realm, user_id) REFERENCES users (realm, id) ON DELETE CASCADE
);
CREATE INDEX credentials_user ON credentials (realm, user_id, created_at, id);
CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password';

-- Who is excluded from enforcement.
ALTER TABLE users ADD COLUMN excluded BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE users SET excluded = TRUE WHERE doc LIKE '%"excluded":true%';
CREATE INDEX users_excluded ON users (realm, email_key, id) WHERE excluded;
