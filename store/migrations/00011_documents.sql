-- +goose Up

-- What upstreams publish (SAML metadata, discovery, keys), version by version; state is gzip of the provider's bytes.
CREATE TABLE documents (
    connection TEXT NOT NULL,
    n          BIGINT NOT NULL,
    realm      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    source     TEXT NOT NULL,
    status     TEXT NOT NULL, -- accepted, pending, superseded, dismissed
    digest     TEXT NOT NULL, -- of the facts
    pinned     BOOLEAN NOT NULL,
    doc        TEXT NOT NULL,
    state      BYTEA NOT NULL,
    PRIMARY KEY (connection, n),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);

-- When a connection's documents are fetched next (0 at first: as soon as there is time), and how it went.
CREATE TABLE document_watches (
    connection    TEXT NOT NULL PRIMARY KEY,
    realm         TEXT NOT NULL,
    check_at      BIGINT NOT NULL,
    checked_at    BIGINT NOT NULL,
    good_at       BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    code          TEXT NOT NULL,
    detail        TEXT NOT NULL,
    revision      BIGINT NOT NULL,
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE INDEX document_watches_due ON document_watches (check_at);

-- Second configurations of connections: the one under trial (kind shadow) and the one before a switch (kind former).
-- secrets are sealed.
CREATE TABLE shadows (
    connection TEXT NOT NULL,
    kind       TEXT NOT NULL,
    realm      TEXT NOT NULL,
    until      BIGINT NOT NULL, -- when a former one is forgotten
    doc        TEXT NOT NULL,
    secrets    BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (connection, kind),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE INDEX shadows_until ON shadows (until) WHERE until > 0;

-- What a shadow configuration said of the people who tried it. detail is sealed.
CREATE TABLE shadow_views (
    connection TEXT NOT NULL,
    email      TEXT NOT NULL,
    realm      TEXT NOT NULL,
    at         BIGINT NOT NULL,
    detail     BYTEA NOT NULL,
    PRIMARY KEY (connection, email),
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
