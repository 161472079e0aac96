// Package buildlog reads the log of a build and finds out why it failed.
package buildlog

// Kind says what sort of failure the log shows.
type Kind string

// The kinds of failure that a log can show.
const (
	Unknown Kind = ""        // the log does not say
	Step    Kind = "step"    // a Dockerfile step failed
	Syntax  Kind = "syntax"  // the Dockerfile could not be read
	Base    Kind = "base"    // a base image could not be had
	Copy    Kind = "copy"    // a source of COPY or ADD is missing
	Builder Kind = "builder" // BuildKit was lost during the build
	Push    Kind = "push"    // the image could not be pushed
	Command Kind = "command" // one of the user's own commands failed
	Setup   Kind = "setup"   // login or preparation failed, before the docker build
	Other   Kind = "other"   // BuildKit gave an error of another kind
)

// Failure is why a build failed, as its log tells it.
type Failure struct {
	Kind     Kind
	Step     string   // the failing step as BuildKit names it, "[2/3] RUN npm ci", or the user's command
	ExitCode int      // its exit code; -1 where there is none
	Message  string   // the error's own text, one line
	Tail     []string // last lines of its output, printable characters only, at most 100
	Complete bool     // the log's end was there to be read
}

// Read finds the failure in a build's log: the messages of its events, in order.
func Read(events []string) Failure { return Failure{ExitCode: -1} }

// Complete says whether the log has come to its end, so that waiting for more of it is of no use.
func Complete(events []string) bool { return false }

// Summary is the first line that a user sees: what failed, in one sentence.
func (f Failure) Summary() string { return string(f.Kind) }

// Reason composes the failure text: the summary, as many last lines of output as fit, and where the whole log is.
// budget is in bytes as they stand in JSON (contract.Response.Room).
func (f Failure) Reason(where string, budget int) string { return f.Summary() }
