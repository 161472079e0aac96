package rehearsals

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const slowBuild = "FROM busybox:1\nARG A\nRUN sleep 600\n"

// running is a run of the command that has not ended.
type running struct {
	r              *rehearsed
	cmd            *exec.Cmd
	stdout, stderr transcript
	started        time.Time
}

// start starts a rehearsal and waits until its build container runs.
func (r *rehearsed) start() *running {
	r.t.Helper()
	run := &running{r: r, started: time.Now()}
	run.cmd = r.command(nil, "rehearse", r.app, "--state", r.state, "--json")
	run.cmd.Stdout, run.cmd.Stderr = &run.stdout, &run.stderr
	must(r.t, run.cmd.Start())
	for range 300 {
		if r.building() != "" {
			time.Sleep(time.Second) // into the RUN step
			return run
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = run.cmd.Process.Kill()
	r.t.Fatalf("no build began:\n%s", run.stderr.String())
	return nil
}

// building returns the id of the state's build container, if one runs.
func (r *rehearsed) building() string {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), "docker", "ps", "-q", "--filter", "label=dev.tokendocker.state="+r.id(),
		"--filter", "name=-build-").Output()
	must(r.t, err)
	return strings.TrimSpace(string(out))
}

// wait waits for the command's end.
func (run *running) wait() outcome {
	run.r.t.Helper()
	err := run.cmd.Wait()
	return run.r.outcome(err, run.stdout.String(), run.stderr.String(), time.Since(run.started))
}

// TestKilledBuild kills the build's container; the deploy fails at once, by name, and the next one works.
func TestKilledBuild(t *testing.T) {
	t.Parallel()
	app, files := one(slowBuild)
	r := newApp(t, app, files)
	run := r.start()
	must(t, exec.CommandContext(t.Context(), "docker", "kill", r.building()).Run())
	o := run.wait().wantExit(4)
	if reason := o.summary.Stacks[0].Failure.Reason; !strings.Contains(reason, "CodeBuild itself failed") {
		t.Errorf("reason %q", reason)
	}
	r.wantNothingLeft()
	r.recovers()
}

// recovers checks that a good app deploys into the same state folder, and that nothing is left then.
func (r *rehearsed) recovers() {
	r.t.Helper()
	r.write("web/Dockerfile", "FROM busybox:1\nARG A\nRUN true\n")
	if o := r.rehearse(nil).wantExit(0); !o.image("One/Web").Built {
		r.t.Error("the next rehearsal built nothing")
	}
	r.wantNothingLeft()
}

// TestTimeOut lets a build run past its time-out of five minutes, which take fifteen seconds.
func TestTimeOut(t *testing.T) {
	t.Parallel()
	app, files := one(slowBuild)
	app.Builders[0].Minutes = 5
	r := newApp(t, app, files)
	o := r.rehearse(settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=20"}).wantExit(4)
	reason := o.summary.Stacks[0].Failure.Reason
	if !strings.Contains(reason, "5 minutes") || !strings.Contains(reason, "BuildTimeout") {
		t.Errorf("reason %q", reason)
	}
	r.wantNothingLeft()
	r.recovers()
}

// TestInterrupt stops a rehearsal by Ctrl-C and by kill -9 in the middle of a build.
func TestInterrupt(t *testing.T) {
	app, files := one(slowBuild)
	r := newApp(t, app, files)
	run := r.start()
	asked := time.Now()
	must(t, run.cmd.Process.Signal(syscall.SIGINT))
	run.wait().wantExit(130)
	if took := time.Since(asked); took > 20*time.Second { // generous: docker stops three containers on a busy machine
		t.Errorf("it took %s to stop", took)
	}
	r.wantNothingLeft()

	run = r.start()
	must(t, run.cmd.Process.Kill())
	_ = run.cmd.Wait() // killed
	r.recovers()
}

// TestBusy runs a second rehearsal on a state folder in use.
func TestBusy(t *testing.T) {
	t.Parallel()
	app, files := one(slowBuild)
	r := newApp(t, app, files)
	run := r.start()
	second := r.run(nil, "rehearse", r.app, "--state", r.state).wantExit(5)
	if !strings.Contains(second.stderr, "another rehearsal or engine uses the state folder") {
		t.Errorf("said %s", second.stderr)
	}
	must(t, run.cmd.Process.Signal(syscall.SIGINT))
	run.wait().wantExit(130)
}

// TestSiblingFails cancels a build by a resource that fails while it runs: the build is stopped, the stack rolled
// back, and an update that fails so goes back to the old image without a build.
func TestSiblingFails(t *testing.T) {
	t.Parallel()
	app, files := one(slowBuild)
	files["quick/Dockerfile"] = "FROM busybox:1\nRUN true\n"
	app.Builders = append(app.Builders, caseBuilder{ID: "Quick", Path: "quick"})
	app.Broken = &caseBroken{ServiceToken: "arn:aws:lambda:us-east-1:123456789012:function:nobody", After: "Quick"}
	r := newApp(t, app, files)
	scale := settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}
	o := r.rehearse(scale).wantExit(4)
	if s := o.summary.Stacks[0]; s.Status != "ROLLBACK_COMPLETE" || !strings.HasPrefix(s.Failure.Path, "One/Broken") {
		t.Errorf("stack %+v", s)
	}
	o.wantDeleted("Custom::TokenInjectableDockerBuilder")
	r.wantNothingLeft()

	good := app
	good.Broken = nil
	r.change(good)
	r.write("web/Dockerfile", "FROM busybox:1\nARG A\nRUN true\n")
	before := r.rehearse(nil).wantExit(0).image("One/Web")
	r.change(app)
	r.write("web/Dockerfile", slowBuild)
	r.write("quick/Dockerfile", "FROM busybox:1\nRUN echo again\n")
	o = r.rehearse(scale).wantExit(4)
	if after := o.image("One/Web"); o.summary.Stacks[0].Status != "UPDATE_ROLLBACK_COMPLETE" || after.Tag != before.Tag || after.Digest != before.Digest {
		t.Errorf("after the roll-back %+v, image %+v, before %+v", o.summary.Stacks[0], after, before)
	}
	r.wantNothingLeft()
}
