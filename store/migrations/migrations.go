// Package migrations holds the schema as numbered SQL. Each file runs on SQLite and PostgreSQL alike: TEXT, BIGINT,
// BOOLEAN and BYTEA (which SQLite takes as a plain name and stores blobs in); times are microseconds since 1970, 0 for
// none. A file that was released is never changed again, and none takes away what the version before still reads, so
// that replicas of both may run side by side.
package migrations

import "embed"

// FS are the migrations.
//
//go:embed *.sql
var FS embed.FS
