package rehearsals

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"unicode"
)

// one is an app of one builder over the folder "web".
func one(dockerfile string) (caseApp, map[string]string) {
	return caseApp{Stack: "One", Builders: []caseBuilder{{ID: "Web", Path: "web", Args: map[string]caseArgument{"A": {Topic: "T"}}}}},
		map[string]string{"web/Dockerfile": dockerfile}
}

// TestFailedBuilds checks what a user sees of each kind of failed build: the failing step first, then its output,
// then where the whole log is; the stack is rolled back and nothing of it is left.
func TestFailedBuilds(t *testing.T) {
	t.Parallel()
	app, files := one("")
	r := newApp(t, app, files)
	cases := []struct {
		name, dockerfile string
		first            string   // the first line's text
		further          []string // lines after it
	}{
		{"RUN fails", "FROM busybox:1\nRUN echo one; echo two >&2; exit 7\n",
			"Docker build failed at step [2/2] RUN echo one; echo two >&2; exit 7 with exit code 7.", []string{"one", "two"}},
		{"syntax error", "FROM busybox:1\nRUNN x\n", "unknown instruction: RUNN", nil},
		{"missing base image", "FROM nobody/nothing:1\nRUN true\n", "nobody/nothing:1", nil},
		{"missing COPY source", "FROM busybox:1\nCOPY nothing /x\n", "/nothing", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			r.write("web/Dockerfile", c.dockerfile)
			o := r.rehearse(nil).wantExit(4)
			stack := o.summary.Stacks[0]
			if stack.Status != "ROLLBACK_COMPLETE" || stack.Failure == nil || o.summary.Status != "failed" {
				t.Fatalf("summary %+v", o.summary)
			}
			checkReason(t, stack.Failure.Reason, c.first, c.further)
			for _, want := range []string{"One/Web/Build/Default", c.first} {
				if !strings.Contains(o.summary.Error, want) || !strings.Contains(o.stderr, want) {
					t.Errorf("no %q in the error %q and in\n%s", want, o.summary.Error, o.stderr)
				}
			}
			o.wantDeleted("AWS::ECR::Repository")
		})
	}
	r.t = t
	r.write("web/Dockerfile", "FROM busybox:1\nRUN true\n")
	if o := r.rehearse(nil).wantExit(0); !o.image("One/Web").Built {
		t.Error("the same state folder does not work again")
	}
	r.wantNothingLeft()
}

// checkReason checks a failure text as CloudFormation shows it.
func checkReason(t *testing.T, reason, first string, further []string) {
	t.Helper()
	_, text, _ := strings.Cut(reason, "Message returned: ")
	lines := strings.Split(text, "\n")
	if !strings.Contains(lines[0], first) {
		t.Errorf("first line %q, want %q in it", lines[0], first)
	}
	for _, want := range append(further, "Whole log: group /aws/codebuild/td-") {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(reason) >= 4096 || strings.ContainsFunc(reason, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
		t.Errorf("reason of %d bytes is too long or not printable: %q", len(reason), reason)
	}
}

// wantDeleted checks that a resource of the type was made and deleted again.
func (o outcome) wantDeleted(resourceType string) {
	o.t.Helper()
	last := map[string]string{}
	for _, e := range o.events {
		if e.Type == resourceType {
			last[e.Path] = e.Status
		}
	}
	if len(last) == 0 {
		o.t.Errorf("no %s was ever made", resourceType)
	}
	for path, status := range last {
		if status != "DELETE_COMPLETE" {
			o.t.Errorf("%s is left behind as %s", path, status)
		}
	}
}

// wantNothingLeft checks that no docker object with the state folder's label remains.
func (r *rehearsed) wantNothingLeft() {
	r.t.Helper()
	for _, args := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
		out, err := exec.CommandContext(r.t.Context(), "docker", append(args, "--filter", "label=dev.tokendocker.state="+r.id())...).Output()
		must(r.t, err)
		if len(out) > 0 {
			r.t.Errorf("docker %s shows leftovers: %s", strings.Join(args, " "), out)
		}
	}
}

// TestFaults turns on one fault after the other, under a faster clock; each has its right answer.
func TestFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, faults string
		scale        int
		exit         int
		says         string // in the failure's reason
	}{
		{"slow policies", "policy-delay=20s", 20, 0, ""},
		{"lost event", "lose-build-events", 30, 0, ""},
		{"no build slot", "build-slots=-1", 60, 4, "no free build slot"},
		{"killed handler", "kill-invocations=1", 20, 0, ""},
		{"duplicate event", "duplicate-events", 10, 0, ""},
		{"late log", "log-delay=20s", 10, 0, ""},
		{"throttled", "throttle=codebuild:StartBuild=2", 20, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			app, files := one("FROM busybox:1\nARG A\nRUN echo $A > /a\n")
			r := newApp(t, app, files)
			defer r.wantNothingLeft()
			o := r.rehearse(settings{"TOKENDOCKER_REHEARSE_FAULTS=" + c.faults, fmt.Sprintf("TOKENDOCKER_REHEARSE_TIME_SCALE=%d", c.scale)},
				"--set", "One.T.TopicName=value").wantExit(c.exit)
			if c.exit == 0 {
				if image := o.image("One/Web"); !image.Built || string(o.file(image, "/a")) != "value\n" {
					t.Errorf("image %+v", image)
				}
				return
			}
			if reason := o.summary.Stacks[0].Failure.Reason; !strings.Contains(reason, c.says) {
				t.Errorf("reason %q, want %q", reason, c.says)
			}
		})
	}
}
