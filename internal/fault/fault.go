// Package fault holds the one error struct of the handler and the types whose content never reaches a log, an error
// or a report.
package fault

// Kind says what sort of failure an Error is; callers decide by it, never by text.
type Kind string

// The kinds of failure.
const (
	Invalid  Kind = "invalid"   // the request is wrong; the same request never works
	TooLarge Kind = "too large" // a limit of AWS is passed
	NotFound Kind = "not found" // a thing that must exist does not
	Denied   Kind = "denied"    // a permission is missing
	Quota    Kind = "quota"     // the account has no slot or no room left
	Timeout  Kind = "time-out"  // the time was not enough
	Build    Kind = "build"     // the docker build failed
	Image    Kind = "image"     // the image is there but no consumer takes it
	Stopped  Kind = "stopped"   // somebody stopped it
	Internal Kind = "internal"  // a defect of this program or an answer that it does not understand
)

// Error is a failure: what was done, to what, why it failed, and what to do about it.
type Error struct {
	Op      string // what was done, "start the build"
	Kind    Kind
	Subject string // what it was done to, a name or an ARN; may be empty
	Err     error  // the cause; may be nil
	Hint    string // what to do, one sentence; may be empty
}

// Error is one sentence, or two where there is a hint.
func (e *Error) Error() string { return e.Op }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first Error in err's chain, or Internal where there is none.
func KindOf(err error) Kind { return Internal }

// Redacted is text that must not be seen: a response URL, a credential, a secret's value.
type Redacted string

// Reveal gives the text itself.
func (r Redacted) Reveal() string { return string(r) }
