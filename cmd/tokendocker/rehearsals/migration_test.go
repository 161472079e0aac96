package rehearsals

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// npm makes the app that of npm's token-injectable-docker-builder, which reads the same case.json.
func (r *rehearsed) npm() {
	r.t.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "..", "..", "bench", "peers"))
	must(r.t, err)
	r.write("cdk.json", fmt.Sprintf(`{"app": "node -r %[1]s/typescript.js %[1]s/builders/app.ts"}`, folder))
}

// ours makes the app ours again.
func (r *rehearsed) ours() {
	r.t.Helper()
	r.write("cdk.json", fmt.Sprintf(`{"app": %q}`, builders))
}

// peers are the settings of a run that lets Node find what scripts/setup fetched, and npm's polling take less time.
func peers(t *testing.T) settings {
	t.Helper()
	cache, err := os.UserCacheDir()
	must(t, err)
	modules := filepath.Join(cache, "tokendocker", "peers", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("the npm construct is not installed; run: scripts/setup (%v)", err)
	}
	return settings{"NODE_PATH=" + modules, "TOKENDOCKER_REHEARSE_TIME_SCALE=10"}
}

// TestMovingFromNpm deploys a stack with npm's construct, then with ours, then once more with another value. The
// repository and its images stay, npm's own clean-up runs after our build, and what it undoes is there again after
// the next deployment.
func TestMovingFromNpm(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*caseBuilder)
	}{
		{"defaults", func(*caseBuilder) {}},
		{"retained logs", func(b *caseBuilder) { b.RetainLogs = true }},
		{"replicas and retained logs", func(b *caseBuilder) { b.RetainLogs, b.Replicas = true, []string{"eu-west-1"} }},
		{"key", func(b *caseBuilder) { b.Encrypted = true }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := &move{t: t, env: peers(t), app: webApp()}
			m.app.Account, m.app.Region = "123456789012", "us-east-1"
			m.app.Builders[0].Query = 5
			c.change(&m.app.Builders[0])
			m.builder = m.app.Builders[0]
			m.rehearsed = newApp(t, m.app, webFiles)
			m.npm()
			before := m.rehearse(m.env, "--set", "Shop.Api.TopicName=one").wantExit(0)
			m.check(before, "one")
			m.ours()
			moved := m.rehearse(m.env, "--set", "Shop.Api.TopicName=one").wantExit(0)
			m.check(moved, "one")
			m.cleanedUpAfterwards(moved)
			after := m.rehearse(m.env, "--set", "Shop.Api.TopicName=two").wantExit(0)
			m.check(after, "two")
			m.kept(before, moved, after)
			t.Logf("npm %.1f s, move %.1f s, next deployment %.1f s", before.took.Seconds(), moved.took.Seconds(), after.took.Seconds())
		})
	}
}

// move is a stack that moves from one construct to the other.
type move struct {
	*rehearsed
	t       *testing.T
	env     settings
	app     caseApp
	builder caseBuilder
}

// check looks at what one deployment must leave, whichever construct made it.
func (m *move) check(o outcome, value string) {
	m.t.Helper()
	image := m.home(o)
	if !image.Built {
		m.t.Errorf("no build for %s: %+v", value, image)
	}
	if got := o.file(image, "/url"); string(got) != value {
		m.t.Errorf("the image holds %q, want %q", got, value)
	}
	for _, region := range m.builder.Replicas {
		replica := image
		replica.URI = strings.Replace(image.URI, ".us-east-1.", "."+region+".", 1)
		if got := o.file(replica, "/url"); string(got) != value {
			m.t.Errorf("the image in %s holds %q, want %q", region, got, value)
		}
	}
}

// home is the builder's image where the stack is; npm's functions look at each replica too.
func (m *move) home(o outcome) report.Image {
	m.t.Helper()
	for _, s := range o.summary.Stacks {
		for _, i := range s.Images {
			if i.Builder == "Shop/Web" && strings.Contains(i.URI, ".us-east-1.") {
				return i
			}
		}
	}
	m.t.Fatalf("no image of Shop/Web in us-east-1 in the summary: %+v", o.summary)
	return report.Image{}
}

// cleanedUpAfterwards checks that npm's custom resources were deleted, and after our own was there.
func (m *move) cleanedUpAfterwards(o outcome) {
	m.t.Helper()
	at := func(path, status string) int {
		return slices.IndexFunc(o.events, func(e report.Event) bool { return e.Path == path && e.Status == status })
	}
	built := at("Shop/Web/Build/Default", "CREATE_COMPLETE")
	npm := []string{"Shop/Web/BuildTriggerResourceV2/Default"}
	if len(m.builder.Replicas) > 0 {
		npm = append(npm, "Shop/TokenInjectableDockerBuilderProvider/ReplicationConfig/Default")
	}
	for _, path := range npm {
		if gone := at(path, "DELETE_COMPLETE"); built < 0 || gone < built {
			m.t.Errorf("%s is deleted at event %d, our resource is there at event %d", path, gone, built)
		}
	}
	if !o.updated("Shop/WebFunction") || !o.updated("Shop/WebTask") {
		m.t.Errorf("the consumers are not updated in place:\n%s", o.stdout)
	}
}

