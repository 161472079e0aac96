package handler_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler"
)

// failing is the log of a docker build whose step failed.
func failing() []string {
	events := []string{buildspec.Prepare, buildspec.Begin, "#5 [2/3] RUN npm ci"}
	for i := range 300 {
		events = append(events, fmt.Sprintf("#5 %d.000 npm \x1b[31merror\x1b[0m line %d of a long installation", i, i))
	}
	return append(events, `#5 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 7`, "------",
		`ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 7`, buildspec.End)
}

// failBuild makes the build fail with a log.
func failBuild(w *world, events []string) {
	for _, e := range events {
		w.events = append(w.events, e+"\n")
	}
	ends(w, handler.Build{
		Status: "FAILED", LogGroup: "/aws/codebuild/" + project, LogStream: "b1",
		Phases: phases("BUILD", "FAILED", "COMMAND_EXECUTION_ERROR", "Error while executing command"),
	})
}

func TestFailureText(t *testing.T) {
	w := newWorld(t)
	failBuild(w, failing())
	w.late = 3
	w.deploy("Create", buildRequest(30))
	a := w.answer()
	first, rest, _ := strings.Cut(a.Reason, "\n")
	if a.Status != contract.Failed || !strings.Contains(first, "RUN npm ci") || !strings.Contains(first, "exit code 7") {
		t.Errorf("first line %q", first)
	}
	for _, want := range []string{"npm error line 299", "group /aws/codebuild/" + project + ", stream b1", "CloudWatch Log Stream: 2026/11/21/[$LATEST]0123"} {
		if !strings.Contains(rest, want) {
			t.Errorf("reason lacks %q:\n%s", want, a.Reason)
		}
	}
	if strings.Contains(a.Reason, "incomplete") {
		t.Error("the log was complete")
	}
	if n := len(w.bodies[0]); n < 3500 {
		t.Errorf("answer of %d bytes: more of the output would fit", n)
	}
	if !strings.Contains(w.logs.String(), `"line":"npm error line 299 of a long installation"`) {
		t.Error("the function's log lacks the tail")
	}
	if n := w.called("GetLogEvents"); n != 4 {
		t.Errorf("the log was read %d times, want 4", n)
	}
}

func TestFailureTextWithoutTheEndOfTheLog(t *testing.T) {
	w := newWorld(t)
	events := failing()
	failBuild(w, events[:len(events)-1])
	w.deploy("Create", buildRequest(30))
	if a := w.answer(); !strings.Contains(a.Reason, "log incomplete") || !strings.Contains(a.Reason, "npm error line 299") {
		t.Errorf("reason %s", a.Reason)
	}
	if n := w.called("GetLogEvents"); n != 11 {
		t.Errorf("the log was read %d times, want 11 in ten seconds", n)
	}
}

// A log that cannot be read for a while is tried again, and without any the first line is no command of ours.
func TestLogThatIsThrottled(t *testing.T) {
	for _, c := range []struct {
		times int
		first string
	}{
		{3, "Docker build failed at step [2/3] RUN npm ci with exit code 7."},
		{1 << 20, "The build failed in phase BUILD (COMMAND_EXECUTION_ERROR: Reason: exit status 1)."},
	} {
		w := newWorld(t)
		failBuild(w, failing())
		ends(w, handler.Build{Status: "FAILED", LogGroup: "g", LogStream: "s", Phases: phases("BUILD", "FAILED", "COMMAND_EXECUTION_ERROR",
			"Error while executing command: (\nset -euo pipefail\nsay 'preparing the build'\n). Reason: exit status 1")})
		n := 0
		w.fail = func(call string) error {
			if call != "GetLogEvents" {
				return nil
			}
			if n++; n > c.times {
				return nil
			}
			return &fault.Error{Op: "read log", Kind: fault.Throttled, Err: errors.New("ThrottlingException: Rate exceeded")}
		}
		w.deploy("Create", buildRequest(30))
		first, rest, _ := strings.Cut(w.answer().Reason, "\n")
		if first != c.first || c.times > 3 != strings.Contains(rest, "it could not be read: read log: ThrottlingException") {
			t.Errorf("throttled %d times: reason %s\n%s", c.times, first, rest)
		}
	}
}

// A build that ended before its own commands has no marker to wait for.
func TestNoWaitForALogThatNeverComes(t *testing.T) {
	w := newWorld(t)
	ends(w, handler.Build{Status: "FAILED", LogGroup: "g", LogStream: "s", Phases: phases("PROVISIONING", "FAILED", "", "")})
	w.deploy("Create", buildRequest(30))
	if n := w.called("GetLogEvents"); n != 1 {
		t.Errorf("the log was read %d times", n)
	}
	if took := w.now.Sub(w.began); took > time.Minute {
		t.Errorf("answered after %v", took)
	}
}

// The log is read backwards until our part of it begins, and no further.
func TestLogOfManyPages(t *testing.T) {
	w := newWorld(t)
	events := failing()
	failBuild(w, events[5:])
	w.older = [][]string{events[3:5], events[:3], {"[Container] never read"}}
	w.deploy("Create", buildRequest(30))
	if a := w.answer(); !strings.Contains(a.Reason, "[2/3] RUN npm ci") {
		t.Errorf("reason %s", a.Reason)
	}
	if n := w.called("GetLogEvents"); n != 3 {
		t.Errorf("%d pages were read, want 3", n)
	}
}
