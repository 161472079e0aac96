package assembly

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

func TestOpen(t *testing.T) {
	a, messages, err := Open("testdata/two")
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Stacks) != 2 || a.Stacks[0].Name != "Simple" || a.Stacks[1].Name != "renamed" {
		t.Fatalf("stacks are not in the order of their dependencies: %+v", a.Stacks)
	}
	two := a.Stacks[1]
	if two.Account != "111111111111" || two.Region != "eu-west-1" || a.Stacks[0].Account != "" || a.Stacks[0].Region != "" {
		t.Errorf("environments: %q %q, %q %q", two.Account, two.Region, a.Stacks[0].Account, a.Stacks[0].Region)
	}
	if got := a.Stacks[0].Paths["ApiF70053CD"]; got != "Simple/Api/Resource" {
		t.Errorf("path of the API is %q", got)
	}
	if len(two.Files) != 1 || two.Files[0].Key != "code.zip" {
		t.Errorf("files: %+v", two.Files)
	}
	if len(messages) != 1 || messages[0].Level != "warning" || messages[0].Path != "Simple/Api" {
		t.Errorf("messages: %+v", messages)
	}
}

func TestWriteZip(t *testing.T) {
	a, _, err := Open("testdata/two")
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := a.Stacks[1].Files[0].Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("one folder gave two different zip files")
	}
	z, err := zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Mode().String()+" "+f.Name)
	}
	want := "-rwxr-xr-x run.sh,drwxr-xr-x sub/,-rw-r--r-- sub/a.txt"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("zip holds %s, want %s", got, want)
	}
}

func TestOrderFindsCycle(t *testing.T) {
	_, err := order([]Stack{{ID: "A", key: "A", dependsOn: []string{"B"}}, {ID: "B", key: "B", dependsOn: []string{"A"}}})
	if err == nil {
		t.Error("a cycle of stacks was ordered")
	}
}

func TestSynthErrors(t *testing.T) {
	cases := []struct{ name, config, want string }{
		{"no cdk.json", "", "holds no cdk.json and no cloud assembly"},
		{"no app", `{}`, "names no app to run"},
		{"broken cdk.json", `{`, "cannot read the app's cdk.json"},
		{"cdk.json is a list", `[]`, "cannot read the app's cdk.json: it holds one array, and must hold an object"},
		{"app is a list", `{"app": ["go", "run"]}`, `cannot read the app's cdk.json: "app" is of type array, and must be a text`},
		{"context is a text", `{"app": "true", "context": "x"}`, `cannot read the app's cdk.json: "context" is of type string, and must be an object`},
		{"app fails", `{"app": "echo '# probe'; echo './main.go:3:2: undefined: x' >&2; exit 1"}`, "said: ./main.go:3:2: undefined: x"},
		{"app panics", `{"app": "printf 'panic: \"no such thing\"\\n\\ngoroutine 1 [running]:\\nmain.main()\\n'; exit 2"}`, "no such thing"},
		{"validation", `{"app": "printf 'panic: ValidationFailedWithErrors: Validation failed with the following errors:\\n  [A/B] path is missing\\n  [A/C] name is wrong\\n\\ngoroutine 1 [running]:\\n'; exit 2"}`, "[A/B] path is missing; [A/C] name is wrong"},
		{"app writes nothing", `{"app": "true"}`, "wrote no cloud assembly"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.config != "" {
				if err := os.WriteFile(filepath.Join(dir, "cdk.json"), []byte(c.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Synth(t.Context(), App{Dir: dir, OutDir: filepath.Join(dir, "out")})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "goroutine") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is not one sentence: %q", err)
			}
			if fault.KindOf(err) != fault.Synth {
				t.Errorf("kind is %v", fault.KindOf(err))
			}
		})
	}
}

