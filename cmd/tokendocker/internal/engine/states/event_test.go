package states

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestEvents: what EventBridge is told of an execution.
func TestEvents(t *testing.T) {
	const page = "Step Functions Developer Guide, Automating Step Functions event delivery with EventBridge, 2026-11"
	big := `{"a":"` + strings.Repeat("x", 200<<10) + `"}`
	cases := []struct {
		name, source, definition, input string
		want                            []string // in the last event
		statuses                        string
	}{
		{name: "success", source: page, definition: `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"b":1},"End":true}}}`, input: `{"a":1}`, statuses: "RUNNING SUCCEEDED",
			want: []string{`"source":"aws.states"`, `"input":"{\"a\":1}"`, `"output":"{\"b\":1}"`, `"inputDetails":{"included":true}`, `"outputDetails":{"included":true}`, `"error":null`}},
		{name: "failure", source: page, definition: `{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"E","Cause":"because"}}}`, input: `{}`, statuses: "RUNNING FAILED",
			want: []string{`"error":"E"`, `"cause":"because"`, `"output":null`, `"outputDetails":null`}},
		{name: "much data", source: page, definition: `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`, input: big, statuses: "RUNNING SUCCEEDED",
			want: []string{`"input":null`, `"inputDetails":{"included":false}`, `"outputDetails":{"included":true}`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			var mu sync.Mutex
			var list []protocol.Event
			w.room.Publish = func(e protocol.Event) { mu.Lock(); list = append(list, e); mu.Unlock() }
			w.create(t, c.definition)
			arn := w.start(t, "x", c.input)
			w.wait(t, arn)
			for range 200 { // the last one comes after the end can be seen
				mu.Lock()
				n := len(list)
				mu.Unlock()
				if n == 2 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			var statuses []string
			for _, e := range list {
				detail, _ := e.Detail.(map[string]any)
				status, _ := detail["status"].(string)
				statuses = append(statuses, status)
			}
			if strings.Join(statuses, " ") != c.statuses {
				t.Fatalf("%v, want %s", statuses, c.statuses)
			}
			text, err := json.Marshal(list[len(list)-1])
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range append(c.want, `"executionArn":"`+arn+`"`, `"resources":["`+arn+`"]`) {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %s in %.2000s", want, text)
				}
			}
		})
	}
}
