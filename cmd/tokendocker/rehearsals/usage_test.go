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
			[]string{"[One/Web]", "Dockerfile"}},
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
			sentence := ""
			for i, line := range lines {
				if strings.HasPrefix(line, "tokendocker: ") {
					sentence = strings.Join(lines[i:], "\n")
				}
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
	must(r.t, os.Remove(filepath.Join(r.app, name)))
}

// TestText checks the answer for people and scripts: one line for each image on standard output, nothing else.
func TestText(t *testing.T) {
	app, files := one("FROM busybox:1\nARG A\nRUN true\n")
	r := newApp(t, app, files)
	first := r.run(nil, "rehearse", r.app, "--state", r.state).wantExit(0)
	if !regexp.MustCompile(`^One/Web 123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com/\S+@sha256:[0-9a-f]{64}\n$`).MatchString(first.stdout) {
		t.Errorf("printed %q", first.stdout)
	}
	if again := r.run(nil, "rehearse", r.app, "--state", r.state).wantExit(0); again.stdout != first.stdout {
		t.Errorf("printed %q, then %q", first.stdout, again.stdout)
	}
	elsewhere := r.run(nil, "rehearse", r.app, "--state", r.state+"2", "--account", "210987654321", "--region", "eu-central-1").wantExit(0)
	if !strings.HasPrefix(elsewhere.stdout, "One/Web 210987654321.dkr.ecr.eu-central-1.amazonaws.com/") {
		t.Errorf("printed %q", elsewhere.stdout)
	}
	gone := r.run(nil, "rehearse", r.app, "--state", r.state, "--destroy").wantExit(0)
	if gone.stdout != "" {
		t.Errorf("--destroy printed %q", gone.stdout)
	}
	if image := r.run(nil, "image", r.app, "--state", r.state).wantExit(2); !strings.Contains(image.stderr, "nothing is deployed") {
		t.Errorf("said %q", image.stderr)
	}
}
