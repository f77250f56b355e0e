package engine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	"modernc.org/sqlite"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Extended result codes of SQLite (sqlite.org/rescode.html).
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteFull       = 13
	sqliteIOErr      = 10
	sqliteCantOpen   = 14
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
	sqliteRowID      = 2579
	sqliteForeignKey = 787
)

// translate turns a database's error into the broker's: fault codes that callers compare, the cause kept inside.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		return err
	}
	if code, known := meaning(err); known {
		return fault.Wrap(code, err, "")
	}
	return err
}

// meaning knows what of a database's errors. Text that PostgreSQL cannot hold (a NUL, broken UTF-8) names nothing that
// is stored; it comes from outside and must not become a 500.
func meaning(err error) (fault.Code, bool) {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, gorm.ErrRecordNotFound):
		return fault.NotFound, true
	case errors.As(err, &pg):
		return pgMeaning(pg.Code)
	case errors.As(err, &lite):
		return sqliteMeaning(lite.Code())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Unavailable, true
	}
	return fault.Unavailable, fate(err) != final
}

func pgMeaning(code string) (fault.Code, bool) {
	switch code {
	case "23505":
		return fault.Exists, true
	case "23503": // the realm, user or connection it belongs to is gone
		return fault.NotFound, true
	case "22021", "22P05":
		return fault.NotFound, true
	case "54000": // a key longer than an index takes
		return fault.Invalid, true
	case "57014", "53100", "53200": // cancelled, disk full, out of memory
		return fault.Unavailable, true
	}
	return fault.Unavailable, pgFate(code) != final
}

func sqliteMeaning(code int) (fault.Code, bool) {
	switch code {
	case sqlitePrimaryKey, sqliteUnique, sqliteRowID:
		return fault.Exists, true
	case sqliteForeignKey:
		return fault.NotFound, true
	}
	switch code & 0xff {
	case sqliteBusy, sqliteLocked, sqliteFull, sqliteIOErr, sqliteCantOpen:
		return fault.Unavailable, true
	}
	return "", false
}

// outcome says what may have become of a statement that failed.
type outcome int

const (
	final   outcome = iota // it failed, and would fail again
	undone                 // it certainly did not happen: begin anew
	unknown                // the connection went away: it may have happened
)

// fate judges a PostgreSQL error.
func fate(err error) outcome {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var op *net.OpError
	switch {
	case errors.Is(err, errClosed), errors.As(err, new(unsettled)):
		return final
	case errors.As(err, &connect):
		return connectFate(err)
	case errors.As(err, &pg):
		return pgFate(pg.Code)
	case pgconn.SafeToRetry(err), errors.Is(err, driver.ErrBadConn):
		return undone
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return final
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &op),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, sql.ErrConnDone):
		return unknown
	case strings.Contains(err.Error(), "conn closed"):
		return unknown
	}
	return final
}

// connectFate: no connection, so nothing was sent; but a wrong password or database stays wrong.
func connectFate(err error) outcome {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "28") || strings.HasPrefix(pg.Code, "3D")) {
		return final
	}
	return undone
}

func pgFate(code string) outcome {
	switch code {
	case "40001", "40P01": // serialization failure, deadlock
		return undone
	case "57P03", "53300": // starting up or shutting down, too many connections
		return undone
	case "25006": // a primary that has become a standby
		return undone
	case "26000", "0A000": // a prepared statement or its plan went away with a migration
		return undone
	case "57P01", "57P02", "57P05": // terminated, crash of another backend, idle timeout
		return unknown
	}
	if strings.HasPrefix(code, "08") {
		return unknown
	}
	return final
}

// errClosed is the answer of a closed store.
var errClosed = fault.New(fault.Unavailable, "the store is closed")

// IsExists reports whether a statement's error says that a key is taken.
func IsExists(err error) bool { return errors.Is(translate(err), broker.ErrExists) }

// IsNotFound reports whether a statement's error says that there was no row.
func IsNotFound(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || errors.Is(err, broker.ErrNotFound)
}
