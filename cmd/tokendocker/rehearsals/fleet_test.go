package rehearsals

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// fleetApp is a CDK app of testdata/apps/fleet. It reads the context "step": "first", "replaced", of which one change
// replaces resources, and "broken", which goes back on that change and has something that fails.
type fleetApp struct {
	name   string // its folder
	golang bool   // written in Go instead of TypeScript
	covers string // what it is made of

	stacks  []string          // in the order in which they are deployed
	types   int               // resource types, those of the CDK's own resources included
	custom  []string          // types of custom resources
	outputs map[string]string // forms of outputs, by "Stack.Key"
	order   [][2]string       // construct paths: the first is complete before the second is begun
	ran     map[string]string // what functions logged, by a part of the function's name

	replaces []string          // construct paths whose physical ids change in the update
	updated  map[string]string // forms of outputs after it
	breaks   [2]string         // construct path of what fails, and what it says
	failed   string            // the stack that it is in
	kept     []string          // parts of the keys of what stays since its removal policy says so, after the table's name
}

// TestFleet deploys each app, updates it with a replacement, updates it with something that fails, and deletes it.
func TestFleet(t *testing.T) {
	for _, app := range fleet() {
		t.Run(app.name, func(t *testing.T) {
			t.Parallel()
			f := newFleetRun(t, app)
			first := f.deploy("first").wantExit(0)
			f.checkFirst(first)
			before := f.physical()
			replaced := f.deploy("replaced").wantExit(0)
			after, there := f.physical(), f.there()
			f.checkReplaced(replaced, before, after)
			broken := f.deploy("broken").wantExit(4)
			f.checkBroken(broken, replaced, after)
			f.checkThere(there)
			gone := f.rehearse(f.env, "--destroy").wantExit(0)
			f.checkGone(gone)
			t.Logf("deploy %.1f s, update %.1f s, roll-back %.1f s, delete %.1f s", first.took.Seconds(), replaced.took.Seconds(), broken.took.Seconds(), gone.took.Seconds())
		})
	}
}

// fleetRun is an app with the state of its rehearsals.
type fleetRun struct {
	*rehearsed
	app fleetApp
	env settings
}

func newFleetRun(t *testing.T, app fleetApp) *fleetRun {
	t.Helper()
	return &fleetRun{app: app, env: peers(t), rehearsed: &rehearsed{t: t, app: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}}
}

// deploy rehearses one step of the app.
func (f *fleetRun) deploy(step string) outcome {
	f.t.Helper()
	if step == "first" {
		f.copyApp()
	}
	return f.with(map[string]any{"step": step})
}

// copyApp brings the files of the app, if it has any beside its program, to where it runs.
func (f *fleetRun) copyApp() {
	f.t.Helper()
	source := filepath.Join("..", "..", "..", "testdata", "apps", "fleet", "ts", f.app.name)
	if f.app.golang {
		source = filepath.Join("..", "..", "..", "testdata", "apps", "fleet", f.app.name)
	}
	if _, err := os.Stat(source); err == nil {
		must(f.t, os.CopyFS(f.rehearsed.app, os.DirFS(source)))
	}
}

// with rehearses the app with a context.
func (f *fleetRun) with(context map[string]any) outcome {
	f.t.Helper()
	var command string
	if f.app.golang {
		command = fleetProgram(f.t) + " " + f.app.name
	} else {
		command = "node " + filepath.Join(typeScript(f.t), f.app.name, "app.js")
	}
	raw, err := json.Marshal(map[string]any{"app": command, "context": context})
	must(f.t, err)
	f.write("cdk.json", string(raw))
	return f.rehearse(f.env)
}

// programs are built once: the apps in TypeScript, with their types checked, and those in Go.
var programs struct {
	typeScript, golang sync.Once
	dir                string
	errTS, errGo       error
}

