-- +goose Up

-- Preflights that were made, the last of each connection. report is sealed.
CREATE TABLE checks (
    id         TEXT NOT NULL PRIMARY KEY, -- sorts by time
    realm      TEXT NOT NULL,
    connection TEXT NOT NULL,
    at         BIGINT NOT NULL,
    actor      TEXT NOT NULL,
    status     TEXT NOT NULL,
    findings   BIGINT NOT NULL,
    errors     TEXT NOT NULL, -- codes, a JSON list
    report     BYTEA NOT NULL,
    FOREIGN KEY (realm, connection) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE INDEX checks_connection ON checks (realm, connection, id);

-- When the next nightly check is due (0: not known yet), and what the last check found.
ALTER TABLE connection_overview ADD COLUMN check_due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_overview ADD COLUMN check_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connection_overview ADD COLUMN check_status TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_overview ADD COLUMN check_findings BIGINT NOT NULL DEFAULT 0;
CREATE INDEX connection_overview_due ON connection_overview (check_due) WHERE enabled AND check_due > 0;
