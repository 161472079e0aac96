package rehearsals

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUsage gives the command what it cannot use: one clear sentence each, and its exit code.
func TestUsage(t *testing.T) {
	t.Parallel()
	good := "FROM busybox:1\nARG A\nRUN true\n"
	cases := []struct {
		name string
		make func(r *rehearsed) (settings, []string) // changes the app; returns the run's environment and arguments
		exit int
		says []string
	}{
		{"no cdk.json", func(r *rehearsed) (settings, []string) { r.remove("cdk.json"); return nil, nil }, 3,
			[]string{"holds no cdk.json and no cloud assembly"}},
		{"app does not compile", func(r *rehearsed) (settings, []string) {
			r.write("cdk.json", `{"app": "go run ."}`)
			r.write("go.mod", "module broken\n\ngo 1.26\n")
			r.write("main.go", "package main\n\nfunc main() { undefined() }\n")
			return nil, nil
		}, 3, []string{"go run .", "undefined: undefined"}},
		{"no Dockerfile", func(r *rehearsed) (settings, []string) {
			r.remove("web/Dockerfile")
			r.write("web/other", "")
			return nil, nil
		}, 3,
			[]string{"[One/Web]", `Dockerfile "Dockerfile" does not exist in`}},
		{"no context", func(r *rehearsed) (settings, []string) {
			app, _ := one("")
			app.Builders[0].Path = "nowhere"
			r.change(app)
			return nil, nil
		}, 3, []string{"[One/Web]", "nowhere"}},
		{"illegal argument name", func(r *rehearsed) (settings, []string) {
			app, _ := one("")
			app.Builders[0].Args["A B"] = caseArgument{Literal: text("x")}
			r.change(app)
			return nil, nil
		}, 3, []string{"[One/Web]", `"A B"`}},
		{"unwritable state folder", func(r *rehearsed) (settings, []string) {
			r.write("file", "")
			r.state = filepath.Join(r.app, "file", "state")
			return nil, nil
		}, 5, []string{"the state folder", "not fit"}},
		{"no docker engine", func(*rehearsed) (settings, []string) {
			return settings{"DOCKER_HOST=unix:///nowhere.sock"}, nil
		}, 5, []string{"docker", "scripts/setup"}},
		{"unknown stack", func(*rehearsed) (settings, []string) { return nil, []string{"--set", "Onne.T.TopicName=x"} }, 2,
			[]string{`"Onne"`, "One"}},
		{"unknown logical id", func(*rehearsed) (settings, []string) { return nil, []string{"--set", "One.TT.TopicName=x"} }, 2,
			[]string{"TT", "did you mean T?"}},
		{"unknown fault", func(*rehearsed) (settings, []string) { return settings{"TOKENDOCKER_REHEARSE_FAULTS=rain"}, nil }, 2,
			[]string{`no fault "rain"`, "log-delay"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			app, files := one(good)
			r := newApp(t, app, files)
			env, args := c.make(r)
			o := r.run(env, append([]string{"rehearse", r.app, "--state", r.state}, args...)...).wantExit(c.exit)
			if o.stdout != "" {
				t.Errorf("standard output holds %q", o.stdout)
			}
			lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
			// The last line is the sentence, with a hint below it where there is one.
			sentence := lines[len(lines)-1]
			if strings.HasPrefix(sentence, "  ") && len(lines) > 1 {
				sentence = lines[len(lines)-2] + sentence
			}
			if !strings.HasPrefix(sentence, "tokendocker: ") {
				t.Errorf("the last word is no sentence:\n%s", o.stderr)
			}
			for _, want := range c.says {
				if !strings.Contains(sentence, want) {
					t.Errorf("said %q, want %s; all of it:\n%s", sentence, want, o.stderr)
				}
			}
			if strings.Contains(o.stderr, "goroutine ") {
				t.Errorf("a person sees a trace:\n%s", o.stderr)
			}
			if failed := r.run(env, append([]string{"rehearse", r.app, "--state", r.state, "--json"}, args...)...); failed.exit != c.exit ||
				failed.summary.Status != "failed" || failed.summary.Error == "" {
				t.Errorf("with --json: exit %d, summary %+v", failed.exit, failed.summary)
			}
		})
	}
}

func (r *rehearsed) remove(name string) {
	r.t.Helper()
	r.synthesized = false
	must(r.t, os.Remove(filepath.Join(r.app, name)))
}

// TestText checks the answer for people and scripts: one line for each image on standard output, nothing else, and
// what it says is so.
func TestText(t *testing.T) {
	t.Parallel()
	app, files := one("FROM busybox:1\nARG A\nRUN sleep 3; echo made > /file\n")
	r := newApp(t, app, files)
	first := r.run(nil, "rehearse", r.app, "--state", r.state).wantExit(0)
	if !regexp.MustCompile(`^One/Web 123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/\S+@sha256:[0-9a-f]{64}\n$`).MatchString(first.stdout) {
		t.Errorf("printed %q", first.stdout)
	}
	again := r.rehearse(nil).wantExit(0)
	image := again.image("One/Web")
	if want := "One/Web " + image.URI + "@" + image.Digest + "\n"; first.stdout != want || string(again.file(image, "/file")) != "made\n" {
		t.Errorf("printed %q, later %q", first.stdout, want)
	}
	if wrong := r.rehearse(nil, "--set", "One.TT.TopicName=x").wantExit(2); len(wrong.events) > 0 {
		t.Errorf("a wrong name changed the stack: %v", wrong.events)
	}
	built := r.rehearse(nil, "--set", "One.T.TopicName=other").wantExit(0).image("One/Web")
	if docker := built.Seconds - built.Overhead; !built.Built || docker < 3 || built.Overhead < 0.1 {
		t.Errorf("a build that sleeps three seconds took docker %.1f s of %.1f s", docker, built.Seconds)
	}
	gone := r.rehearse(nil, "--destroy").wantExit(0)
	if image := r.run(nil, "image", r.app, "--state", r.state).wantExit(2); !strings.Contains(image.stderr, "nothing is deployed") {
		t.Errorf("said %q", image.stderr)
	}
	for _, e := range gone.events {
		if e.Type == "AWS::ECR::Repository" && e.Status != "DELETE_SKIPPED" {
			t.Errorf("the repository of a stack that was deployed is kept, and yet: %+v", e)
		}
	}

	elsewhere := r.run(nil, "rehearse", r.app, "--state", r.state+"2", "--account", "210987654321", "--region", "eu-central-1").wantExit(0)
	if !strings.HasPrefix(elsewhere.stdout, "One/Web 210987654321.dkr.ecr.eu-central-1.amazonaws.com/") {
		t.Errorf("printed %q", elsewhere.stdout)
	}
}
