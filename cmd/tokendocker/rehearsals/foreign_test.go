package rehearsals

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"encoding/json"
)

// TestForeignPermissions takes permissions out of a template that our constructs did not make: a state machine that
// runs a build which reads a parameter. The engine refuses the same way, so it does not know our own template.
func TestForeignPermissions(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "foreign", "template.json"))
	must(t, err)
	cases := []struct{ action, fails, says string }{
		{"", "", ""},
		{"codebuild:StartBuild", "FAILED", "not authorized to perform: codebuild:StartBuild on resource: arn:aws:codebuild:us-east-1:123456789012:project/greeter"},
		{"events:PutRule", "deploy", "not authorized to create managed-rule"},
		{"logs:CreateLogStream", "FAILED", "logs:CreateLogStream"},
		{"ssm:GetParameters", "FAILED", "ssm:GetParameters"},
	}
	for _, c := range cases {
		t.Run("without "+c.action, func(t *testing.T) {
			t.Parallel()
			p := &permissions{t: t}
			must(t, json.Unmarshal(raw, &p.template))
			template := raw
			if c.action != "" {
				for _, e := range p.entries() {
					if e.action == c.action {
						template = p.without(e)
					}
				}
			}
			status, said := p.greet(template)
			if status != c.fails && !(c.fails == "" && status == "SUCCEEDED") || !strings.Contains(said, c.says) {
				t.Errorf("%s: %s, want %s with %q", status, said, c.fails, c.says)
			}
		})
	}
}

// greet deploys the template and runs its machine. It returns where that ended and what was said.
func (p *permissions) greet(template []byte) (status, said string) {
	p.t.Helper()
	w := p.start("Foreign")
	if failed := w.deploy(template, ""); failed != "" {
		return "deploy", failed
	}
	var started struct{ ExecutionArn string }
	w.call("states", "StartExecution", map[string]any{"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:greet"}, &started)
	for range 300 {
		var e struct{ Status, Cause, Error string }
		w.call("states", "DescribeExecution", map[string]any{"executionArn": started.ExecutionArn}, &e)
		if e.Status != "RUNNING" {
			return e.Status, fmt.Sprint(e.Error, " ", e.Cause)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "RUNNING", "for too long"
}

// TestSameRequest deploys again with the request ids of a failed deployment, as CloudFormation sends them when an
// operation is tried again (aws/aws-cdk#35957): the second try is answered too.
func TestSameRequest(t *testing.T) {
	t.Parallel()
	p := synthesize(t)
	w := p.world()
	w.token = "first"
	if said := w.deploy(w.stack.Template, "bad"); !strings.Contains(said, "Docker build failed at step") {
		t.Fatalf("said %q", said)
	}
	if said := w.deploy(w.stack.Template, "bad"); !strings.Contains(said, "Docker build failed at step") {
		t.Errorf("the second try with the same request ids said %q", said)
	}
	w.token = "second"
	if said := w.deploy(w.stack.Template, "good"); said != "" {
		t.Errorf("said %q", said)
	}
}
