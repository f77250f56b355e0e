-- +goose Up

-- What is known of a test login that has no answer: when the browser left to the provider and where to, whether its window
-- was closed or it came back, and what somebody read off the provider's page. page is sealed.
ALTER TABLE test_logins ADD COLUMN left_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_logins ADD COLUMN left_to TEXT NOT NULL DEFAULT '';
ALTER TABLE test_logins ADD COLUMN closed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_logins ADD COLUMN back_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_logins ADD COLUMN page_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_logins ADD COLUMN page BYTEA NOT NULL DEFAULT '';
