-- +goose Up

-- Everything that ends. Rows are made anew from what they are about, so they may be dropped at any time; only warned,
-- the threshold in days that was warned of last (-1 none), is known here alone.
CREATE TABLE expiries (
    id          TEXT NOT NULL PRIMARY KEY, -- hash of subject, kind, name and fingerprint
    subject     TEXT NOT NULL,
    realm       TEXT REFERENCES realms (name) ON DELETE CASCADE,
    connection  TEXT,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    since       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    replaced    BOOLEAN NOT NULL,
    muted       BOOLEAN NOT NULL,
    warned      BIGINT NOT NULL,
    warn_at     BIGINT NOT NULL,
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE INDEX expiries_subject ON expiries (subject);
CREATE INDEX expiries_kind ON expiries (kind) WHERE connection IS NULL;
CREATE INDEX expiries_at ON expiries (at, id) WHERE NOT replaced;
CREATE INDEX expiries_realm ON expiries (realm, at, id);
CREATE INDEX expiries_connection ON expiries (connection, at);
CREATE INDEX expiries_due ON expiries (warn_at) WHERE warn_at > 0;

-- What a contact hears of with the next mail.
CREATE TABLE expiry_notices (
    realm   TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    contact TEXT NOT NULL,
    expiry  TEXT NOT NULL REFERENCES expiries (id) ON DELETE CASCADE,
    days    BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (realm, contact, expiry)
);
CREATE INDEX expiry_notices_expiry ON expiry_notices (expiry);

-- When a contact was written to last.
CREATE TABLE expiry_contacts (
    realm   TEXT NOT NULL REFERENCES realms (name) ON DELETE CASCADE,
    contact TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (realm, contact)
);

-- Addresses that are told of events. What follows holder changes with deliveries and is no part of the version.
CREATE TABLE webhooks (
    id              TEXT NOT NULL PRIMARY KEY,
    realm           TEXT REFERENCES realms (name) ON DELETE CASCADE, -- NULL: hears of all
    name            TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    doc             TEXT NOT NULL,
    secrets         BYTEA NOT NULL, -- sealed
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    holder          TEXT NOT NULL,   -- the worker's claim; it ends at lease_until
    lease_until     BIGINT NOT NULL,
    hold_until      BIGINT NOT NULL, -- no try before
    failing_since   BIGINT NOT NULL,
    failures        BIGINT NOT NULL,
    last_success_at BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL
);
CREATE INDEX webhooks_realm ON webhooks (realm, name, id);
CREATE INDEX webhooks_name ON webhooks (name, id);

-- What each enabled webhook wants to hear of, as patterns of LIKE.
CREATE TABLE webhook_events (
    webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    realm   TEXT NOT NULL, -- '' for all
    pattern TEXT NOT NULL,
    PRIMARY KEY (webhook, pattern)
);
CREATE INDEX webhook_events_realm ON webhook_events (realm);

-- Events on their way. What is sent is read from the event at each try, so that what is erased there is erased here.
CREATE TABLE deliveries (
    webhook     TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event       TEXT NOT NULL,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    response    BIGINT NOT NULL,
    answer      TEXT NOT NULL,
    code        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    queued_at   BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    PRIMARY KEY (webhook, event)
);
CREATE INDEX deliveries_due ON deliveries (webhook, next_at) WHERE status = 'queued';
CREATE INDEX deliveries_queued ON deliveries (queued_at) WHERE status = 'queued';
CREATE INDEX deliveries_created ON deliveries (created_at);