// typeScript compiles the apps and returns the folder of what Node can run.
func typeScript(t *testing.T) string {
	t.Helper()
	out := filepath.Join(filepath.Dir(command), "fleet")
	programs.typeScript.Do(func() {
		cache, err := os.UserCacheDir()
		if err != nil {
			programs.errTS = err
			return
		}
		modules := filepath.Join(cache, "tokendocker", "peers", "node_modules")
		source, err := filepath.Abs(filepath.Join("..", "..", "..", "testdata", "apps", "fleet", "ts"))
		config := filepath.Join(filepath.Dir(command), "tsconfig.json")
		raw, jsonErr := json.Marshal(map[string]any{"extends": filepath.Join(source, "tsconfig.json"), "include": []string{source},
			"compilerOptions": map[string]any{"typeRoots": []string{filepath.Join(modules, "@types")}, "paths": map[string]any{"*": []string{modules + "/*"}},
				"outDir": out, "rootDir": source}})
		if err = errors.Join(err, jsonErr, os.WriteFile(config, raw, 0o600)); err != nil {
			programs.errTS = err
			return
		}
		said, err := exec.Command("node", filepath.Join(modules, "typescript", "bin", "tsc"), "-p", config).CombinedOutput()
		if err != nil {
			programs.errTS = fmt.Errorf("compile the fleet: %w\n%s", err, said)
		}
	})
	must(t, programs.errTS)
	return out
}

// fleetProgram builds the apps that are written in Go, which are one program.
func fleetProgram(t *testing.T) string {
	t.Helper()
	out := filepath.Join(filepath.Dir(command), "fleet-go")
	programs.golang.Do(func() { programs.errGo = build(filepath.Join("..", "..", ".."), out, "./testdata/apps/fleet") })
	must(t, programs.errGo)
	return out
}

// deployed is a resource as the state folder has it.
type deployed struct{ stack, path, kind, id string }

// physical reads the resources of all stacks, by "Stack path".
func (f *fleetRun) physical() map[string]deployed {
	f.t.Helper()
	out := map[string]deployed{}
	f.table("cloudformation.resources", func(key string, raw []byte) {
		var r struct {
			StackID, Type, Path string
			Current             *struct{ PhysicalID string }
		}
		must(f.t, json.Unmarshal(raw, &r))
		if r.Current != nil {
			out[r.StackID+" "+r.Path] = deployed{stack: r.StackID, path: r.Path, kind: r.Type, id: r.Current.PhysicalID}
		}
	})
	return out
}

// table reads one table of the state folder.
func (f *fleetRun) table(name string, each func(key string, raw []byte)) {
	f.t.Helper()
	f.tables(func(table string, b *bbolt.Bucket) error {
		if table != name {
			return nil
		}
		return b.ForEach(func(k, raw []byte) error { each(string(k), raw); return nil })
	})
}

func (f *fleetRun) tables(each func(table string, b *bbolt.Bucket) error) {
	f.t.Helper()
	db, err := bbolt.Open(filepath.Join(f.state, "state.db"), 0o600, &bbolt.Options{ReadOnly: true})
	must(f.t, err)
	defer db.Close() //nolint:errcheck // opened for reading
	must(f.t, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return each(path.Base(string(name)), b) }) // without its account
	}))
}

// checkFirst looks at the first deployment.
func (f *fleetRun) checkFirst(o outcome) {
	f.t.Helper()
	var names []string
	for _, s := range o.summary.Stacks {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, f.app.stacks) {
		f.t.Errorf("stacks %q, want %q", names, f.app.stacks)
	}
	types, custom := map[string]bool{}, map[string]bool{}
	for _, r := range f.physical() {
		if r.kind != "AWS::CDK::Metadata" {
			types[r.kind] = true
		}
		if strings.HasPrefix(r.kind, "Custom::") || r.kind == "AWS::CloudFormation::CustomResource" {
			custom[r.kind] = true
		}
	}
	if len(types) != f.app.types {
		f.t.Errorf("%d resource types, want %d: %s", len(types), f.app.types, strings.Join(slices.Sorted(maps.Keys(types)), ", "))
	}
	if got := slices.Sorted(maps.Keys(custom)); !slices.Equal(got, f.app.custom) {
		f.t.Errorf("custom resources %q, want %q", got, f.app.custom)
	}
	f.checkOutputs(o, f.app.outputs)
	for _, pair := range f.app.order {
		f.checkOrder(o, pair[0], "CREATE_COMPLETE", pair[1], "CREATE_IN_PROGRESS")
	}
	f.checkLogs()
}

