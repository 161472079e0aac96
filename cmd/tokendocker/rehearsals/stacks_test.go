package rehearsals

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// TestInterruptRollsBack: the first Ctrl-C in the middle of a build stops the build and rolls the stack back, in a
// create and in an update; a second one stops at once, and the next rehearsal goes on from there.
func TestInterruptRollsBack(t *testing.T) {
	t.Parallel()
	app, files := one(slowBuild)
	r := newApp(t, app, files)
	run := r.start()
	must(t, run.cmd.Process.Signal(syscall.SIGINT))
	o := run.wait().wantExit(130)
	if s := o.summary.Stacks[0]; s.Status != "ROLLBACK_COMPLETE" || o.summary.Status != "failed" || !strings.Contains(o.stderr, "rolling the stack back") {
		t.Errorf("summary %+v, said\n%s", o.summary, o.stderr)
	}
	if !o.said("CREATE_FAILED", "Resource creation cancelled") {
		t.Errorf("no cancellation in\n%s", o.stdout)
	}
	o.wantDeleted("Custom::TokenInjectableDockerBuilder")
	r.wantNothingLeft()

	r.write("web/Dockerfile", "FROM busybox:1\nARG A\nRUN true\n")
	before := r.rehearse(nil).wantExit(0).image("One/Web")
	r.write("web/Dockerfile", slowBuild)
	run = r.start()
	must(t, run.cmd.Process.Signal(syscall.SIGTERM))
	o = run.wait().wantExit(130)
	if after := o.image("One/Web"); o.summary.Stacks[0].Status != "UPDATE_ROLLBACK_COMPLETE" || after.Tag != before.Tag {
		t.Errorf("after the roll-back %+v, before %+v", o.summary.Stacks[0], before)
	}
	if !o.said("UPDATE_FAILED", "Resource update cancelled") {
		t.Errorf("no cancellation in\n%s", o.stdout)
	}
	r.wantNothingLeft()

	run = r.start()
	must(t, run.cmd.Process.Signal(syscall.SIGINT))
	run.hears("rolling the stack back")
	must(t, run.cmd.Process.Signal(syscall.SIGINT))
	o = run.wait().wantExit(130)
	if !strings.Contains(o.stderr, "the next rehearsal rolls back what was not finished") {
		t.Errorf("said\n%s", o.stderr)
	}
	r.wantNothingLeft()
	r.write("web/Dockerfile", "FROM busybox:1\nARG A\nRUN true\n")
	if again := r.rehearse(nil).wantExit(0).image("One/Web"); again.Tag != before.Tag || again.Built {
		t.Errorf("the next rehearsal gave %+v, want %+v unbuilt", again, before)
	}
	r.wantNothingLeft()
}

// transcript is what a program prints, to be read while it prints.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// hears waits until the command has said something on standard error.
func (run *running) hears(text string) {
	run.r.t.Helper()
	for range 300 {
		if strings.Contains(run.stderr.String(), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	run.r.t.Errorf("never said %q:\n%s", text, run.stderr.String())
}

// said reports whether an event has the status and the reason.
func (o outcome) said(status, reason string) bool {
	for _, e := range o.events {
		if e.Status == status && e.Reason == reason {
			return true
		}
	}
	return false
}

// TestStackAfterAFailedOne: a stack whose predecessor fails is not deployed, and said to be so.
func TestStackAfterAFailedOne(t *testing.T) {
	t.Parallel()
	c := webApp()
	c.Readers = []caseReader{{Stack: "Site", Outputs: true}}
	app := newApp(t, c, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN exit 3\n"})
	o := app.rehearse(nil).wantExit(4)
	if len(o.summary.Stacks) != 1 || len(o.summary.Skipped) != 1 || o.summary.Skipped[0] != "Site" || !strings.Contains(o.stderr, "Site: not deployed") {
		t.Errorf("summary %+v, said\n%s", o.summary, o.stderr)
	}
}

// TestStateOfAnotherAccount: an account's stacks stay in the state folder when the app moves to another account, as they
// do on AWS; --destroy and the command image need not be told where they are.
func TestStateOfAnotherAccount(t *testing.T) {
	t.Parallel()
	c, files := one("FROM busybox:1\nARG A\nRUN true\n")
	c.Account, c.Region = "210987654321", "eu-central-1"
	app := newApp(t, c, files)
	if i := app.rehearse(nil).wantExit(0).image("One/Web"); i.Region != "eu-central-1" || !strings.HasPrefix(i.URI, "210987654321.dkr.ecr.eu-central-1.") {
		t.Errorf("image %+v", i)
	}
	if o := app.run(nil, "image", app.app, "--state", app.state, "--file", "/bin/busybox").wantExit(0); len(o.stdout) == 0 {
		t.Error("the image holds no file")
	}
	c.Account = "111111111111"
	app.change(c)
	if i := app.rehearse(nil).wantExit(0).image("One/Web"); !strings.HasPrefix(i.URI, "111111111111.dkr.ecr.eu-central-1.") {
		t.Errorf("image %+v", i)
	}
	o := app.rehearse(nil, "--destroy").wantExit(0)
	o.wantDeleted("AWS::CodeBuild::Project")
	if gone := slices.DeleteFunc(o.events, func(e report.Event) bool { return e.Type != "AWS::CodeBuild::Project" || e.Status != "DELETE_COMPLETE" }); len(gone) != 2 {
		t.Errorf("%d projects were deleted, not one in each account", len(gone))
	}
}
