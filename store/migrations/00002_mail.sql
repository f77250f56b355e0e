-- +goose Up

-- Mails to be sent, and what became of them. What a realm has sent goes with it; mails about the installation have none.
CREATE TABLE outbox (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm      TEXT REFERENCES realms (name) ON DELETE CASCADE,
    recipient  TEXT NOT NULL,
    locale     TEXT NOT NULL,
    kind       TEXT NOT NULL,
    reference  TEXT NOT NULL,
    subject    TEXT NOT NULL,
    body       BYTEA NOT NULL, -- sealed; empty once erased
    secret     BOOLEAN NOT NULL,
    status     TEXT NOT NULL,
    attempts   BIGINT NOT NULL,
    code       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    holder     TEXT NOT NULL,   -- the worker's claim, '' if none; it ends at next_at
    created_at BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    sent_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE status = 'queued';
CREATE INDEX outbox_realm ON outbox (realm, id);
CREATE INDEX outbox_recipient ON outbox (recipient, created_at);
CREATE INDEX outbox_created ON outbox (created_at);
CREATE INDEX outbox_bodies ON outbox (created_at) WHERE length(body) > 0 AND status <> 'queued';
CREATE INDEX outbox_expires ON outbox (expires_at) WHERE expires_at > 0 AND status IN ('queued', 'copy');

-- One row for each thing that is counted. Writing it makes the countings of one thing wait for each other.
CREATE TABLE outbox_limits (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX outbox_limits_at ON outbox_limits (at);
