// Package fault holds the one error struct of the library half and the type whose content never reaches a log, an
// error or a report.
package fault

import (
	"errors"
	"strings"
)

// Kind says what sort of failure an Error is; callers decide by it, never by text.
type Kind string

// The kinds of failure.
const (
	Invalid   Kind = "invalid"   // the request is wrong; the same request never works
	TooLarge  Kind = "too large" // a limit of AWS or Linux is passed
	NotFound  Kind = "not found" // a thing that must exist does not
	Denied    Kind = "denied"    // a permission is missing
	Quota     Kind = "quota"     // the account has no slot or no room left
	Throttled Kind = "throttled" // AWS refused a call as one too many; the same call works later
	Timeout   Kind = "time-out"  // the time was not enough
	Build     Kind = "build"     // the docker build failed
	Image     Kind = "image"     // the image is there but no consumer takes it
	Stopped   Kind = "stopped"   // somebody stopped it
	Internal  Kind = "internal"  // a defect of this program, or an answer that it does not understand
)

// Error is a failure: what was done, to what, why it failed, and what to do about it.
type Error struct {
	Op      string // what was done, "start the build"; may be empty where Err says it
	Kind    Kind   // for callers; it is not part of the text
	Subject string // what it was done to, a name or an ARN; may be empty
	Err     error  // the cause; may be nil
	Hint    string // what to do, a sentence without its period; may be empty
}

// Error gives "Op Subject: Err; Hint", without the parts that are empty.
func (e *Error) Error() string {
	text := strings.TrimSpace(e.Op + " " + e.Subject)
	if e.Err != nil {
		if text != "" {
			text += ": "
		}
		text += e.Err.Error()
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first Error in err's chain that has one, or Internal where there is none. A nil error
// has the empty kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	for rest := err; errors.As(rest, &e); rest = e.Err {
		if e.Kind != "" {
			return e.Kind
		}
	}
	return Internal
}
