package codebuild_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// heard collects what a room publishes.
type heard struct {
	mu   sync.Mutex
	list []protocol.Event
}

func (h *heard) publish(e protocol.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, e)
}

// told returns the values of a field in all events of a kind, and the last event as JSON.
func (h *heard) told(t *testing.T, kind, field string) (values []string, last string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.list {
		if e.DetailType != kind {
			continue
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		detail, _ := e.Detail.(map[string]any)
		value, _ := detail[field].(string)
		values, last = append(values, value), string(text)
	}
	return values, last
}

// TestEvents: what EventBridge is told of a build.
func TestEvents(t *testing.T) {
	const page = "CodeBuild User Guide, Build notifications input format reference, 2026-11"
	cases := []struct {
		name, source, limit string
		script              string
		stop                bool
		change              map[string]any
		states, phases      string
	}{
		{name: "success", source: page, script: "true", states: "IN_PROGRESS SUCCEEDED",
			phases: "QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING"},
		{name: "failure", source: page, script: "false", states: "IN_PROGRESS FAILED",
			phases: "QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD POST_BUILD UPLOAD_ARTIFACTS FINALIZING"},
		{name: "stop", source: page, script: "echo begun; sleep 30", stop: true, states: "IN_PROGRESS STOPPED",
			phases: "QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD FINALIZING"},
		{name: "fault and time-out", source: page, limit: "told as FAILED: the page lists no status for a build that had a fault or timed out",
			script: "echo begun; sleep 30", states: "IN_PROGRESS FAILED", phases: "QUEUED PROVISIONING DOWNLOAD_SOURCE INSTALL PRE_BUILD BUILD FINALIZING"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			var h heard
			w.room.Publish = h.publish
			w.project(nil)
			id := w.start(inline(c.script))
			if strings.HasPrefix(c.script, "echo begun") {
				w.logged(id, "\nbegun\n")
				if !c.stop {
					w.hosts[0].kill()
				} else if _, err := w.call("StopBuild", map[string]any{"id": id}); err != nil {
					t.Fatal(err)
				}
			}
			w.end(id)
			w.room.Settle(t.Context(), func(session.Cause) bool { return true }) // the last event comes after the end can be seen
			states, last := h.told(t, "CodeBuild Build State Change", "build-status")
			if got := strings.Join(states, " "); got != c.states {
				t.Errorf("states %s, want %s", got, c.states)
			}
			if phases, _ := h.told(t, "CodeBuild Build Phase Change", "completed-phase"); strings.Join(phases, " ") != c.phases {
				t.Errorf("phases %s, want %s", phases, c.phases)
			}
			for _, want := range []string{`"source":"aws.codebuild"`, `"project-name":"app"`, `"build-id":"arn:aws:codebuild:us-east-1:123456789012:build/app:`, `"resources":\["arn:aws:codebuild:`,
				`"current-phase":"COMPLETED"`, `"compute-type":"BUILD_GENERAL1_SMALL"`, `"phase-type":"INSTALL"`, `"build-complete":true`, `"build-start-time":"[A-Z][a-z]{2} \d+, \d{4} `} {
				if !regexp.MustCompile(want).MatchString(last) {
					t.Errorf("no %s in %s", want, last)
				}
			}
		})
	}
}

// TestLostEvents: the switch that loses the ends of builds loses what EventBridge is told.
func TestLostEvents(t *testing.T) {
	w := newWorld(t, 1)
	var h heard
	w.room.Publish = h.publish
	w.switches.LoseBuildEvents = true
	w.project(nil)
	w.end(w.start(inline("true")))
	w.room.Settle(t.Context(), func(session.Cause) bool { return true })
	if len(h.list) != 0 {
		t.Errorf("%v", h.list)
	}
}
