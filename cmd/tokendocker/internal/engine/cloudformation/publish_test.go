package cloudformation_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestPublishedEvents: what EventBridge is told of a stack and its resources.
func TestPublishedEvents(t *testing.T) {
	const page = "CloudFormation User Guide, Manage events with CloudFormation and Amazon EventBridge, 2026-11"
	cases := []struct {
		name, source, limit, template string
		want                          []string // statuses, of the stack and of resource A
		last                          []string // in the last event
	}{
		{name: "creation", source: page, template: `{"Resources": {"A": {"Type": "Test::Thing::Plain"}}}`,
			want: []string{"stack CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_COMPLETE", "stack CREATE_COMPLETE"},
			last: []string{`"source":"aws.cloudformation"`, `"detail-type":"CloudFormation Stack Status Change"`, `"stack-id":"arn:aws:cloudformation:us-east-1:123456789012:stack/S/`,
				`"resources":["arn:aws:cloudformation:us-east-1:123456789012:stack/S/`, `"account":"123456789012"`}},
		{name: "failure", source: page, template: `{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"Fail": "create"}}}}`,
			want: []string{"stack CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS", "A CREATE_FAILED", "stack ROLLBACK_IN_PROGRESS"}},
		{name: "drift", source: page, limit: "nobody is told of drift, nor of the properties that a resource has", template: `{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"Value": "hush"}}}}`,
			want: []string{"stack CREATE_IN_PROGRESS"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var mu sync.Mutex
			var got []string
			var last []byte
			w.Publish = func(e protocol.Event) {
				mu.Lock()
				defer mu.Unlock()
				text, err := json.Marshal(e)
				if err != nil {
					t.Error(err)
				}
				var read struct {
					Detail struct {
						Logical string                  `json:"logical-resource-id"`
						Status  struct{ Status string } `json:"status-details"`
					}
				}
				if err := json.Unmarshal(text, &read); err != nil {
					t.Error(err)
				}
				who := read.Detail.Logical
				if who == "" {
					who = "stack"
				}
				if one := who + " " + read.Detail.Status.Status; len(got) == 0 || got[len(got)-1] != one { // once more with a physical id
					got = append(got, one)
				}
				last = text
			}
			_, err := w.deploy(c.template)
			if (err != nil) != (c.name == "failure") {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(got) < len(c.want) || strings.Join(got[:len(c.want)], ", ") != strings.Join(c.want, ", ") {
				t.Errorf("%v, want %v", got, c.want)
			}
			for _, want := range c.last {
				if !strings.Contains(string(last), want) {
					t.Errorf("no %s in %s", want, last)
				}
			}
			if strings.Contains(string(last), "hush") {
				t.Errorf("%s", last)
			}
		})
	}
}
