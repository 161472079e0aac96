package cli

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
)

// parseEngine runs the command line without starting an engine.
func parseEngine(t *testing.T, args ...string) (engineOptions, int, string) {
	t.Helper()
	var got engineOptions
	var out, errs strings.Builder
	s := streams{out: &out, err: &errs}
	root := newRoot(s)
	root.RemoveCommand(root.Commands()...)
	cmd := newEngine(s, func(_ context.Context, _ streams, o engineOptions) error {
		got = o
		return nil
	})
	cmd.Args = usageArgs(cmd.Args)
	root.AddCommand(cmd)
	root.SetArgs(append([]string{"engine"}, args...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		return got, exitCode(err), err.Error()
	}
	return got, exitDone, ""
}

func TestEngineOptions(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/cache")
	for _, c := range []struct {
		args []string
		want engineOptions
	}{
		{nil, engineOptions{State: "/cache/tokendocker/engine", Account: []string{"123456789012"}, Region: "us-east-1"}},
		{[]string{"--state", "/s", "--port", "4600", "--account", "111122223333", "--region", "eu-west-1", "--json"},
			engineOptions{State: "/s", Account: []string{"111122223333"}, Region: "eu-west-1", Port: 4600, JSON: true}},
	} {
		got, code, text := parseEngine(t, c.args...)
		if diff := cmp.Diff(c.want, got); diff != "" || code != exitDone {
			t.Errorf("%v: exit %d (%s), options differ:\n%s", c.args, code, text, diff)
		}
	}
}

func TestEngineWrongUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"app"}, "unknown command"},
		{[]string{"--port", "70000"}, "--port 70000 is not a port number"},
		{[]string{"--account", "12"}, `--account "12" is not an account number`},
		{[]string{"--region", "here"}, `--region "here" is not a region`},
	} {
		if _, code, text := parseEngine(t, c.args...); code != exitUsage || !strings.Contains(text, c.want) {
			t.Errorf("%v: exit %d: %s", c.args, code, text)
		}
	}
}

// TestEnvironmentIsShellText: a value with a quote must not end the shell's word.
func TestEnvironmentIsShellText(t *testing.T) {
	var out strings.Builder
	err := printEnvironment(streams{out: &out}, []engine.Variable{{Name: "DOCKER_HOST", Value: "unix:///it's here/docker.sock"}}, false)
	want := `export DOCKER_HOST='unix:///it'\''s here/docker.sock'` + "\n" + unset + "\n"
	if err != nil || out.String() != want {
		t.Errorf("%v: %s", err, out.String())
	}
}
