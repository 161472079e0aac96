// Package fault is the command's one shape of error: what went wrong in one sentence, whose side it was on, and what
// to do next.
package fault

import (
	"errors"
	"fmt"
)

// Kind says on whose side an error is; the command's exit code follows from it.
type Kind int

// The kinds, in the order of their exit codes.
const (
	Internal Kind = iota // the command itself is wrong
	Usage                // the command line is wrong
	Synth                // the app could not be synthesized
	Deploy               // the deploy failed
	Machine              // this machine or the state folder is not fit
)

// Error is an error meant for the user.
type Error struct {
	Kind Kind
	Text string // one sentence: what is wrong and where
	Hint string // what to do, often a command; may be empty
	Err  error  // the cause, for errors.Is; not printed again
}

// New returns an Error of a kind. Its text follows fmt.Sprintf.
func New(kind Kind, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Hint: hint, Text: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error of a kind that says text and then err's own text.
func Wrap(kind Kind, hint string, err error, text string) *Error {
	return &Error{Kind: kind, Hint: hint, Text: text + ": " + err.Error(), Err: err}
}

// Error returns the sentence, without the hint.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// HintOf returns the hint of the first Error in err's chain that has one.
func HintOf(err error) string {
	e, ok := errors.AsType[*Error](err)
	for ok && e.Hint == "" {
		e, ok = errors.AsType[*Error](e.Err)
	}
	if !ok {
		return ""
	}
	return e.Hint
}
