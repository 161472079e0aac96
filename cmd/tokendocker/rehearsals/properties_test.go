package rehearsals

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
)

// TestCommands: commands of the user's run before the build, beside the context, with build arguments and their own
// environment as bytes; what docker ignores is there for them and stays out of the image.
func TestCommands(t *testing.T) {
	t.Parallel()
	awkward := `it's "$(touch /tmp/x)" & more`
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Extras: []string{"tools"},
		Install:     []string{`test "$(pwd)" = "$CODEBUILD_SRC_DIR" && ./tools/note.sh installed > first`},
		PreBuild:    []string{`printf '%s|%s' "$API_URL" "$STAGE" > config`, `cat first >> config`},
		Args:        map[string]caseArgument{"API_URL": {Topic: "Api"}},
		Environment: map[string]caseArgument{"STAGE": {Literal: text(awkward)}},
	}}}
	app := newApp(t, c, map[string]string{
		"web/Dockerfile":    "FROM busybox:1\nCOPY . /app/\nRUN cp /app/config /config\n",
		"web/.dockerignore": "tools\n",
		"web/tools/note.sh": "#!/bin/sh\necho \"$1\"\n",
	})
	app.makeRunnable("web/tools/note.sh")
	out := app.rehearse(nil, "--set", "Shop.Api.TopicName=https://api").wantExit(0)
	image := out.image("Shop/Web")
	if got, want := string(out.file(image, "/config")), "https://api|"+awkward+"installed\n"; got != want {
		t.Errorf("the commands see %q, want %q", got, want)
	}
	if out.has(image, "/app/tools/note.sh") {
		t.Error("docker does not ignore what it was told to ignore")
	}
	c.Builders[0].PreBuild[1] = "exit 3"
	app.change(c)
	failed := app.rehearse(nil, "--set", "Shop.Api.TopicName=https://api").wantExit(4)
	if reason := failed.summary.Stacks[0].Failure.Reason; !strings.Contains(reason, "exit 3") || !strings.Contains(reason, "exit code 3") {
		t.Errorf("reason %q", reason)
	}
}

// TestLogsThatStay: the group is there after the stack is gone, with its retention and the log of the failed build.
func TestLogsThatStay(t *testing.T) {
	t.Parallel()
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", RetainLogs: true}}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN echo whispered; exit 7\n"})
	failed := app.rehearse(nil).wantExit(4)
	reason := failed.summary.Stacks[0].Failure.Reason
	if !strings.Contains(reason, "group /docker-builder/td-") {
		t.Errorf("reason %q", reason)
	}
	e := app.open()
	defer e.Close(t.Context()) //nolint:errcheck // the test is over
	var groups struct {
		LogGroups []struct {
			LogGroupName    string
			RetentionInDays int
		}
	}
	must(t, e.Call(t.Context(), "logs", "DescribeLogGroups", map[string]string{"logGroupNamePrefix": "/docker-builder/"}, &groups))
	if len(groups.LogGroups) != 1 || groups.LogGroups[0].RetentionInDays != 7 {
		t.Fatalf("groups %+v", groups)
	}
	_, stream, _ := strings.Cut(reason, ", stream ")
	var events struct{ Events []struct{ Message string } }
	must(t, e.Call(t.Context(), "logs", "GetLogEvents", map[string]string{
		"logGroupName": groups.LogGroups[0].LogGroupName, "logStreamName": strings.Fields(stream)[0]}, &events))
	whole := ""
	for _, event := range events.Events {
		whole += event.Message
	}
	if !strings.Contains(whole, "whispered") {
		t.Errorf("the log holds %q", whole)
	}
}

// TestOwnSettings: a log group, a key and a cache-less build of the stack's own choosing.
func TestOwnSettings(t *testing.T) {
	t.Parallel()
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", OwnLogs: true, Encrypted: true, CacheDisabled: true, Lambda: true, Removal: "DESTROY"}}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN echo 1 > /a\n"})
	first := app.rehearse(nil).wantExit(0).image("Shop/Web")
	e := app.open()
	var images struct{ ImageIDs []struct{ ImageTag string } }
	_, name, _ := strings.Cut(first.URI, "/")
	must(t, e.Call(t.Context(), "ecr", "ListImages", map[string]string{"repositoryName": name}, &images))
	must(t, e.Close(t.Context()))
	if len(images.ImageIDs) != 1 || images.ImageIDs[0].ImageTag != first.Tag {
		t.Errorf("without a cache the repository holds %+v", images)
	}
	app.rehearse(nil, "--destroy").wantExit(0)
	e = app.open()
	err := e.Call(t.Context(), "ecr", "ListImages", map[string]string{"repositoryName": name}, &images)
	if err == nil || !strings.Contains(err.Error(), "RepositoryNotFoundException") {
		t.Errorf("the repository stays: %v", err)
	}
	must(t, e.Close(t.Context()))
}

