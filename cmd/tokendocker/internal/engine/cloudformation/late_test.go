package cloudformation_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// Answers that come when CloudFormation no longer waits for them, and none at all.
// Source: User Guide, Custom resources, "Timeouts" and Template Reference, AWS::CloudFormation::CustomResource,
// ServiceTimeout, 2026-11; User Guide, Stack failure options, 2026-11: resources in progress are cancelled.

// failsSoon is a resource that fails while others are in progress.
const failsSoon = `, "X": {"Type": "Test::Thing::Plain", "Properties": {"Wait": "100ms", "Fail": "create"}}`

func TestLateAnswers(t *testing.T) {
	cases := []struct {
		name     string
		first    string // more properties of the custom resource at first
		second   string // then
		sibling  string // more resources then
		cancels  string // the event of the custom resource
		requests []string
	}{
		{"update out of time", "", `, "V": "2", "ServiceTimeout": "10"`, "", "R UPDATE_FAILED: CloudFormation did not receive a response from your custom resource.",
			[]string{"Create R", "Update R made", "Update R made"}},
		{"cancelled update", "", `, "V": "2"`, failsSoon, "R UPDATE_FAILED: Resource update cancelled",
			[]string{"Create R", "Update R made", "Update R made"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var count atomic.Int32
			updates := make(chan map[string]any, 1)
			w.handler = func(e map[string]any) []byte {
				switch count.Add(1) {
				case 1:
					return respond(e, "SUCCESS", "made", map[string]any{"Data": map[string]any{"N": "first"}})
				case 2:
					updates <- e
					return nil
				}
				// The answer to the update comes now, when it is the roll-back that is waited for.
				late := <-updates
				w.answer(late, respond(late, "SUCCESS", "too-late", map[string]any{"Data": map[string]any{"N": "late"}}))
				return respond(e, "SUCCESS", "made", map[string]any{"Data": map[string]any{"N": "back"}})
			}
			outputs := `}, "Outputs": {"Id": {"Value": {"Ref": "R"}}, "N": {"Value": {"Fn::GetAtt": ["R", "N"]}}}}`
			if _, err := w.deploy(`{"Resources": {` + maker("R", c.first) + outputs); err != nil {
				t.Fatal(err)
			}
			if _, err := w.deploy(`{"Resources": {` + maker("R", c.second) + c.sibling + outputs); err == nil || w.status() != "UPDATE_ROLLBACK_COMPLETE" {
				t.Fatalf("%v, status %s", err, w.status())
			}
			if !w.said(c.cancels) {
				t.Errorf("no %q in the events:\n%s", c.cancels, strings.Join(w.events, "\n"))
			}
			if len(w.sent) == 3 && w.sent[1]["RequestId"] == w.sent[2]["RequestId"] {
				t.Error("the roll-back asks under the name of the update")
			}
			if diff := cmp.Diff(c.requests, w.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			stack, _, err := w.Describe("", "S")
			if err != nil || stack.Outputs[0].Value != "made" || stack.Outputs[1].Value != "first" {
				t.Errorf("%v, outputs %+v", err, stack.Outputs)
			}
		})
	}
}

// said reports whether there is an event that begins so.
func (w *world) said(text string) bool {
	return slices.ContainsFunc(w.events, func(e string) bool { return strings.HasPrefix(e, text) })
}

// A Delete that is never answered fails the deletion after its time; the next one asks again.
func TestDeleteWithoutAnAnswer(t *testing.T) {
	w := newWorld(t)
	var answers atomic.Bool
	w.handler = func(e map[string]any) []byte {
		if e["RequestType"] == "Delete" && !answers.Load() {
			return nil
		}
		return respond(e, "SUCCESS", "made", nil)
	}
	if _, err := w.deploy(`{"Resources": {` + maker("R", `, "ServiceTimeout": "10"`) + `}}`); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S", OnEvent: w.record}); err == nil || w.status() != "DELETE_FAILED" || !w.said("R DELETE_FAILED: CloudFormation did not receive a response from your custom resource.") {
		t.Errorf("%v, status %s, events:\n%s", err, w.status(), strings.Join(w.events, "\n"))
	}
	answers.Store(true)
	if err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S", OnEvent: w.record}); err != nil || w.status() != "none" {
		t.Errorf("%v, status %s", err, w.status())
	}
	if diff := cmp.Diff([]string{"Create R", "Delete R made", "Delete R made"}, w.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// What has not begun when another resource fails is never begun, and has no event.
func TestSiblingsThatHaveNotBegun(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte {
		if e["RequestType"] == "Create" {
			return nil
		}
		return respond(e, "SUCCESS", text(e["PhysicalResourceId"]), nil)
	}
	_, err := w.deploy(`{"Resources": {` + maker("R", "") + failsSoon + `, "After": {"Type": "Test::Thing::Plain", "DependsOn": "R"}}}`)
	if err == nil || w.status() != "ROLLBACK_COMPLETE" {
		t.Fatalf("%v, status %s", err, w.status())
	}
	for _, e := range w.events {
		if strings.HasPrefix(e, "After ") {
			t.Errorf("event %q", e)
		}
	}
}
