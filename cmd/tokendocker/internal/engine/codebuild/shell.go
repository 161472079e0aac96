package codebuild

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// shell is the session in which a build's commands run. Each command has a process of its own; working directory and
// variables go from one to the next by files, since a command may end its shell.
type shell struct {
	container Container
	program   string   // sh or bash
	separate  bool     // nothing goes from one command to the next
	env       []string // at the session's start
	source    string   // folder of the source, where the session begins
	files     string   // folder of the session's files
	out       io.Writer
	more      string // folder of the secondary sources' folders
}

// newShell returns the session of a build with this uuid, below CodeBuild's home in the container. Builds share that
// folder, so each has names of its own in it.
func newShell(c Container, home, uuid string) *shell {
	output := path.Join(home, "output")
	return &shell{
		container: c, program: "sh", out: io.Discard,
		source: path.Join(output, "src"+uuid, "src"),
		files:  path.Join(output, "tmp"+uuid),
		more:   path.Join(output, "src"+uuid, "secondary"),
	}
}

// use takes over how a buildspec wants its commands to run.
func (s *shell) use(spec *buildspec.Spec, env []string, out io.Writer) {
	s.program, s.separate, s.env, s.out = spec.Shell, spec.Separate, env, out
}

// secondary is the folder of a secondary source.
func (s *shell) secondary(identifier string) string { return path.Join(s.more, identifier) }

// prepare makes the session's folders, and those of the secondary sources.
func (s *shell) prepare(ctx context.Context, secondary []source) error {
	script := fmt.Sprintf("mkdir -p '%s' '%s' && printf '%%s\n' '%[1]s' > '%[2]s/dir.txt' && : > '%[2]s/env.sh'", s.source, s.files)
	for _, further := range secondary {
		script += fmt.Sprintf(" && mkdir -p '%s'", s.secondary(further.Identifier))
	}
	var out bytes.Buffer
	code, err := s.container.Exec(ctx, sandbox.ExecSpec{Argv: []string{"sh", "-c", script}, Stdout: &out, Stderr: &out})
	if err == nil && code != 0 {
		err = fmt.Errorf("prepare the build's folders: exit status %d: %s", code, out.String())
	}
	return err
}

// run runs one command and returns its exit code. The command comes in by standard input, so that its text stands in no
// argument; its own standard input is empty. Both its outputs are one pipe, so that lines come in their order.
func (s *shell) run(ctx context.Context, command string, succeeding bool) (int, error) {
	flag := 0
	if succeeding {
		flag = 1
	}
	script := fmt.Sprintf(`exec 2>&1
cat > '%[1]s/script.sh' || exit
. '%[1]s/env.sh'
cd "$(cat '%[1]s/dir.txt')" || exit
export CODEBUILD_BUILD_SUCCEEDING=%[2]d
set -a
. '%[1]s/script.sh' < /dev/null
CODEBUILD_LAST_EXIT=$?
export -p > '%[1]s/env.sh'
pwd > '%[1]s/dir.txt'
exit $CODEBUILD_LAST_EXIT
`, s.files, flag)
	if s.separate {
		script = fmt.Sprintf(`exec 2>&1
cat > '%[1]s/script.sh' || exit
cd '%[2]s' || exit
export CODEBUILD_BUILD_SUCCEEDING=%[3]d
. '%[1]s/script.sh' < /dev/null
`, s.files, s.source, flag)
	}
	return s.container.Exec(ctx, sandbox.ExecSpec{
		Argv: []string{s.program, "-c", script}, Env: s.env, Dir: "/",
		Stdin: strings.NewReader(command), Stdout: s.out, Stderr: s.out,
	})
}

// read returns a file of the source, and whether there is one.
func (s *shell) read(ctx context.Context, name string) (content string, found bool, err error) {
	var out bytes.Buffer
	code, err := s.container.Exec(ctx, sandbox.ExecSpec{
		Argv: []string{"cat", "--", path.Join(s.source, path.Clean("/"+name))}, Stdout: &out, Stderr: io.Discard,
	})
	return out.String(), code == 0, err
}

// expand returns what a text of the buildspec becomes in the session's shell.
func (s *shell) expand(ctx context.Context, text string) (string, error) {
	if !strings.ContainsAny(text, "$`\\\"") {
		return text, nil
	}
	var out, said bytes.Buffer
	script := fmt.Sprintf(". '%s/env.sh'\ncd '%s' && printf '%%s' \"%s\"", s.files, s.source, text)
	code, err := s.container.Exec(ctx, sandbox.ExecSpec{
		Argv: []string{s.program, "-c", script}, Env: s.env, Stdout: &out, Stderr: &said,
	})
	if err == nil && code != 0 {
		err = fail(codeClient, "%q cannot be expanded: %s", text, strings.TrimSpace(said.String()))
	}
	return out.String(), err
}

// isFolder reports whether the container has such a folder.
func (s *shell) isFolder(ctx context.Context, name string) bool {
	code, err := s.container.Exec(ctx, sandbox.ExecSpec{Argv: []string{"test", "-d", name}, Stdout: io.Discard, Stderr: io.Discard})
	return err == nil && code == 0
}

// find returns the paths of what is below a folder and of one of these types, relative to it and in order.
func (s *shell) find(ctx context.Context, dir string, types ...string) ([]string, error) {
	var out, said bytes.Buffer
	argv := []string{"find", dir, "-mindepth", "1", "-type", strings.Join(types, ","), "-printf", `%P\0`}
	code, err := s.container.Exec(ctx, sandbox.ExecSpec{Argv: argv, Stdout: &out, Stderr: &said})
	if err == nil && code != 0 {
		err = fail(codeClient, "artifact files cannot be listed: %s", strings.TrimSpace(said.String()))
	}
	names := strings.FieldsFunc(out.String(), func(c rune) bool { return c == 0 })
	slices.Sort(names)
	return names, err
}

// exported returns the last values of the variables that the build reports; one that is not set is empty.
func (s *shell) exported(ctx context.Context, names []string) []variable {
	if len(names) == 0 {
		return nil
	}
	var out bytes.Buffer
	script := fmt.Sprintf(". '%s/env.sh'; env -0", s.files)
	if _, err := s.container.Exec(ctx, sandbox.ExecSpec{
		Argv: []string{s.program, "-c", script}, Env: s.env, Stdout: &out, Stderr: io.Discard,
	}); err != nil {
		return nil
	}
	values := map[string]string{}
	for entry := range strings.SplitSeq(out.String(), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	var list []variable
	for _, name := range names {
		list = append(list, variable{Name: name, Value: text(values[name])})
	}
	return list
}

// sweep removes the session's folders, which outlive the container; one that is gone cannot do it any more.
func (s *shell) sweep(ctx context.Context) {
	_, _ = s.container.Exec(ctx, sandbox.ExecSpec{
		Argv: []string{"rm", "-rf", "--", path.Dir(s.source), s.files}, Stdout: io.Discard, Stderr: io.Discard,
	})
}
