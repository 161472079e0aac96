package rehearsals

import (
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/cli/hosthandler"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// world is an engine on a state folder of its own, with the stack's template in its full form.
type world struct {
	t      *testing.T
	engine *engine.Engine
	folder string // state folder
	stack  assembly.Stack
	token  string        // of the next deployments; empty: another one each time
	cancel chan struct{} // closed: the deployment is cancelled and rolls back
}

// The scenarios' time: three minutes of patience take two seconds, and a build of some seconds ends within its five
// minutes.
const scenarioScale = 20

// world starts an engine for one scenario.
func (p *permissions) world() *world {
	p.t.Helper()
	a, _, err := assembly.Open(p.assembly)
	must(p.t, err)
	w := p.start("")
	w.stack = a.Stacks[0]
	return w
}

// start starts an engine for a stack of this name.
func (p *permissions) start(stack string) *world { return p.startAt(stack, scenarioScale) }

// startAt does so with time of another speed.
func (p *permissions) startAt(stack string, scale float64) *world {
	p.t.Helper()
	state := filepath.Join(p.t.TempDir(), "state")
	handlers, err := hosthandler.Unpack(p.t.TempDir())
	must(p.t, err)
	e, err := engine.New(p.t.Context(), engine.Options{StateDir: state, Account: "123456789012", Region: "us-east-1", Scale: scale,
		Builds: handlers, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Progress: func(string) {}})
	must(p.t, err)
	p.t.Cleanup(func() {
		if err := e.Close(p.t.Context()); err != nil {
			p.t.Error(err)
		}
	})
	return &world{t: p.t, engine: e, folder: state, stack: assembly.Stack{Name: stack}}
}

// deploy deploys a template with a value of the builder's argument, and returns how it failed.
func (w *world) deploy(template []byte, value string) string {
	w.t.Helper()
	d := engine.Deployment{DeployInput: cloudformation.DeployInput{StackName: w.stack.Name, Template: template, Paths: w.stack.Paths,
		Capabilities: []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"},
		Token:        w.token, Interrupt: w.cancel}}
	var failed []string
	d.OnEvent = func(e cloudformation.Event) {
		if strings.HasSuffix(string(e.Status), "_FAILED") {
			failed = append(failed, e.Reason)
		}
	}
	if value != "" {
		d.Overrides = map[string]map[string]string{"T": {"TopicName": value}}
	}
	for _, f := range w.stack.Files {
		d.Assets = append(d.Assets, engine.Asset{Bucket: f.Bucket, Key: f.Key, Write: f.Write})
	}
	if _, err := w.engine.Deploy(w.t.Context(), d); err != nil {
		return err.Error() + "\n" + strings.Join(failed, "\n")
	}
	return ""
}

// begin deploys the full template.
func (w *world) begin(value string) {
	w.t.Helper()
	if said := w.deploy(w.stack.Template, value); said != "" {
		w.t.Fatalf("the full template: %s", said)
	}
}

// call makes a call as the operator.
func (w *world) call(service, operation string, in, out any) {
	w.t.Helper()
	if err := w.engine.Call(w.t.Context(), service, operation, in, out); err != nil {
		w.t.Fatalf("%s:%s: %v", service, operation, err)
	}
}

// create deploys for the first time.
func create(p *permissions, reduced []byte) string { return p.world().deploy(reduced, "one") }

// update changes the value of a deployed stack.
func update(p *permissions, reduced []byte) string {
	w := p.world()
	w.begin("one")
	return w.deploy(reduced, "two")
}

// cancelled updates to a value whose build takes long, and cancels that: the roll-back's request ends the older one.
func cancelled(p *permissions, reduced []byte) string {
	w := p.world()
	if said := w.deploy(reduced, "one"); said != "" {
		return said
	}
	w.cancel = make(chan struct{})
	go func() {
		defer close(w.cancel)
		for range 300 {
			var builds struct{ IDs []string }
			if w.engine.Call(p.t.Context(), "codebuild", "ListBuilds", map[string]any{}, &builds) == nil && len(builds.IDs) == 2 {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return w.deploy(reduced, "slow")
}

// failingBuild deploys a value with which the Dockerfile fails.
func failingBuild(p *permissions, reduced []byte) string { return p.world().deploy(reduced, "bad") }

// otherBuild updates while somebody else's build of the project runs.
func otherBuild(p *permissions, reduced []byte) string {
	w := p.world()
	w.begin("one")
	var projects struct{ Projects []string }
	w.call("codebuild", "ListProjects", map[string]any{}, &projects)
	w.call("codebuild", "StartBuild", map[string]any{"projectName": projects.Projects[0],
		"buildspecOverride": `{"version": "0.2", "phases": {"build": {"commands": ["sleep 600"]}}}`}, nil)
	return w.deploy(reduced, "two")
}

// refusedImage puts an index, which Lambda takes none of, in the place of the image that is wanted.
func refusedImage(p *permissions, reduced []byte) string {
	w := p.world()
	w.begin("one")
	images, err := w.engine.Images()
	must(w.t, err)
	wanted := images[0]
	_, repository, _ := strings.Cut(wanted.URI, "/")
	var got struct {
		Images []struct{ ImageManifest, ImageManifestMediaType string }
	}
	w.call("ecr", "BatchGetImage", map[string]any{"repositoryName": repository, "imageIds": []any{map[string]any{"imageTag": wanted.Tag}}}, &got)
	w.begin("two")
	w.call("ecr", "BatchDeleteImage", map[string]any{"repositoryName": repository, "imageIds": []any{map[string]any{"imageTag": wanted.Tag}}}, nil)
	// The tag was the image's only one, so the image went with it; the index names it, so it comes back by digest.
	w.call("ecr", "PutImage", map[string]any{"repositoryName": repository, "imageManifest": got.Images[0].ImageManifest,
		"imageManifestMediaType": got.Images[0].ImageManifestMediaType, "imageDigest": wanted.Digest, "imageTag": "cache-index-member"}, nil)
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
		"manifests": []any{map[string]any{"mediaType": got.Images[0].ImageManifestMediaType, "digest": wanted.Digest,
			"size": len(got.Images[0].ImageManifest), "platform": map[string]any{"architecture": "amd64", "os": "linux"}}}})
	must(w.t, err)
	w.call("ecr", "PutImage", map[string]any{"repositoryName": repository, "imageManifest": string(index),
		"imageManifestMediaType": "application/vnd.oci.image.index.v1+json", "imageTag": wanted.Tag}, nil)
	return w.deploy(reduced, "one")
}

// silentFunction deploys, and looks whether the function's log group has an event.
func silentFunction(p *permissions, reduced []byte) string {
	w := p.world()
	if said := w.deploy(reduced, "one"); said != "" {
		return said
	}
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	w.call("logs", "DescribeLogGroups", map[string]any{}, &groups)
	for _, g := range groups.LogGroups {
		if strings.HasPrefix(g.LogGroupName, "/aws/codebuild/") {
			continue
		}
		var found struct{ Events []any }
		w.call("logs", "FilterLogEvents", map[string]any{"logGroupName": g.LogGroupName}, &found)
		if len(found.Events) > 0 {
			return "the function logs " + g.LogGroupName
		}
	}
	return "the function logs nothing"
}
