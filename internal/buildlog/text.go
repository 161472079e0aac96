package buildlog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// escape is what terminals do not show: control sequences and the strings that some of them bring (ECMA-48).
var escape = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])")

// printable is what a terminal would show of a line: no escape sequences, of a progress bar its last state, a tab as
// spaces, and nothing else that is not printable.
func printable(line string) string {
	line = escape.ReplaceAllString(line, "")
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	line = strings.ToValidUTF8(line, "\ufffd")
	line = strings.ReplaceAll(line, "\t", "    ")
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, line)
}

// maxLine is the number of bytes that is kept of one line.
const maxLine = 600

// clip makes s printable and, where it is too long, takes something out of its middle: programs put the place at a
// line's beginning and the reason at its end.
func clip(s string) string {
	s = strings.TrimRight(printable(s), " ")
	if len(s) <= maxLine {
		return s
	}
	head, rear := maxLine/2, len(s)-maxLine/2
	for !utf8.RuneStart(s[head]) {
		head--
	}
	for !utf8.RuneStart(s[rear]) {
		rear++
	}
	return s[:head] + " ... " + s[rear:]
}

// tail makes the last lines printable and leaves blank ones at both ends out.
func tail(all []string) []string {
	var kept []string
	for _, line := range all[max(0, len(all)-2*MaxTail):] {
		if line = clip(line); line != "" || len(kept) > 0 {
			kept = append(kept, line)
		}
	}
	for len(kept) > 0 && kept[len(kept)-1] == "" {
		kept = kept[:len(kept)-1]
	}
	return kept[max(0, len(kept)-MaxTail):]
}

// Summary is the first line that a user sees: what failed, in one sentence without a newline.
func (f Failure) Summary() string { return strings.TrimRight(f.summary(), ".") + "." } // messages may end in a stop

func (f Failure) summary() string {
	switch f.Kind {
	case Step:
		return "Docker build failed at step " + f.Step + f.exit() + "."
	case Syntax:
		return "The Dockerfile is not valid: " + f.Message + "."
	case Base:
		return fmt.Sprintf("The base image %s could not be fetched: %s.%s", f.Subject, ofBase.ReplaceAllString(f.Message, ""), f.advice())
	case Copy:
		return fmt.Sprintf("Docker build failed%s: the source %q does not exist%s.", prefixed(" at step ", f.Step), f.Subject, f.excluded())
	case Builder:
		return "The connection to BuildKit was lost during the docker build, as if it had been killed or had run out of memory: " + f.Message + "."
	case Push:
		return "The image was built but could not be pushed: " + f.Message + "."
	case Command:
		return fmt.Sprintf("The command %q failed%s, before the docker build.", f.Step, f.exit())
	case Setup:
		return "The docker build could not be prepared: " + defaulted(f.Message, "the log does not say why") + "."
	case Other:
		if f.Step != "" {
			return "Docker build failed at step " + f.Step + ": " + f.Message + "."
		}
		return "Docker build failed: " + f.Message + "."
	}
	if f.Step != "" {
		return "The build ended without a word of docker's, while it was at step " + f.Step + prefixed(": ", f.Message) + "."
	}
	return "The build ended without a word of docker's" + prefixed(": ", f.Message) + "."
}

// exit says what the exit code means.
func (f Failure) exit() string {
	switch {
	case f.ExitCode < 0:
		return prefixed(": ", f.Message)
	case f.ExitCode == 137:
		return " with exit code 137 (killed, most often for want of memory)"
	}
	return fmt.Sprintf(" with exit code %d", f.ExitCode)
}

// inECR is the beginning of an image's name in a private registry of ECR.
var inECR = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.`)

// advice is the way out where a registry does not give a base image: of a limit of pulls, which the builds of many
// accounts share by their addresses (Docker's documentation, "Docker Hub usage and limits"), and of what ECR says when
// a permission is missing (Amazon ECR User Guide, "Troubleshooting pull through cache issues in Amazon ECR").
func (f Failure) advice() string {
	said := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(f.Message, text) })
	}
	switch {
	case said("429 Too Many Requests", "toomanyrequests"):
		return " Log in (DockerLogin), or take it from a cache of your own (EcrPullThroughCachePrefixes)."
	case inECR.MatchString(f.Subject) && said("403 Forbidden", "pull access denied", "denied: "):
		return " The build's role may not pull it (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer): if it comes through a pull-through cache, " +
			"name the prefix of the rule in EcrPullThroughCachePrefixes; else allow it in the repository's policy."
	case inECR.MatchString(f.Subject) && said("not found", "manifest unknown", "name unknown"):
		return " If it comes through a pull-through cache, look at the rule's prefix, at the image's name in the upstream registry " +
			"(Docker Hub's official images are below library/), and whether a policy denies ecr:BatchImportUpstreamImage or ecr:CreateRepository."
	}
	return ""
}

// excluded says where to look for a source of the build context that is missing.
func (f Failure) excluded() string {
	if strings.Contains(f.Step, "--from=") {
		return ""
	}
	return " in the build context; if it does on your disk, see .dockerignore and Exclude"
}

// Reason composes the failure text: the summary, as many of the last lines of output as fit, and where the whole log
// is; where says too that the log is incomplete, if that is so. budget is in bytes as they stand in JSON (contract.Response.Room); what does not fit at all is left to
// contract.Response.Encode to cut.
func (f Failure) Reason(where string, budget int) string {
	head := f.Summary()
	left := budget - contract.Escaped(head+"\n"+where)
	var lines []string
	for i := len(f.Tail) - 1; i >= 0; i-- {
		if left -= contract.Escaped("\n" + f.Tail[i]); left < 0 {
			break
		}
		lines = append([]string{f.Tail[i]}, lines...)
	}
	parts := append([]string{head}, lines...)
	if where != "" {
		parts = append(parts, where)
	}
	return strings.Join(parts, "\n")
}

// defaulted is s, or otherwise where s is empty.
func defaulted(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// prefixed is s with a prefix, or nothing where s is empty.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