// TestBuilderThatCannotBePulled: the build goes on without its cache, and says so.
func TestBuilderThatCannotBePulled(t *testing.T) {
	t.Parallel()
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Buildkit: "nobody/nothing:1", RetainLogs: true}}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN echo 1 > /a\n"})
	image := app.rehearse(nil).wantExit(0).image("Shop/Web")
	if !image.Built {
		t.Errorf("image %+v", image)
	}
	e := app.open()
	defer e.Close(t.Context()) //nolint:errcheck // the test is over
	if log := buildLog(t, e); !strings.Contains(log, "building without layer cache") {
		t.Errorf("the log does not say it:\n%s", log)
	}
}

// buildLog is everything that builds logged to groups that stay.
func buildLog(t *testing.T, e *engine.Engine) string {
	t.Helper()
	return logged(t, e, "/docker-builder/")
}

// logged is everything in the log groups whose names begin so.
func logged(t *testing.T, e *engine.Engine, prefix string) string {
	t.Helper()
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	must(t, e.Call(t.Context(), "logs", "DescribeLogGroups", map[string]string{"logGroupNamePrefix": prefix}, &groups))
	var text strings.Builder
	for _, g := range groups.LogGroups {
		var streams struct {
			LogStreams []struct{ LogStreamName string }
		}
		must(t, e.Call(t.Context(), "logs", "DescribeLogStreams", map[string]string{"logGroupName": g.LogGroupName}, &streams))
		for _, s := range streams.LogStreams {
			var events struct{ Events []struct{ Message string } }
			must(t, e.Call(t.Context(), "logs", "GetLogEvents", map[string]string{"logGroupName": g.LogGroupName, "logStreamName": s.LogStreamName}, &events))
			for _, event := range events.Events {
				text.WriteString(event.Message)
			}
		}
	}
	return text.String()
}

// TestDockerLogin: CodeBuild itself reads the secret, here one with a key of its own; the password is in no log, and
// a registry that it is good for is logged in to.
func TestDockerLogin(t *testing.T) {
	t.Parallel()
	c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", RetainLogs: true,
		PreBuild: []string{`echo "password: $TOKENDOCKER_LOGIN_PASSWORD"`, `test "$TOKENDOCKER_LOGIN_USERNAME" = robot`},
		Login:    &caseLogin{Registry: registry.MirrorHost}}}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN echo 1 > /a\n"})
	app.rehearse(nil).wantExit(0)
	e := app.open()
	log := buildLog(t, e)
	must(t, e.Close(t.Context()))
	if !strings.Contains(log, "password: ***") {
		t.Errorf("the log shows the password, or no command saw it:\n%s", log)
	}
}

// TestDockerLoginFails: what is wrong with a login is the first line of the failure.
func TestDockerLoginFails(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub"
	files := map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN echo 1 > /a\n"}
	for name, test := range map[string]struct{ secrets, want string }{
		"no such secret": {`{}`, "CodeBuild could not read the secret of the docker login, " + arn},
		"no password":    {`{"hub": {"username": "me"}}`, "CodeBuild could not read the secret of the docker login, " + arn},
		"no registry":    {`{"hub": {"username": "me", "password": "hunter2"}}`, "could not log in to registry.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			c := caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Login: &caseLogin{ARN: arn, Registry: "registry.invalid"}}}}
			app := newApp(t, c, files)
			app.write("secrets.json", test.secrets)
			out := app.rehearse(settings{"TOKENDOCKER_REHEARSE_SECRETS=" + filepath.Join(app.app, "secrets.json"),
				"TOKENDOCKER_REHEARSE_TIME_SCALE=20"}).wantExit(4) // a refusal is believed after minutes: it may be a permission that is on its way
			if reason := out.summary.Stacks[0].Failure.Reason; !strings.Contains(reason, test.want) || strings.Contains(out.stdout+out.stderr, "hunter2") {
				t.Errorf("reason %q", reason)
			}
		})
	}
}
