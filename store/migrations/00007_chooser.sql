-- +goose Up

-- The words of the connections that a realm's sign-in page shows, in lower case, as bytes so that a prefix is a range
-- whatever the database's collation: the page's search.
CREATE TABLE connection_words (
    realm TEXT NOT NULL,
    word  BYTEA NOT NULL,
    slug  TEXT NOT NULL REFERENCES connections (slug) ON DELETE CASCADE,
    PRIMARY KEY (realm, word, slug)
);
CREATE INDEX connection_words_slug ON connection_words (slug);

-- Page by page, without passing over those that are hidden or switched off.
CREATE INDEX connections_visible ON connections (realm, sort_name, slug) WHERE enabled AND NOT hide_on_login;

CREATE INDEX connection_domains_realm ON connection_domains (domain, realm, slug);
