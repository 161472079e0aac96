package rehearsals

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRuntimes deploys a template with a custom resource in Python, functions in Python and JavaScript, and a state
// machine in JSONata that maps over a function, reads a parameter and waits for a token: all with the permissions of the
// template only.
func TestRuntimes(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "runtimes", "template.json"))
	must(t, err)
	cases := []struct {
		name, from, to string // a change of the template's text
		fails          string // what the deployment says, or
		status, says   string // how the execution ends
	}{
		{name: "as it is", status: "SUCCEEDED", says: `{"approved":"hello","doubled":[2,4,6],"upper":"ABC"}`},
		{name: "custom resource that fails", from: `"Word": "abc"`, to: `"Word": "bad"`, fails: "a bad word"},
		{name: "role may not read the parameter", from: `"ssm:GetParameter"`, to: `"ssm:PutParameter"`, status: "FAILED", says: "Ssm.SsmException"},
		{name: "role may not invoke", from: `"lambda:InvokeFunction"`, to: `"lambda:GetFunction"`, status: "FAILED", says: "Lambda.AWSLambdaException"},
		{name: "function may not send the token", from: `"states:SendTaskSuccess", `, to: ``, status: "FAILED", says: "is not authorized to perform: states:SendTaskSuccess"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := &permissions{t: t}
			w := p.start("Runtimes")
			said := w.deploy([]byte(strings.Replace(string(raw), c.from, c.to, 1)), "")
			if c.fails != "" || said != "" {
				if c.fails == "" || !strings.Contains(said, c.fails) {
					t.Errorf("the deployment said %q, want %q", said, c.fails)
				}
				return
			}
			if status, said := w.execute("runtimes", `{"numbers":[1,2,3]}`); status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("%s: %s, want %s with %s", status, said, c.status, c.says)
			}
		})
	}
}

// execute runs a state machine to its end, and returns how it ended and what it says.
func (w *world) execute(machine, input string) (status, said string) {
	w.t.Helper()
	var started struct{ ExecutionArn string }
	w.call("states", "StartExecution", map[string]any{"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:" + machine, "input": input}, &started)
	for range 600 {
		var e struct{ Status, Cause, Error, Output string }
		w.call("states", "DescribeExecution", map[string]any{"executionArn": started.ExecutionArn}, &e)
		if e.Status != "RUNNING" {
			return e.Status, e.Output + e.Error + " " + e.Cause
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "RUNNING", "for too long"
}