func TestSynthRunsTheApp(t *testing.T) {
	dir, _ := filepath.Abs("testdata/two")
	app := t.TempDir()
	config := `{"app": "cp -r ` + dir + ` $CDK_OUTDIR && test \"$CDK_DEFAULT_REGION\" = us-east-1 && echo \"$CDK_CONTEXT_JSON\" | grep -q '\"mine\":7'", "context": {"mine": 7}}`
	if err := os.WriteFile(filepath.Join(app, "cdk.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := Synth(t.Context(), App{Dir: app, OutDir: filepath.Join(app, "out"), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(out); err != nil {
		t.Fatal(err)
	}
}

// TestSynthAnswersLookUps: an app that looks up the zones of a region is run again with them; other look-ups stay
// unanswered, for Open to refuse.
// Source: aws-cdk-cli, toolkit-lib, context-providers; aws-cdk-lib, Stack.availabilityZones, 2026-11.
func TestSynthAnswersLookUps(t *testing.T) {
	app := t.TempDir()
	const key = "availability-zones:account=123456789012:region=eu-west-1"
	script := `mkdir -p $CDK_OUTDIR; echo run >> runs; if echo "$CDK_CONTEXT_JSON" | grep -q '"` + key + `":\["eu-west-1a"'
then echo '{"version": "54.0.0", "artifacts": {}}' > $CDK_OUTDIR/manifest.json
else echo '{"version": "54.0.0", "artifacts": {}, "missing": [{"key": "` + key + `", "provider": "availability-zones"}, {"key": "vpc-provider:x:region=eu-west-1", "provider": "vpc-provider"}]}' > $CDK_OUTDIR/manifest.json; fi`
	for name, text := range map[string]string{"app.sh": script, "cdk.json": `{"app": "sh app.sh"}`} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synth := func(zones func(string) []string) (string, error) {
		out, err := Synth(t.Context(), App{Dir: app, OutDir: filepath.Join(app, "out"), Zones: zones})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = Open(out)
		runs, _ := os.ReadFile(filepath.Join(app, "runs"))
		return string(runs), err
	}
	if runs, err := synth(func(region string) []string { return []string{region + "a"} }); err != nil || runs != "run\nrun\n" {
		t.Errorf("%q, %v", runs, err)
	}
	if _, err := synth(nil); err == nil || !strings.Contains(err.Error(), "looks values up in an AWS account ("+key+")") {
		t.Errorf("%v", err)
	}
}

// TestSynthAdvice: what the sentence leaves out can be seen, and a missing Node.js has a name.
func TestSynthAdvice(t *testing.T) {
	cases := []struct{ name, command, want string }{
		{"fails", "echo no >&2; exit 1", "--verbose shows all that the app printed"},
		{"panics", `printf 'panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\n'; exit 2`, "--verbose shows all that the app printed"},
		{"validation", `printf 'panic: Validation failed with the following errors:\n  [A/B] path is missing\n'; exit 2`, ""},
		{"no Node.js", `echo 'panic: exec: "node": executable file not found in $PATH'; exit 2`, "install Node.js, which the CDK itself runs on"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			config, _ := json.Marshal(map[string]string{"app": c.command})
			if err := os.WriteFile(filepath.Join(dir, "cdk.json"), config, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Synth(t.Context(), App{Dir: dir, OutDir: filepath.Join(dir, "out")})
			if got := fault.HintOf(err); got != c.want {
				t.Errorf("%v: advice %q, want %q", err, got, c.want)
			}
			_, err = Synth(t.Context(), App{Dir: dir, OutDir: filepath.Join(dir, "out"), Output: &bytes.Buffer{}})
			if got := fault.HintOf(err); strings.Contains(got, "--verbose") {
				t.Errorf("advice %q although the app's output was shown", got)
			}
		})
	}
}

// TestSynthEnds: an app that is not waited for any more leaves nothing behind, however stubborn what it has started is.
func TestSynthEnds(t *testing.T) {
	dir := t.TempDir()
	script := "trap '' INT TERM\nsleep 1000 &\necho $! > pid\nwait\n"
	for name, text := range map[string]string{"app.sh": script, "cdk.json": `{"app": "sh app.sh"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	why := errors.New("interrupted")
	ctx, end := context.WithCancelCause(t.Context())
	go func() {
		for {
			if pid, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil && len(pid) > 0 {
				end(why)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if _, err := Synth(ctx, App{Dir: dir, OutDir: filepath.Join(dir, "out")}); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) { // a killed process takes a moment
		status, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/status")
		if err != nil || strings.Contains(string(status), "zombie") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("what the app has started still runs")
		}
	}
}

// TestAssets: an asset is beside the assembly, or where it was when it was not staged; one that is missing is told before
// anything is deployed.
// Source: aws-cdk-lib, core, asset-staging.ts, relativeStagedPath, 2026-11.
func TestAssets(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "code.zip")
	if err := os.WriteFile(elsewhere, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want, fails string }{
		{"staged", "asset.1", "asset.1", ""},
		{"not staged", elsewhere, elsewhere, ""},
		{"missing", "asset.2", "", "asset Code of stack Web is missing, synthesize the app anew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"asset.1":           "code",
				"Web.template.json": "{}",
				"manifest.json": `{"version": "54.0.0", "artifacts": {
					"Web": {"type": "aws:cloudformation:stack", "dependencies": ["Assets"], "properties": {"templateFile": "Web.template.json"}},
					"Assets": {"type": "cdk:asset-manifest", "properties": {"file": "Web.assets.json"}}}}`,
				"Web.assets.json": `{"files": {"1": {"displayName": "Code", "source": {"path": "` + c.path + `"}, "destinations": {"x": {"bucketName": "b", "objectKey": "k"}}}}}`,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			a, _, err := Open(dir)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || fault.KindOf(err) != fault.Synth {
					t.Errorf("error %v, want one with %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimPrefix(a.Stacks[0].Files[0].Path, dir+"/"); got != c.want {
				t.Errorf("path %s, want %s", got, c.want)
			}
		})
	}
}

// TestSynthReadsTheAppsOwnFolder: an app that insists on a folder is read where the CDK CLI would read it, and what an
// earlier run has left there is not taken for an answer.
// Source: aws-cdk-lib, core, app.ts: outdir before CDK_OUTDIR; aws-cdk-cli, "output" of cdk.json, 2026-11.
func TestSynthReadsTheAppsOwnFolder(t *testing.T) {
	two, _ := filepath.Abs("testdata/two")
	for _, c := range []struct{ name, config, want string }{
		{"cdk.out", `{"app": "cp -r ` + two + ` cdk.out"}`, "cdk.out"},
		{"named", `{"app": "cp -r ` + two + ` there", "output": "there"}`, "there"},
		{"left there", `{"app": "cp -r ` + two + ` cdk.out; touch -d 2020-01-01 cdk.out/manifest.json"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "cdk.json"), []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := Synth(t.Context(), App{Dir: dir, OutDir: filepath.Join(dir, "out")})
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "wrote no cloud assembly") {
					t.Errorf("%s, %v", out, err)
				}
				return
			}
			if err != nil || out != filepath.Join(dir, c.want) {
				t.Errorf("%s, %v", out, err)
			}
		})
	}
}
