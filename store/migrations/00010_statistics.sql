-- +goose Up

-- How many sign-ins there were, for charts: of the installation (realm ''), of each realm (connection '' and client ''),
-- connection and client. day counts from 1970, in UTC.
CREATE TABLE login_days (
    realm      TEXT NOT NULL,
    connection TEXT NOT NULL,
    client     TEXT NOT NULL,
    day        BIGINT NOT NULL,
    ok         BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    PRIMARY KEY (realm, connection, client, day)
);
CREATE INDEX login_days_day ON login_days (day);

-- The last days by the hour (from 1970), of connections.
CREATE TABLE login_hours (
    connection TEXT NOT NULL,
    realm      TEXT NOT NULL,
    hour       BIGINT NOT NULL,
    ok         BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    PRIMARY KEY (connection, hour, realm)
);
CREATE INDEX login_hours_hour ON login_hours (hour);
CREATE INDEX login_hours_failed ON login_hours (hour, connection, realm, failed) WHERE failed > 0;

-- What sign-ins failed with, of the installation, of realms and connections.
CREATE TABLE login_faults (
    realm      TEXT NOT NULL,
    connection TEXT NOT NULL,
    code       TEXT NOT NULL,
    day        BIGINT NOT NULL,
    n          BIGINT NOT NULL,
    PRIMARY KEY (realm, connection, day, code)
);
CREATE INDEX login_faults_day ON login_faults (day);

-- Who failed lately. person is 24 bits of a digest: enough to count people, not enough to tell who they are.
CREATE TABLE login_failing (
    connection TEXT NOT NULL,
    realm      TEXT NOT NULL,
    day        BIGINT NOT NULL,
    person     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (connection, realm, day, person)
);
CREATE INDEX login_failing_day ON login_failing (day);
CREATE INDEX login_failing_person ON login_failing (realm, person);

-- What lists over all realms show of a connection. Of an earlier version's rows, of_version tells that they are behind.
CREATE TABLE connection_overview (
    realm            TEXT NOT NULL,
    slug             TEXT NOT NULL,
    of_version       BIGINT NOT NULL, -- of the connection, when this was made from it
    enabled          BOOLEAN NOT NULL,
    alias            TEXT NOT NULL,
    display_name     TEXT NOT NULL,
    protocol         TEXT NOT NULL,
    preset           TEXT NOT NULL,
    search           TEXT NOT NULL, -- names, domains, identifiers, in lower case
    upstream         TEXT NOT NULL, -- the entity ID in the metadata that was fetched last
    created_at       BIGINT NOT NULL,
    changed_at       BIGINT NOT NULL,
    last_ok_at       BIGINT NOT NULL DEFAULT 0,
    last_fail_at     BIGINT NOT NULL DEFAULT 0,
    last_fail_code   TEXT NOT NULL DEFAULT '',
    failing_since    BIGINT NOT NULL DEFAULT 0,
    failures         BIGINT NOT NULL DEFAULT 0, -- since the last success
    people_failing   BIGINT NOT NULL DEFAULT 0,
    oks_since_change BIGINT NOT NULL DEFAULT 0,
    next_expiry      BIGINT NOT NULL DEFAULT 0,
    reviews          BIGINT NOT NULL DEFAULT 0,
    tests_ok         BIGINT NOT NULL DEFAULT 0,
    tests_failed     BIGINT NOT NULL DEFAULT 0,
    last_test_at     BIGINT NOT NULL DEFAULT 0,
    last_test_passed BOOLEAN NOT NULL DEFAULT FALSE,
    last_test_by     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (realm, slug),
    FOREIGN KEY (realm, slug) REFERENCES connections (realm, slug) ON DELETE CASCADE
);
CREATE UNIQUE INDEX connection_overview_slug ON connection_overview (slug);
INSERT INTO connection_overview (realm, slug, of_version, enabled, alias, display_name, protocol, preset, search, upstream, created_at, changed_at)
    SELECT realm, slug, 0, enabled, alias, alias, '', '', search, '', created_at, updated_at FROM connections;

-- Lists over all realms find logins by reference and address, people by the beginning of their address. That index is over
-- an expression, so that no planner takes it for a list of one realm.
DROP INDEX traces_ref;
DROP INDEX traces_email;
CREATE INDEX traces_by_ref ON traces (ref, realm);
CREATE INDEX traces_by_email ON traces (email, realm, id) WHERE email <> '';
CREATE INDEX users_everywhere ON users ((email_key || ''), id);
