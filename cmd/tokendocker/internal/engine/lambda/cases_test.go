package lambda

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// The case table of invocations: what an invocation comes to, by AWS's own pages.
func TestInvocationCases(t *testing.T) {
	cases := []struct {
		name    string
		source  string // AWS page and date read
		limit   string // where the engine differs on purpose
		props   map[string]any
		event   string
		want    string // substring of the payload; REQUEST stands for a request id
		failed  bool
		logged  string
		errCode string
	}{
		{name: "answer", source: "Lambda API Reference, Invoke, 2026-11", event: `{"a":1}`, want: `{"a":1}`, logged: "REPORT RequestId: "},
		{name: "function in a VPC", source: "Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC, 2026-11",
			limit: "a function reaches everything, whatever its VpcConfig says",
			props: map[string]any{"VpcConfig": map[string]any{"SubnetIds": []any{"subnet-1"}, "SecurityGroupIds": []any{"sg-1"}}}, event: `{"a":1}`, want: `{"a":1}`},
		{name: "empty payload", source: "Lambda API Reference, Invoke, 2026-11", event: ``, want: `{}`},
		{name: "error of the function", source: "Lambda Developer Guide, Runtime API, Invocation error, 2026-11",
			event: `{"Do":"error"}`, want: `{"errorType":"MyError","errorMessage":"as asked"}`, failed: true, logged: "Status: error"},
		{name: "exit", source: "Lambda Developer Guide, Troubleshoot invocation issues, 2026-11", event: `{"Do":"exit","Count":3}`,
			want: `Error: Runtime exited with error: exit status 3`, failed: true, logged: "Runtime.ExitError"},
		{name: "exit without reason", source: "Lambda Developer Guide, Troubleshoot invocation issues, 2026-11", event: `{"Do":"exit"}`,
			want: `Error: Runtime exited without providing a reason`, failed: true},
		{name: "panic", source: "Lambda Developer Guide, Go errors, 2026-11", event: `{"Do":"panic","Text":"oh no"}`,
			want: `"errorType":"Runtime.ExitError"`, failed: true, logged: "panic: oh no"},
		{name: "time-out", source: "Lambda Developer Guide, Troubleshoot invocation issues, timeouts, 2026-11", props: map[string]any{"Timeout": 1},
			event: `{"Do":"sleep","Count":60000}`, want: `Error: Task timed out after 1.00 seconds`, failed: true, logged: "Status: timeout"},
		{name: "init exits", source: "Lambda Developer Guide, Runtime API, Initialization error, 2026-11",
			limit: "AWS tries the initialization once more inside the invocation",
			props: environment1("FAIL_INIT", "exit"), event: `{}`, want: `exit status 7`, failed: true},
		{name: "init reports", source: "Lambda Developer Guide, Runtime API, Initialization error, 2026-11",
			props: environment1("FAIL_INIT", "report"), event: `{}`, want: `{"errorType":"Init.Broken","errorMessage":"no luck"}`, failed: true},
		{name: "answer too large", source: "Lambda Developer Guide, Lambda quotas, 2026-11",
			event: `{"Do":"big","Count":6291456}`, want: `Function.ResponseSizeTooLarge`, failed: true},
		{name: "payload too large", source: "Lambda Developer Guide, Lambda quotas, 2026-11",
			event: `"` + strings.Repeat("x", maxSync) + `"`, errCode: "RequestTooLargeException"},
		{name: "reserved concurrency zero", source: "Lambda Developer Guide, Configuring reserved concurrency, 2026-11",
			props: map[string]any{"ReservedConcurrentExecutions": 0}, event: `{}`, errCode: "TooManyRequestsException"},
		{name: "no bootstrap", source: "Lambda Developer Guide, OS-only runtime, 2026-11",
			props: map[string]any{"Code": map[string]any{"S3Bucket": "b", "S3Key": "empty.zip"}}, event: `{}`,
			want: "Couldn't find valid bootstrap(s)", failed: true},
		{name: "other languages", source: "Lambda Developer Guide, Lambda runtimes, 2026-11", limit: "functions of other languages than Go, JavaScript and Python, and those of images, are deployed and not run; those of Node.js and Python run on what this machine has, whatever their version",
			props: map[string]any{"Runtime": "java21", "Handler": "a.B::handle"}, event: `{}`, errCode: "InvalidRuntimeException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, switches.Switches{})
			w.zips["empty.zip"] = pack(t, map[string][]byte{"readme": []byte("x")})
			w.create(t, c.props)
			out, err := w.invoke(t, c.event, "")
			var aws *protocol.Error
			if c.errCode != "" {
				if !errors.As(err, &aws) || aws.Code != c.errCode {
					t.Fatalf("error = %v, want %s", err, c.errCode)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out.Payload), c.want) || (out.FunctionError == unhandled) != c.failed {
				t.Errorf("got %.300s %q", out.Payload, out.FunctionError)
			}
			if c.logged != "" {
				eventually(t, "log "+c.logged, func() bool { return strings.Contains(w.messages(), c.logged) })
			}
		})
	}
}

func environment1(k, v string) map[string]any {
	return map[string]any{"Environment": map[string]any{"Variables": map[string]any{k: v}}}
}

// Deployments that Lambda refuses.
func TestDeploymentCases(t *testing.T) {
	cases := []struct{ name, source, want string }{
		{"missing object", "answer seen in public logs", "S3 Error Code: NoSuchKey"},
		{"not a zip", "Lambda API Reference, CreateFunction, 2026-11", "Could not unzip uploaded file"},
		{"role", "Lambda Developer Guide, Troubleshoot deployment issues, 2026-11", "The role defined for the function cannot be assumed by Lambda."},
		{"reserved variable", "Lambda Developer Guide, Defined runtime environment variables, 2026-11", "Reserved keys used in this request: AWS_REGION"},
		{"time-out", "Lambda Developer Guide, Lambda quotas, 2026-11", "between 1 and 900"},
		{"inline for provided", "CloudFormation User Guide, AWS::Lambda::Function Code, 2026-11", "ZipFile can only be used"},
		{"no handler", "Lambda API Reference, CreateFunction, 2026-11", "Runtime and Handler are mandatory"},
		{"name", "Lambda API Reference, CreateFunction, 2026-11", "Value 'f/1' at 'functionName' failed to satisfy constraint"},
		{"long name", "Lambda API Reference, CreateFunction, 2026-11", "at 'functionName' failed to satisfy constraint"},
	}
	changes := map[string]map[string]any{
		"missing object":      {"Code": map[string]any{"S3Bucket": "b", "S3Key": "none"}},
		"not a zip":           {"Code": map[string]any{"S3Bucket": "b", "S3Key": "bad.zip"}},
		"reserved variable":   environment1("AWS_REGION", "x"),
		"time-out":            {"Timeout": "901"},
		"inline for provided": {"Code": map[string]any{"ZipFile": "x"}},
		"no handler":          {"Handler": nil},
		"name":                {"FunctionName": "f/1"},
		"long name":           {"FunctionName": strings.Repeat("f", 65)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, switches.Switches{})
			w.zips["bad.zip"] = []byte("not a zip")
			w.refuse = c.name == "role"
			_, err := w.room.Resources()["AWS::Lambda::Function"].Create(t.Context(), request(changes[c.name]))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %q", err, c.want)
			}
		})
	}
}