// kept checks what must outlive the move: the repository with all images, its rule, and the log group.
func (m *move) kept(before, moved, after outcome) {
	m.t.Helper()
	e := m.open()
	defer e.Close(m.t.Context()) //nolint:errcheck // the test is over
	uri := m.home(before).URI
	_, name, _ := strings.Cut(uri, "/")
	var list struct{ ImageIDs []struct{ ImageTag string } }
	must(m.t, e.Call(m.t.Context(), "ecr", "ListImages", map[string]string{"repositoryName": name}, &list))
	var tags []string
	for _, id := range list.ImageIDs {
		tags = append(tags, id.ImageTag)
	}
	for _, o := range []outcome{before, moved, after} {
		if i := m.home(o); i.URI != uri || !slices.Contains(tags, i.Tag) {
			m.t.Errorf("image %s:%s; repository %s holds %v", i.URI, i.Tag, uri, tags)
		}
	}
	if got := rules(m.t, e); len(m.builder.Replicas) > 0 && !slices.Equal(got, []string{name + " to " + m.builder.Replicas[0]}) {
		m.t.Errorf("replication rules %v", got)
	}
	if log := buildLog(m.t, e); m.builder.RetainLogs && !strings.Contains(log, m.home(after).Tag) {
		m.t.Errorf("the retained logs do not hold the last build:\n%s", log)
	}
}

// rules are the registry's replication rules, "filter to region" for each pair.
func rules(t *testing.T, e *engine.Engine) []string {
	t.Helper()
	var registry struct {
		ReplicationConfiguration struct {
			Rules []struct {
				Destinations      []struct{ Region string }
				RepositoryFilters []struct{ Filter string }
			}
		}
	}
	must(t, e.Call(t.Context(), "ecr", "DescribeRegistry", struct{}{}, &registry))
	var all []string
	for _, rule := range registry.ReplicationConfiguration.Rules {
		for _, f := range rule.RepositoryFilters {
			for _, d := range rule.Destinations {
				all = append(all, f.Filter+" to "+d.Region)
			}
		}
	}
	return all
}

// TestMoveThatFails: the stack is npm's again, with its image, and npm's construct deploys it as before.
func TestMoveThatFails(t *testing.T) {
	t.Parallel()
	env := peers(t)
	c := webApp()
	c.Builders[0].Query, c.Builders[0].RetainLogs = 5, true
	app := newApp(t, c, webFiles)
	app.npm()
	before := app.rehearse(env, "--set", "Shop.Api.TopicName=one").wantExit(0)
	broken := c
	broken.Broken = &caseBroken{ServiceToken: "arn:aws:lambda:us-east-1:123456789012:function:nobody", After: "Web"}
	app.ours()
	app.change(broken)
	failed := app.rehearse(env, "--set", "Shop.Api.TopicName=one").wantExit(4)
	if s := failed.summary.Stacks[0]; s.Status != "UPDATE_ROLLBACK_COMPLETE" || !strings.HasPrefix(s.Failure.Path, "Shop/Broken") || s.Outputs["WebTag"] != before.image("Shop/Web").Tag {
		t.Errorf("after the failed move the stack is %+v", s)
	}
	app.npm()
	app.change(c)
	app.write("web/Dockerfile", webFiles["web/Dockerfile"]+"LABEL again=yes\n")
	again := app.rehearse(env, "--set", "Shop.Api.TopicName=one").wantExit(0)
	if i := again.image("Shop/Web"); !i.Built || i.URI != before.image("Shop/Web").URI {
		t.Errorf("npm's next deployment made %+v after %+v", i, before.image("Shop/Web"))
	}
}

// TestNpmFails: what npm's functions say of a failed build comes through CDK's provider framework unchanged.
func TestNpmFails(t *testing.T) {
	t.Parallel()
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Query: 5}}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN exit 7\n"})
	app.npm()
	o := app.rehearse(peers(t)).wantExit(4)
	reason := o.summary.Stacks[0].Failure.Reason
	for _, want := range []string{"Build FAILED. Last logs:", "Logs: /aws/lambda/Shop-TokenInjectableDock"} {
		if !strings.Contains(reason, want) {
			t.Errorf("reason %q, want %q", reason, want)
		}
	}
}
