package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// TestUsage: a wrong command line says what is wrong and, where it can be known, what was meant.
func TestUsage(t *testing.T) {
	app := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"command", []string{"rehears", app}, "tokendocker: unknown command \"rehears\" for \"tokendocker\"\n  did you mean `tokendocker rehearse`? see `tokendocker --help`\n"},
		{"command like none", []string{"xyzzy"}, "tokendocker: unknown command \"xyzzy\" for \"tokendocker\"\n  see `tokendocker --help`\n"},
		{"flag", []string{"rehearse", app, "--permission"}, "tokendocker: unknown flag: --permission\n  did you mean `--permissions`? see `tokendocker rehearse --help`\n"},
		{"flag like none", []string{"rehearse", app, "--xyzzyxyzzy"}, "tokendocker: unknown flag: --xyzzyxyzzy\n  see `tokendocker rehearse --help`\n"},
		{"no number", []string{"engine", "--port", "80x"}, "tokendocker: invalid argument \"80x\" for \"--port\" flag\n  see `tokendocker engine --help`\n"},
		{"image of nothing", []string{"image"}, "tokendocker: image needs an APP: a folder with a cdk.json, or a cloud assembly (cdk.out)\n  see `tokendocker image --help`\n"},
		{"image of two", []string{"image", app, "A/B", "C"}, "tokendocker: image APP [BUILDER] does not know what C stands for\n  see `tokendocker image --help`\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs strings.Builder
			code := Main(t.Context(), nil, c.args, &out, &errs)
			if diff := cmp.Diff(c.want, errs.String()); diff != "" || code != exitUsage || out.Len() > 0 {
				t.Errorf("exit %d, answer %q, (-want +got):\n%s", code, out.String(), diff)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	var command, flag strings.Builder
	for args, out := range map[string]*strings.Builder{"version": &command, "--version": &flag} {
		if code := Main(t.Context(), nil, []string{args}, out, out); code != exitDone {
			t.Errorf("%s: exit %d", args, code)
		}
	}
	if command.String() != flag.String() || !strings.HasPrefix(flag.String(), "tokendocker ") {
		t.Errorf("%q and %q", command.String(), flag.String())
	}
}

// TestMirrored: a mirror's images are named as a Dockerfile names them.
func TestMirrored(t *testing.T) {
	dir := t.TempDir()
	for _, tag := range []string{"library/node/_manifests/tags/22", "library/busybox/_manifests/tags/1", "docker/dockerfile/_manifests/tags/1"} {
		if err := os.MkdirAll(filepath.Join(dir, "docker/registry/v2/repositories", tag, "index"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"busybox:1", "docker/dockerfile:1", "node:22"}, mirrored(dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDoing(t *testing.T) {
	for status, want := range map[string]string{"CREATE_IN_PROGRESS": "creating", "UPDATE_IN_PROGRESS": "updating", "DELETE_IN_PROGRESS": "deleting"} {
		if got := doing(status); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
}

// TestGiven: what only the account has is said to be so, as CloudFormation and as a service words it.
func TestGiven(t *testing.T) {
	for _, c := range []struct {
		err  error
		hint bool
	}{
		{errors.New("stack Shop: Unable to fetch parameters [/shop/color] from parameter store for this account."), true},
		{&cloudformation.Failed{StackName: "Shop", Reason: "ResourceNotFoundException: Secrets Manager can't find the specified secret."}, true},
		{&cloudformation.Failed{StackName: "Shop", Reason: "something else"}, false},
	} {
		if got := fault.HintOf(deployError(c.err)); strings.Contains(got, "What the account has already") != c.hint {
			t.Errorf("%v: %q", c.err, got)
		}
	}
}

// TestPanic: a command that breaks ends with the exit code for that, not with the runtime's, which stands for wrong usage.
func TestPanic(t *testing.T) {
	var errs strings.Builder
	if code := Main(t.Context(), nil, []string{"version"}, nil, &errs); code != exitInternal || !strings.Contains(errs.String(), "please report it") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