func (f *fleetRun) checkOutputs(o outcome, want map[string]string) {
	f.t.Helper()
	for name, form := range want {
		stack, key, _ := strings.Cut(name, ".")
		got, found := "", false
		for _, s := range o.summary.Stacks {
			if s.Name == stack {
				got, found = s.Outputs[key]
			}
		}
		if !found || !regexp.MustCompile("^"+form+"$").MatchString(got) {
			f.t.Errorf("output %s is %q, want %s", name, got, form)
		}
	}
}

// checkOrder checks that one event of a path comes before one of another.
func (f *fleetRun) checkOrder(o outcome, path, status, later, laterStatus string) {
	f.t.Helper()
	at := func(path, status string) int {
		return slices.IndexFunc(o.events, func(e report.Event) bool { return e.Path == path && strings.HasSuffix(e.Status, status) })
	}
	if a, b := at(path, status), at(later, laterStatus); a < 0 || b < 0 || a > b {
		f.t.Errorf("%s %s is event %d, %s %s event %d", path, status, a, later, laterStatus, b)
	}
}

// checkLogs looks for what functions wrote.
func (f *fleetRun) checkLogs() {
	f.t.Helper()
	for function, want := range f.app.ran {
		if said := f.logs(function); !regexp.MustCompile(want).MatchString(said) {
			f.t.Errorf("the function %s logged %q, want %s", function, said, want)
		}
	}
}

// logs returns everything in the log groups whose name has a part.
func (f *fleetRun) logs(part string) string {
	e := f.open()
	defer e.Close(f.t.Context()) //nolint:errcheck // nothing runs
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	must(f.t, e.Call(f.t.Context(), "logs", "DescribeLogGroups", map[string]any{}, &groups))
	var all strings.Builder
	for _, g := range groups.LogGroups {
		if !strings.Contains(g.LogGroupName, part) {
			continue
		}
		var events struct{ Events []struct{ Message string } }
		must(f.t, e.Call(f.t.Context(), "logs", "FilterLogEvents", map[string]any{"logGroupName": g.LogGroupName}, &events))
		for _, event := range events.Events {
			all.WriteString(event.Message)
		}
	}
	return all.String()
}

// checkReplaced looks at the update that replaces.
func (f *fleetRun) checkReplaced(o outcome, before, after map[string]deployed) {
	f.t.Helper()
	var changed []string
	for key, r := range before {
		if now, ok := after[key]; ok && now.id != r.id && !slices.Contains(changed, r.path) {
			changed = append(changed, r.path)
		}
	}
	slices.Sort(changed)
	if !slices.Equal(changed, f.app.replaces) {
		f.t.Errorf("replaced were %q, want %q", changed, f.app.replaces)
	}
	for _, path := range f.app.replaces {
		f.checkOrder(o, path, "_COMPLETE", path, "DELETE_IN_PROGRESS")
	}
	f.checkOutputs(o, f.app.updated)
}

// checkBroken looks at the update that fails: everything is as it was.
func (f *fleetRun) checkBroken(o, last outcome, before map[string]deployed) {
	f.t.Helper()
	failed := o.summary.Stacks[len(o.summary.Stacks)-1]
	if failed.Name != f.app.failed || failed.Status != "UPDATE_ROLLBACK_COMPLETE" || failed.Failure == nil {
		f.t.Fatalf("the last stack is %+v", failed)
	}
	if failed.Failure.Path != f.app.breaks[0] || !strings.Contains(failed.Failure.Reason, f.app.breaks[1]) {
		f.t.Errorf("failed has %s: %s", failed.Failure.Path, failed.Failure.Reason)
	}
	for i, s := range o.summary.Stacks {
		if !maps.Equal(s.Outputs, last.summary.Stacks[i].Outputs) {
			f.t.Errorf("after the roll-back the outputs of %s are %q, before they were %q", s.Name, s.Outputs, last.summary.Stacks[i].Outputs)
		}
	}
	after := f.physical()
	for key, r := range before {
		if after[key].id != r.id {
			f.t.Errorf("after the roll-back %s is %s, before it was %s", r.path, after[key].id, r.id)
		}
	}
	for key, r := range after {
		if _, ok := before[key]; !ok {
			f.t.Errorf("the roll-back left %s %s", r.kind, r.path)
		}
	}
}
