-- +goose Up

-- What only a person can tell of a connection that is being set up.
CREATE TABLE wizard_notes (
    realm     TEXT NOT NULL,
    slug      TEXT NOT NULL,
    copied_at BIGINT NOT NULL,
    copied_by TEXT NOT NULL,
    PRIMARY KEY (realm, slug),
    FOREIGN KEY (realm, slug) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
