-- +goose Up

-- When the proof of a domain is looked for next (0: never), and when it was looked for last. They are columns of their
-- own because a check that finds all as it was changes nothing else: neither the version nor anybody's cache.
ALTER TABLE domains ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
UPDATE domains SET check_at = 1 WHERE verified;
CREATE INDEX domains_check ON domains (check_at) WHERE check_at > 0;
