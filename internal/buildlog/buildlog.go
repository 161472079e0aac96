// Package buildlog reads the log of a build and finds out why it failed.
//
// The log is CodeBuild's: what its agent says, the user's commands and their output, then between two marker lines
// (package buildspec) what docker buildx prints with --progress=plain. A RUN step may print anything, also lines that
// look like BuildKit's own. But BuildKit puts "#N TIME " before each of them, and its last word, a line that begins
// with "ERROR: ", comes after all of them; reading starts there.
package buildlog

import (
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/internal/buildspec"
)

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

// MaxTail is the number of lines that a Failure keeps at most.
const MaxTail = 100

// Failure is why a build failed, as its log tells it.
type Failure struct {
	Kind     Kind
	Step     string   // the failing step as BuildKit names it, "[2/3] RUN npm ci", or the user's command; may be empty
	ExitCode int      // its exit code; -1 where there is none
	Subject  string   // the base image or the source that is missing; may be empty
	Message  string   // the error's own text, one line; may be empty
	Tail     []string // last lines of its output, printable characters only, at most MaxTail
	Complete bool     // the log's end was there to be read
}

// Read finds the failure in a build's log: the messages of its events, in order. The log's beginning may be missing.
// A log of a build that succeeded gives kind Unknown.
func Read(events []string) Failure {
	all := lines(events)
	marks := find(all)
	var f Failure
	switch {
	case marks.prepare > marks.begin && !spoke(all[marks.prepare+1:marks.stop]):
		f = setup(all[marks.prepare+1 : marks.stop])
	case marks.begin >= 0 || marks.end >= 0:
		f = buildkit(all[marks.begin+1 : marks.stop])
	default:
		f = codebuild(all)
	}
	if marks.killed && f.Message == "" {
		f.Message = "its shell was killed, as if the machine had run out of memory"
	}
	f.Complete = marks.end >= 0 || f.Kind == Command
	return f
}

// Complete says whether the log has come to its end, so that waiting for more of it is of no use: our last line is
// there, or CodeBuild's word that the build ended before our command began.
func Complete(events []string) bool {
	all := lines(events)
	marks := find(all)
	return marks.end >= 0 || marks.prepare < 0 && marks.begin < 0 && codebuild(all).Kind == Command
}

// marks are the places of the marker lines, or -1; stop is where our command's lines end. It was killed where its last
// line is missing and CodeBuild says so.
type marks struct {
	prepare, begin, end, stop int
	killed                    bool
}

// find looks for the markers from behind, so that nothing that was printed earlier can stand for them.
func find(all []string) marks {
	m := marks{prepare: last(all, buildspec.Prepare), begin: last(all, buildspec.Begin), end: last(all, buildspec.End), stop: len(all)}
	if m.end >= 0 && (m.end < m.begin || m.end < m.prepare) {
		m.end = -1
	}
	if m.end >= 0 {
		m.stop = m.end
	} else if begun := max(m.prepare, m.begin); begun >= 0 {
		m.stop, m.killed = cutShort(all, begun+1)
	}
	return m
}

// last is the index of the last line that is want, or -1.
func last(all []string, want string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == want {
			return i
		}
	}
	return -1
}

// cut is the length from which an event without a newline at its end counts as the first piece of a longer line.
// CloudWatch Logs cuts at 256 KiB ("CloudWatch Logs quotas", event size), and agents below that.
const cut = 64 << 10

// lines joins events and splits them into lines. Each event ends a line, whether it says so or not, unless the others
// say so and it is as long as a piece of a cut one.
func lines(events []string) []string {
	ended := func(event string) bool { return strings.HasSuffix(event, "\n") }
	say := slices.ContainsFunc(events, ended)
	var text strings.Builder
	for _, event := range events {
		text.WriteString(event)
		if !ended(event) && !(say && len(event) >= cut) {
			text.WriteByte('\n')
		}
	}
	all := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], "\r")
	}
	return all
}

// spoke says whether BuildKit's last word is there. After a line that only looks like Prepare, out of a build
// argument with newlines for example, it is; after the real one without Begin it is not.
func spoke(all []string) bool {
	return slices.ContainsFunc(all, func(line string) bool { return strings.HasPrefix(line, lastWord) })
}

// setup reads what our command prints before BuildKit begins: the output of what failed, then our own word on it.
func setup(all []string) Failure {
	f := Failure{Kind: Setup, ExitCode: -1}
	var output []string
	for _, line := range all {
		if notice, ok := strings.CutPrefix(line, buildspec.Notice); ok {
			f.Message = printable(notice)
		} else {
			output = append(output, line)
		}
	}
	f.Tail = tail(output)
	return f
}
