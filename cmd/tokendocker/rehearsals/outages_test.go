package rehearsals

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOutages: AWS lets the handler down in one way or another, in an update. Each has its right end within the time that
// CloudFormation gives; after a failed one the old image is still there, and in use.
func TestOutages(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, faults string
		scale        int
		minutes      float64 // simulated; the handler's deadline is 13 minutes after the request
		says         string  // the failure's reason; empty: the image is built
		status       string  // of the stack that failed; empty: UPDATE_ROLLBACK_COMPLETE
	}{
		{"function out of time", "hang-invocations=1", 20, 8, "", ""},
		{"function out of time while the machine asks", "hang-invocations=2-3", 20, 12, "", ""},
		{"function killed while the machine asks", "kill-invocations=2-5", 20, 8, "", ""},
		{"function out of time whenever it is asked", "hang-invocations=1-3", 60, 30, "CloudFormation did not receive a response from your custom resource.", ""},
		{"every call throttled", "throttle=*=3", 10, 8, "", ""},
		{"function throttled", "throttle=lambda:Invoke=6", 20, 8, "", ""},
		{"looks throttled for ever", "throttle=ecr:BatchGetImage=1000000", 20, 8, "AWS throttles the account's calls", "UPDATE_ROLLBACK_FAILED"},
		{"starts throttled for ever", "throttle=codebuild:StartBuild=1000000", 20, 8, "AWS throttled every start of the build", ""},
		{"machine throttled for ever", "throttle=states:StartExecution=1000000", 10, 8, "AWS throttles the account's calls", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			app, files := one("FROM busybox:1\nARG A\nRUN echo $A > /a\n")
			app.Builders[0].Minutes, app.Builders[0].ECS = 5, true
			r := newApp(t, app, files)
			defer r.wantNothingLeft()
			before := r.rehearse(nil, "--set", "One.T.TopicName=before").wantExit(0).image("One/Web")
			env := settings{"TOKENDOCKER_REHEARSE_FAULTS=" + c.faults, fmt.Sprintf("TOKENDOCKER_REHEARSE_TIME_SCALE=%d", c.scale)}
			if c.says == "" {
				o := r.rehearse(env, "--set", "One.T.TopicName=after").wantExit(0)
				if image := o.image("One/Web"); !image.Built || string(o.file(image, "/a")) != "after\n" {
					t.Errorf("image %+v", image)
				}
				o.wantWithin(c.minutes, c.scale)
				return
			}
			o := r.rehearse(env, "--set", "One.T.TopicName=after").wantExit(4)
			stack := o.summary.Stacks[0]
			if stack.Status != cmp.Or(c.status, "UPDATE_ROLLBACK_COMPLETE") || !strings.Contains(stack.Failure.Reason, c.says) {
				t.Errorf("stack %s, reason %q", stack.Status, stack.Failure.Reason)
			}
			if after := o.image("One/Web"); c.status == "" && (after.Tag != before.Tag || after.Digest != before.Digest) {
				t.Errorf("after the roll-back %+v, before %+v", after, before)
			}
			o.wantWithin(c.minutes, c.scale)
		})
	}
}

// wantWithin checks that no request of a builder took longer than so many simulated minutes, but for the real work
// of a machine that is busy.
func (o outcome) wantWithin(minutes float64, scale int) {
	o.t.Helper()
	const work = 30 * time.Second
	limit := time.Duration(minutes*float64(time.Minute))/time.Duration(scale) + work
	if o.took > limit {
		o.t.Errorf("it took %s, want %s at most", o.took, limit)
	}
}

// TestCommandFails: a failing command of the user's is named with its exit code, in either phase.
func TestCommandFails(t *testing.T) {
	t.Parallel()
	app, files := one("FROM busybox:1\nRUN true\n")
	r := newApp(t, app, files)
	for phase, set := range map[string]func(b *caseBuilder, commands ...string){
		"INSTALL":   func(b *caseBuilder, commands ...string) { b.Install = commands },
		"PRE_BUILD": func(b *caseBuilder, commands ...string) { b.PreBuild = commands },
	} {
		t.Run(phase, func(t *testing.T) {
			r.t = t
			broken := app
			broken.Builders = append([]caseBuilder{}, app.Builders...)
			set(&broken.Builders[0], "true", "echo about to fail; (exit 9)", "echo never")
			r.change(broken)
			o := r.rehearse(nil).wantExit(4)
			checkReason(t, o.summary.Stacks[0].Failure.Reason,
				`The command "echo about to fail; (exit 9)" failed with exit code 9, before the docker build.`, []string{"about to fail"})
		})
	}
}
