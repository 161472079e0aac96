package cli

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
)

// parse runs the command line without doing the work.
func parse(t *testing.T, args ...string) (rehearseOptions, int, string) {
	t.Helper()
	var got rehearseOptions
	var out, errs strings.Builder
	s := streams{out: &out, err: &errs}
	root := newRoot(s)
	root.RemoveCommand(root.Commands()...)
	cmd := newRehearse(s, func(_ context.Context, _ streams, o rehearseOptions) error {
		got = o
		return nil
	})
	cmd.Args = usageArgs(cmd.Args)
	root.AddCommand(cmd)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		return got, exitCode(err), err.Error()
	}
	return got, exitDone, ""
}

func TestRehearseOptions(t *testing.T) {
	app := t.TempDir()
	got, code, text := parse(t, "rehearse", app, "--state", "/s", "--set", "Shop.Api=abc", "--set", "Shop.Db.Endpoint.Address=a=b", "--json")
	want := rehearseOptions{App: app, State: "/s", Account: "123456789012", Region: "us-east-1", JSON: true, Set: []simulated.Set{
		{Stack: "Shop", LogicalID: "Api", Value: "abc"},
		{Stack: "Shop", LogicalID: "Db", Attribute: "Endpoint.Address", Value: "a=b"},
	}}
	if diff := cmp.Diff(want, got); diff != "" || code != exitDone {
		t.Errorf("exit %d (%s), options differ:\n%s", code, text, diff)
	}
}

func TestRehearseDefaultState(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/cache")
	one, two := t.TempDir(), t.TempDir()
	a, _, _ := parse(t, "rehearse", one)
	again, _, _ := parse(t, "rehearse", one)
	b, _, _ := parse(t, "rehearse", two)
	if a.State != again.State || a.State == b.State || filepath.Dir(a.State) != "/cache/tokendocker/rehearsals" {
		t.Errorf("state folders %s, %s, %s", a.State, again.State, b.State)
	}
}

func TestRehearseWrongUsage(t *testing.T) {
	app := t.TempDir()
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no app", []string{"rehearse"}, "rehearse needs an APP: a folder with a cdk.json"},
		{"missing folder", []string{"rehearse", app + "/nope"}, "there is no folder"},
		{"unknown flag", []string{"rehearse", app, "--nope"}, "unknown flag: --nope"},
		{"two apps", []string{"rehearse", app, "b", "c"}, "rehearse APP does not know what b c stands for"},
		{"destroy and set", []string{"rehearse", app, "--destroy", "--set", "Shop.Api=1"}, "--destroy deploys nothing that --stack, --set or --permissions could be about"},
		{"destroy and stack", []string{"rehearse", app, "--destroy", "--stack", "Shop"}, "--destroy deploys nothing that --stack, --set or --permissions could be about"},
		{"destroy and permissions", []string{"rehearse", app, "--destroy", "--permissions"}, "--destroy deploys nothing"},
		{"destroy what never was", []string{"rehearse", app + "/nope", "--destroy"}, "there is no folder"},
		{"set without value", []string{"rehearse", app, "--set", "Shop.Api"}, `--set "Shop.Api": write it as STACK.LOGICALID[.ATTRIBUTE]=VALUE`},
		{"set without id", []string{"rehearse", app, "--set", "Shop=1"}, "write it as STACK.LOGICALID"},
		{"account", []string{"rehearse", app, "--account", "12"}, "is not an account number"},
		{"region", []string{"rehearse", app, "--region", "moon"}, "is not a region"},
		{"unknown command", []string{"rehears"}, `unknown command "rehears"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, code, text := parse(t, c.args...)
			if code != exitUsage || !strings.Contains(text, c.want) {
				t.Errorf("exit %d, %q; want exit 2 and %q", code, text, c.want)
			}
		})
	}
}

// TestDestroyWithoutTheApp: what is deployed can be deleted when the app's folder is gone.
func TestDestroyWithoutTheApp(t *testing.T) {
	state := t.TempDir()
	if got, code, text := parse(t, "rehearse", state+"/gone", "--destroy", "--state", state); code != exitDone || !got.Destroy {
		t.Errorf("exit %d: %s", code, text)
	}
}
