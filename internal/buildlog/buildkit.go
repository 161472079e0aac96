package buildlog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The forms of docker buildx's plain progress (moby/buildkit v0.33, util/progress/progressui).
var (
	progressLine = regexp.MustCompile(`^#(\d+) (.*)$`)
	outputLine   = regexp.MustCompile(`^-?\d+\.\d{1,3} (.*)$`)
	statusLine   = regexp.MustCompile(`^(\.\.\.|CACHED|CANCELED|DONE( \d.*)?|ERROR: .*|WARN: .*)$`)
	lastWord     = "ERROR: "
)

// vertex is one step of the build as its progress shows it.
type vertex struct {
	name   string
	err    string   // text of its own error line
	output []string // what it printed, without times
}

// progress is BuildKit's part of the log, taken apart.
type progress struct {
	vertices map[int]*vertex
	current  *vertex  // the step that printed last
	failed   []string // names in the summary of failed steps
	excerpt  []string // the place in the Dockerfile
	message  string   // the last word
}

// buildkit finds the failure in what docker buildx printed.
func buildkit(all []string) Failure {
	p := take(all)
	if p.message == "" {
		f := Failure{ExitCode: -1}
		if v := p.current; v != nil {
			f.Step, f.Tail = clip(v.name), tail(v.output)
		}
		return f
	}
	f := classify(p.message)
	v := p.culprit(f.Message)
	if v != nil {
		f.Step, f.Tail = clip(v.name), tail(v.output)
		f.consider(v.name)
	}
	if f.Step == "" && (f.Kind == Copy || f.Kind == Step) {
		f.Step = clip(p.marked()) // BuildKit may cancel a step for its own error before the step has said it
	}
	if f.Kind == Step && f.Step == "" {
		f.Step = "of a name that is not in the log"
	}
	if len(f.Tail) == 0 {
		f.Tail = tail(p.excerpt)
	}
	f.Message = clip(f.Message)
	return f
}

// take reads the lines up to the last word. Lines after it are hints of docker's.
func take(all []string) progress {
	p := progress{vertices: map[int]*vertex{}}
	end := len(all)
	for i := len(all) - 1; i >= 0; i-- {
		if message, ok := strings.CutPrefix(all[i], lastWord); ok {
			p.message, end = message, i
			break
		}
	}
	blank := true
	for i, line := range all[:end] {
		if m := progressLine.FindStringSubmatch(line); m != nil {
			p.step(m[1], m[2], blank)
		} else if name, ok := strings.CutPrefix(line, " > "); ok && i > 0 && all[i-1] == rule {
			p.failed = append(p.failed, strings.TrimSuffix(name, ":"))
		}
		blank = line == ""
	}
	p.excerpt = excerpt(all[:end])
	return p
}

// step takes one "#N ..." line. The first of a block is the step's name; blank says that a blank line stands before.
func (p *progress) step(number, rest string, blank bool) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	v := p.vertices[n]
	if v == nil {
		v = &vertex{}
		p.vertices[n] = v
	}
	output := outputLine.FindStringSubmatch(rest)
	switch {
	case output != nil:
		v.output = append(v.output, output[1])
		p.current = v
	case strings.HasPrefix(rest, lastWord):
		v.err = strings.TrimPrefix(rest, lastWord)
	case statusLine.MatchString(rest):
	case blank && v.name == "":
		v.name = rest
		p.current = v
	}
}

