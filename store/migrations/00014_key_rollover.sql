-- +goose Up

-- Who has read our metadata with a key in it: the owner of the key is a connection.
CREATE TABLE key_fetches (
    owner    TEXT NOT NULL,
    kid      TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    times    BIGINT NOT NULL,
    agent    TEXT NOT NULL,    -- User-Agent of the last
    by_hand  BOOLEAN NOT NULL, -- a person's browser; false once a program has read it
    PRIMARY KEY (owner, kid)
);

-- Connections whose key stays what it is when keys are turned over.
CREATE TABLE key_holds (
    owner  TEXT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    holder TEXT NOT NULL,
    reason TEXT NOT NULL
);
