package providers

import (
	"context"

	"cloakroom/broker/fault"
)

type sparedKey struct{}

// Sparing asks a Preflighter not to try an account's password: refusal is the fault with which it was refused at an earlier
// check, since when nothing was changed. The preflight then reports that fault again. Each attempt would count towards the
// account's lock-out.
func Sparing(ctx context.Context, refusal fault.Code) context.Context {
	return context.WithValue(ctx, sparedKey{}, refusal)
}

// Spared is the refusal of Sparing, "" where the password may be tried.
func Spared(ctx context.Context) fault.Code {
	c, _ := ctx.Value(sparedKey{}).(fault.Code)
	return c
}