// culprit is the step whose own error is the build's error. Where several failed alike the first one counts; where the
// log's beginning is missing, the summary of failed steps tells the name.
func (p *progress) culprit(message string) *vertex {
	var numbers []int
	for n, v := range p.vertices {
		if v.err != "" && strings.HasSuffix(message, v.err) {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	v := p.vertices[slices.Min(numbers)]
	if v.name == "" {
		v.name = p.unnamed()
	}
	return v
}

// unnamed is the one failed step of the Dockerfile in the summary. What else stands there, a layer cache that is not
// there yet for example, did not end the build.
func (p *progress) unnamed() string {
	if len(p.failed) == 1 {
		return p.failed[0]
	}
	steps := slices.DeleteFunc(slices.Clone(p.failed), func(name string) bool { return !strings.HasPrefix(name, "[") })
	if len(steps) != 1 {
		return ""
	}
	return steps[0]
}

// mark stands before each line of the instruction that failed, in BuildKit's excerpt of the Dockerfile.
var mark = regexp.MustCompile(`^ *\d+ \| >>> (.*)$`)

// marked is the first line of the instruction that failed.
func (p *progress) marked() string {
	for _, line := range p.excerpt {
		if m := mark.FindStringSubmatch(line); m != nil {
			return strings.TrimSpace(m[1])
		}
	}
	return ""
}

// rule frames the summary of a failed step, frame the place in the Dockerfile.
const (
	rule  = "------"
	frame = "--------------------"
)

// excerpt gives the lines of the Dockerfile that BuildKit shows at the end, between two frames.
func excerpt(all []string) []string {
	if len(all) == 0 || all[len(all)-1] != frame {
		return nil
	}
	for i := len(all) - 2; i >= 0; i-- {
		if all[i] == frame {
			return all[i+1 : len(all)-1]
		}
	}
	return nil
}

// The forms of BuildKit's last word, of today's and of the one inside Docker 20.10. All are anchored at the beginning,
// where nothing of the user's can stand.
var (
	ofProcess = regexp.MustCompile(`^(?:process ".*" did not complete successfully|executor failed running \[.*\]): (.*)$`)
	ofExit    = regexp.MustCompile(`^exit code: (\d+)`)
	ofBase    = regexp.MustCompile(`^(?:[^ ]+: )?failed to resolve source metadata for ([^ ]+): `)
	ofCopy    = regexp.MustCompile(`^(?:failed to compute cache key: )?(?:failed to calculate checksum of ref [^ ]+: )?"(.*)":? not found(?:: not found)?$`)
	ofSyntax  = regexp.MustCompile(`^(?:dockerfile parse error|the Dockerfile cannot be empty|file with no instructions|no build stage in current context|target stage "|failed to read dockerfile|failed to parse|unexpected end of statement|base name \()`)
	ofPush    = regexp.MustCompile(`^(?:failed to push |error writing manifest|server message: insufficient_scope)`)
	ofBuilder = regexp.MustCompile(`^(?:failed to receive status|rpc error: code = Unavailable|context deadline exceeded$|no builder |listing workers|failed to list workers|` +
		`Cannot connect to the Docker daemon|error during connect|failed to get status|frontend grpc server closed|graceful_stop)`)
)

// classify reads the last word; Message is what is left of it without docker's own introductions.
func classify(message string) Failure {
	for _, introduction := range []string{
		"failed to build: ", "failed to solve: ", "rpc error: code = Unknown desc = ",
		"failed to solve with frontend dockerfile.v0: ", "failed to create LLB definition: ",
	} {
		message = strings.TrimPrefix(message, introduction)
	}
	f := Failure{Kind: Other, ExitCode: -1, Message: message}
	if m := ofProcess.FindStringSubmatch(message); m != nil {
		f.Kind = Step
		if code := ofExit.FindStringSubmatch(m[1]); code != nil {
			f.ExitCode, _ = strconv.Atoi(code[1])
		}
		return f
	}
	if m := ofBase.FindStringSubmatch(message); m != nil {
		f.Kind, f.Subject = Base, clip(m[1])
		return f
	}
	if m := ofCopy.FindStringSubmatch(message); m != nil {
		f.Kind, f.Subject = Copy, clip(m[1])
		return f
	}
	for _, form := range []struct {
		kind Kind
		form *regexp.Regexp
	}{{Syntax, ofSyntax}, {Push, ofPush}, {Builder, ofBuilder}} {
		if form.form.MatchString(message) {
			f.Kind = form.kind
			break
		}
	}
	return f
}

// Names of steps that are BuildKit's own and not of the Dockerfile.
const (
	metadata = "[internal] load metadata for "
	pushing  = "pushing "
)

// consider looks at the failed step's name where the last word alone does not tell the kind.
func (f *Failure) consider(name string) {
	if f.Kind != Other {
		return
	}
	if base, ok := strings.CutPrefix(name, metadata); ok {
		f.Kind, f.Subject = Base, clip(base)
	} else if strings.HasPrefix(name, pushing) {
		f.Kind = Push
	}
}
