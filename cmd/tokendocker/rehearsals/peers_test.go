package rehearsals

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// construct is a construct that builds images, as an app that reads case.json.
type construct string

// The constructs that are compared: ours and, under bench/peers, two of npm's. The faults that these tests show are
// theirs on AWS too, as far as one can know without an account: what they do is in their templates, functions and
// buildspecs, which run here unchanged.
const (
	ours            construct = "tokendocker"
	npmBuilder      construct = "builders"          // token-injectable-docker-builder 2.0.4
	deployTimeBuild construct = "deploy-time-build" // @cdklabs/deploy-time-build 0.0.6
)

// command is the app's command line.
func (c construct) command(t *testing.T) []string {
	t.Helper()
	if c == ours {
		return []string{builders}
	}
	folder, err := filepath.Abs(filepath.Join("..", "..", "..", "bench", "peers"))
	must(t, err)
	return []string{"node", "-r", filepath.Join(folder, "typescript.js"), filepath.Join(folder, string(c), "app.ts")}
}

// app makes the folder of an app.
func (c construct) app(t *testing.T, app caseApp, files map[string]string) *rehearsed {
	t.Helper()
	r := newApp(t, app, files)
	r.write("cdk.json", fmt.Sprintf(`{"app": %q}`, strings.Join(c.command(t), " ")))
	return r
}

// synthesize makes the app's assembly.
func (c construct) synthesize(t *testing.T, r *rehearsed) *permissions {
	t.Helper()
	line := c.command(t)
	p := &permissions{t: t, assembly: r.synthesizeBy(exec.CommandContext(t.Context(), line[0], line[1:]...), peers(t)...)}
	raw, err := os.ReadFile(filepath.Join(p.assembly, r.stack()+".template.json"))
	must(t, err)
	must(t, json.Unmarshal(raw, &p.template))
	return p
}

// stack is the name of the app's stack.
func (r *rehearsed) stack() string {
	raw, err := os.ReadFile(filepath.Join(r.app, "case.json"))
	must(r.t, err)
	var app caseApp
	must(r.t, json.Unmarshal(raw, &app))
	return app.Stack
}

// TestPeersAreTypeScript checks the types of the peers' apps, which run without that.
func TestPeersAreTypeScript(t *testing.T) {
	modules := strings.TrimPrefix(peers(t)[0], "NODE_PATH=")
	folder, err := filepath.Abs(filepath.Join("..", "..", "..", "bench", "peers"))
	must(t, err)
	config := filepath.Join(t.TempDir(), "tsconfig.json")
	raw, err := json.Marshal(map[string]any{"include": []string{folder}, "compilerOptions": map[string]any{"strict": true, "noEmit": true,
		"module": "commonjs", "target": "es2022", "esModuleInterop": true, "skipLibCheck": true, "types": []string{"node"},
		"typeRoots": []string{filepath.Join(modules, "@types")}, "paths": map[string]any{"*": []string{modules + "/*"}}}})
	must(t, err)
	must(t, os.WriteFile(config, raw, 0o600))
	if said, err := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "typescript", "bin", "tsc"), "-p", config).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// valueFiles is an image that holds its build argument, byte for byte.
var valueFiles = map[string]string{"web/Dockerfile": "FROM busybox:1\nARG A\nRUN printf %s \"$A\" > /value\nCMD [\"true\"]\n"}

func valueApp() caseApp {
	return caseApp{Stack: "One", Builders: []caseBuilder{{ID: "Web", Path: "web", Lambda: true,
		Args: map[string]caseArgument{"A": {Topic: "T"}}}}}
}

// TestPeersDeploy deploys the apps of both peers unchanged, by the command: real functions, real builds, and an image
// in the registry in the end.
func TestPeersDeploy(t *testing.T) {
	for _, c := range []construct{npmBuilder, deployTimeBuild} {
		t.Run(string(c), func(t *testing.T) {
			app := valueApp()
			app.Builders[0].ECS = true
			r := c.app(t, app, valueFiles)
			o := r.rehearse(peers(t), "--set", "One.T.TopicName=plain").wantExit(0)
			image := o.image("One/Web")
			if !image.Built {
				t.Errorf("nothing was built: %+v", image)
			}
			if got := o.file(image, "/value"); string(got) != "plain" {
				t.Errorf("the image holds %q", got)
			}
		})
	}
}
