-- +goose Up

-- What became of each login, one row for an attempt, kept for a month. detail is sealed.
CREATE TABLE traces (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    at         BIGINT NOT NULL,
    ref        TEXT NOT NULL,
    realm      TEXT NOT NULL,
    connection TEXT NOT NULL,
    client     TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    email      TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    code       TEXT NOT NULL,
    detail     BYTEA NOT NULL
);
CREATE INDEX traces_realm ON traces (realm, id);
CREATE INDEX traces_ref ON traces (realm, ref);
CREATE INDEX traces_email ON traces (realm, email, id) WHERE email <> '';
CREATE INDEX traces_connection ON traces (realm, connection, id);
CREATE INDEX traces_user ON traces (user_id) WHERE user_id <> '';
CREATE INDEX traces_at ON traces (at);

-- Test logins, kept for a day. report is sealed.
CREATE TABLE test_logins (
    id          TEXT NOT NULL PRIMARY KEY,
    ref         TEXT NOT NULL,
    realm       TEXT NOT NULL,
    connection  TEXT NOT NULL,
    actor       TEXT NOT NULL,
    token_hash  TEXT NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    open_by     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    opened_at   BIGINT NOT NULL,
    answered_at BIGINT NOT NULL,
    published   BOOLEAN NOT NULL,
    report      BYTEA NOT NULL,
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE INDEX test_logins_ref ON test_logins (realm, connection, ref);
CREATE INDEX test_logins_expiry ON test_logins (expires_at);
