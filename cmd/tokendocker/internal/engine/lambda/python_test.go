package lambda

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// The case table of Python functions: which handlers run, and what comes of them.
func TestPythonCases(t *testing.T) {
	const (
		guide   = "Lambda Developer Guide, Define Lambda function handler in Python, 2026-11"
		object  = "Lambda Developer Guide, Using the Lambda context object to retrieve Python function information, 2026-11"
		logging = "Lambda Developer Guide, Log and monitor Python Lambda functions, 2026-11"
		faults  = "Lambda Developer Guide, Python Lambda function errors, 2026-11"
		ric     = "aws-lambda-python-runtime-interface-client, awslambdaric/bootstrap.py, 2026-11"
	)
	cases := []struct {
		name    string
		source  string // AWS page and date read
		limit   string // where the engine differs on purpose
		handler string // "index.handler" when empty
		file    string // "index.py" when empty
		code    string
		more    map[string]string
		want    string // substring of the payload
		failed  bool
		logged  string
	}{
		{name: "result", source: guide, code: "def handler(event, context):\n  return {'got': event['n'], 'text': 'é'}", want: `{"got": 1, "text": "é"}`},
		{name: "no result", source: guide, code: "def handler(event, context): pass", want: `null`},
		{name: "handler in a folder", source: guide, handler: "src/app.main", file: "src/app.py", code: "def main(e, c): return 'nested'", want: `"nested"`},
		{name: "module of its own", source: guide, code: "import own\ndef handler(e, c): return own.word", more: map[string]string{"own.py": "word = 'mine'"}, want: `"mine"`},
		{name: "callable", source: ric, code: "class C:\n  def __call__(self, e, c): return 'called'\nhandler = C()", want: `"called"`},
		{name: "context", source: object, code: "import os\ndef handler(e, c): return [c.function_name, c.memory_limit_in_mb, c.invoked_function_arn, c.get_remaining_time_in_millis() > 5000, os.environ['AWS_EXECUTION_ENV']]",
			want: `["f", "128", "arn:aws:lambda:eu-west-1:111122223333:function:f", true, "AWS_Lambda_python3.13"]`},
		{name: "print", source: logging, code: "def handler(e, c): print('plain', e['n'])", want: `null`, logged: "plain 1\n"},
		{name: "logging", source: logging, code: "import logging\nlogging.getLogger().setLevel('INFO')\ndef handler(e, c): logging.info('said %d', 1)", want: `null`, logged: "Z\tREQUEST\tsaid 1\n"},
		{name: "logging below its level", source: logging, code: "import logging\ndef handler(e, c):\n  logging.info('quiet')\n  logging.warning('loud')", want: `null`, logged: "[WARNING]\t"},
		{name: "exception", source: faults, code: "def handler(e, c): raise ValueError('no')", want: `{"errorMessage": "no", "errorType": "ValueError", "requestId": "`, failed: true, logged: "[ERROR] ValueError: no\rTraceback (most recent call last):\r  File \""},
		{name: "stack trace", source: faults, code: "def handler(e, c): return e['gone']", want: `line 1, in handler\n`, failed: true},
		{name: "exit", source: ric, code: "import sys\ndef handler(e, c): sys.exit(3)", want: `Runtime exited with error: exit status 3`, failed: true},
		{name: "result is no JSON", source: ric, code: "def handler(e, c): return object()", want: `{"errorMessage": "Unable to marshal response: Object of type object is not JSON serializable", "errorType": "Runtime.MarshalError"`, failed: true},
		{name: "decimal", source: ric, code: "from decimal import Decimal\ndef handler(e, c): return [Decimal('3'), Decimal('1.5')]", want: `[3, 1.5]`},
		{name: "missing module", source: ric, code: "import nonesuch\ndef handler(e, c): pass", want: `"errorMessage": "Unable to import module 'index': No module named 'nonesuch'", "errorType": "Runtime.ImportModuleError"`, failed: true},
		{name: "missing handler file", source: ric, handler: "gone.handler", code: "", want: `Unable to import module 'gone': No module named 'gone'`, failed: true},
		{name: "missing function", source: ric, code: "other = 1", want: `"errorMessage": "Handler 'handler' missing on module 'index'", "errorType": "Runtime.HandlerNotFound"`, failed: true},
		{name: "handler without dot", source: ric, handler: "index", code: "", want: `"errorMessage": "Bad handler 'index': not enough values to unpack (expected 2, got 1)", "errorType": "Runtime.MalformedHandlerName"`, failed: true},
		{name: "built-in module", source: ric, handler: "sys.exit", code: "", want: `Cannot use built-in module sys as a handler module`, failed: true},
		{name: "syntax error", source: ric, code: "def handler(:", want: `"errorType": "Runtime.UserCodeSyntaxError"`, failed: true},
		{name: "error at load", source: ric, code: "raise RuntimeError('at load')", want: `{"errorMessage": "at load", "errorType": "RuntimeError"`, failed: true},
		{name: "the SDK's place", source: "Lambda Developer Guide, Runtime-included SDK versions, 2026-11", limit: "boto3 is that of this machine's Python; where it has none, the error says how to get it",
			code: "import os\ndef handler(e, c): return [os.environ['AWS_ENDPOINT_URL'], os.environ['AWS_REGION']]", want: `["http://127.0.0.1:1", "eu-west-1"]`},
		{name: "nothing is left in the code's folder", source: "Lambda Developer Guide, Lambda execution environment, 2026-11: /var/task is read-only", code: "import own, os\ndef handler(e, c): return os.path.exists('__pycache__')", more: map[string]string{"own.py": ""}, want: "false"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1, switches.Switches{})
			files := map[string]string{either(c.file, "index.py"): c.code}
			for name, text := range c.more {
				files[name] = text
			}
			changes := w.nodeFunction(t, either(c.handler, "index.handler"), files)
			changes["Runtime"] = "python3.13"
			w.create(t, changes)
			out, err := w.invoke(t, `{"n":1}`, "")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out.Payload), c.want) || (out.FunctionError == unhandled) != c.failed {
				t.Errorf("got %.600s %q", out.Payload, out.FunctionError)
			}
			if c.logged != "" {
				logged := strings.ReplaceAll(c.logged, "REQUEST", out.RequestID)
				eventually(t, "log "+logged, func() bool { return strings.Contains(w.messages(), logged) })
			}
		})
	}
}

// Inline code finds CloudFormation's module, which answers a custom resource.
func TestPythonInlineAnswersCloudFormation(t *testing.T) {
	got := make(chan string, 1)
	cloudformation := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Method + " [" + r.Header.Get("Content-Type") + "] " + string(body)
	}))
	defer cloudformation.Close()
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, map[string]any{"Runtime": "python3.12", "Handler": "index.handler", "Code": map[string]any{
		"ZipFile": "import cfnresponse\ndef handler(event, context):\n  cfnresponse.send(event, context, cfnresponse.SUCCESS, {'A': 'b'}, 'mine')\n"}})
	event, err := json.Marshal(map[string]string{"ResponseURL": cloudformation.URL + "/x", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l"})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.invoke(t, string(event), ""); err != nil || out.FunctionError != "" {
		t.Fatalf("%s %v", out.Payload, err)
	}
	if said := <-got; !strings.HasPrefix(said, "PUT [] {") || !strings.Contains(said, `"Status": "SUCCESS"`) || !strings.Contains(said, `"PhysicalResourceId": "mine"`) || !strings.Contains(said, `"Data": {"A": "b"}`) {
		t.Errorf("CloudFormation got %s", said)
	}
}

// The case table of layers. Source: AWS Lambda Developer Guide, "Packaging your layer content" and "Adding layers to functions".
func TestLayerCases(t *testing.T) {
	cases := []struct {
		name, source, limit string
		runtime, handler    string
		code                map[string]string
		layers              []map[string]string
		want                string
	}{
		{name: "python", source: "Packaging your layer content, 2026-11", runtime: "python3.13", code: map[string]string{"index.py": "import shared\ndef handler(e, c): return shared.word"},
			layers: []map[string]string{{"python/shared.py": "word = 'layer'"}}, want: `"layer"`},
		{name: "python site-packages", source: "Packaging your layer content, 2026-11", runtime: "python3.13", code: map[string]string{"index.py": "import shared\ndef handler(e, c): return shared.word"},
			layers: []map[string]string{{"python/lib/python3.13/site-packages/shared.py": "word = 'deep'"}}, want: `"deep"`},
		{name: "the function's own file wins", source: "Packaging your layer content, 2026-11", runtime: "python3.13", code: map[string]string{"index.py": "import shared\ndef handler(e, c): return shared.word", "shared.py": "word = 'own'"},
			layers: []map[string]string{{"python/shared.py": "word = 'layer'"}}, want: `"own"`},
		{name: "the last layer wins", source: "Adding layers to functions, 2026-11", runtime: "python3.13", code: map[string]string{"index.py": "import shared\ndef handler(e, c): return shared.word"},
			layers: []map[string]string{{"python/shared.py": "word = 'first'"}, {"python/shared.py": "word = 'last'"}}, want: `"last"`},
		{name: "node", source: "Packaging your layer content, 2026-11", runtime: "nodejs22.x", code: map[string]string{"index.js": "exports.handler = async () => require('shared')"},
			layers: []map[string]string{{"nodejs/node_modules/shared/index.js": "module.exports = 'layer'"}}, want: `"layer"`},
		{name: "program", source: "Packaging your layer content, 2026-11", runtime: "python3.13", code: map[string]string{"index.py": "import subprocess\ndef handler(e, c): return subprocess.check_output(['hello']).decode()"},
			layers: []map[string]string{{"bin/hello": "#!/bin/sh\nprintf hi"}}, want: `"hi"`},
		{name: "bootstrap", source: "Building a custom runtime, 2026-11", runtime: "provided.al2023", code: map[string]string{"readme": "x"},
			layers: []map[string]string{{"bootstrap": "#!/bin/sh\nexit 9"}}, want: `exit status 9`},
		{name: "path below /opt", source: "Packaging your layer content, 2026-11", limit: "only where this machine lets a process have mounts of its own",
			runtime: "python3.13", code: map[string]string{"index.py": "import os\ndef handler(e, c): return os.path.exists('/opt/python/shared.py')"},
			layers: []map[string]string{{"python/shared.py": ""}}, want: strconv.FormatBool(canMount())},
		{name: "interpreter and code of Lambda's paths", source: "Packaging your layer content, 2026-11", limit: "only for functions with layers, where this machine lets a process have mounts of its own",
			runtime: "python3.13", code: map[string]string{"index.py": "import subprocess\ndef handler(e, c): return subprocess.run(['/opt/bin/tool']).returncode == 7 and open('/var/task/index.py').read() != ''"},
			layers: []map[string]string{{"bin/tool": "#!/var/lang/bin/python\nraise SystemExit(7)\n"}}, want: strconv.FormatBool(canMount())},
		{name: "several below /opt", source: "Adding layers to functions, 2026-11", limit: "only where this machine lets a process have mounts of its own",
			runtime: "python3.13", code: map[string]string{"index.py": "import os\ndef handler(e, c): return os.path.exists('/opt/one') and open('/opt/two').read() == 'last'"},
			layers: []map[string]string{{"one": "", "two": "first"}, {"two": "last"}}, want: strconv.FormatBool(canMount())},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1, switches.Switches{})
			arns := []any{"arn:aws:lambda:eu-west-1:017000801446:layer:Published:1"} // nobody made it here
			for i, files := range c.layers {
				name := "layer" + string(rune('0'+i)) + ".zip"
				content := map[string][]byte{}
				for file, text := range files {
					content[file] = []byte(text)
				}
				w.zips[name] = pack(t, content)
				made, err := w.room.Resources()["AWS::Lambda::LayerVersion"].Create(t.Context(), resource.Request{Stack: stack, LogicalID: "L",
					Properties: map[string]any{"LayerName": "shared", "Content": map[string]any{"S3Bucket": "b", "S3Key": name}}})
				if err != nil {
					t.Fatal(err)
				}
				arns = append(arns, made.PhysicalID)
			}
			changes := w.nodeFunction(t, "index.handler", c.code)
			changes["Runtime"], changes["Layers"] = c.runtime, arns
			w.create(t, changes)
			for _, arn := range arns[1:] { // deleted layers stay with their functions
				if err := w.room.Resources()["AWS::Lambda::LayerVersion"].Delete(t.Context(), resource.Request{Stack: stack, PhysicalID: arn.(string)}); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := w.invoke(t, `{}`, ""); err != nil || !strings.Contains(string(out.Payload), c.want) {
				t.Errorf("got %s %v, want %s", out.Payload, err, c.want)
			}
		})
	}
}

// A layer's files go when neither a version of it nor a function is left.
func TestLayerFilesGo(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.zips["layer.zip"] = pack(t, map[string][]byte{"python/x.py": nil})
	layers := w.room.Resources()["AWS::Lambda::LayerVersion"]
	made, err := layers.Create(t.Context(), resource.Request{Stack: stack, LogicalID: "L", Properties: map[string]any{"Content": map[string]any{"S3Bucket": "b", "S3Key": "layer.zip"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.create(t, map[string]any{"Layers": []any{made.PhysicalID}})
	count := func() int {
		found, err := filepath.Glob(filepath.Join(w.room.dir, "code", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if err := layers.Delete(t.Context(), resource.Request{Stack: stack, PhysicalID: made.PhysicalID}); err != nil || count() != 2 {
		t.Errorf("%d packages while the function is there (%v)", count(), err)
	}
	fn := request(nil)
	fn.PhysicalID = "f"
	if err := w.room.Resources()["AWS::Lambda::Function"].Delete(t.Context(), fn); err != nil || count() != 0 {
		t.Errorf("%d packages in the end (%v)", count(), err)
	}
	tooMany := request(map[string]any{"FunctionName": "g", "Layers": []any{"1", "2", "3", "4", "5", "6"}})
	if _, err := w.room.Resources()["AWS::Lambda::Function"].Create(t.Context(), tooMany); err == nil || !strings.Contains(err.Error(), "more than 5 layers") {
		t.Errorf("six layers: %v", err)
	}
}

// What destinations are told.
// Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
func TestDestinationCases(t *testing.T) {
	const page = "Lambda Developer Guide, Capturing records of Lambda asynchronous invocations, 2026-11"
	cases := []struct {
		name, source, limit string
		code                string
		onSuccess           string
		onFailure           string
		want                []string // in the record; nil for no call
	}{
		{name: "success", source: page, code: "def handler(e, c): return 'fine'", onSuccess: "arn:aws:lambda:eu-west-1:111122223333:function:next",
			want: []string{`"condition":"Success"`, `"requestPayload":{"n":1}`, `"responsePayload":"fine"`, `"statusCode":200`}},
		{name: "failure", source: page, code: "def handler(e, c): raise ValueError('no')", onFailure: "arn:aws:lambda:eu-west-1:111122223333:function:next",
			want: []string{`"condition":"RetriesExhausted"`, `"approximateInvokeCount":2`, `"functionError":"Unhandled"`, `"errorType":"ValueError"`}},
		{name: "success without its destination", source: page, code: "def handler(e, c): pass", onFailure: "arn:aws:lambda:eu-west-1:111122223333:function:next"},
		{name: "queue", source: page, limit: "records go to functions only; those for queues, topics, buses and buckets are logged", code: "def handler(e, c): pass", onSuccess: "arn:aws:sqs:eu-west-1:111122223333:q"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 600, switches.Switches{})
			changes := w.nodeFunction(t, "index.handler", map[string]string{"index.py": c.code + "\n"})
			changes["Runtime"], changes["Timeout"] = "python3.13", 900
			w.create(t, changes)
			destinations := map[string]any{"OnSuccess": map[string]any{"Destination": c.onSuccess}, "OnFailure": map[string]any{"Destination": c.onFailure}}
			if _, err := w.room.Resources()["AWS::Lambda::EventInvokeConfig"].Create(t.Context(), resource.Request{Stack: stack, Properties: map[string]any{
				"FunctionName": "f", "Qualifier": "$LATEST", "MaximumRetryAttempts": 1, "DestinationConfig": destinations}}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.invoke(t, `{"n":1}`, "Event"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "end", func() bool { return strings.Contains(w.messages(), "REPORT RequestId") })
			if c.want == nil {
				w.room.Close()
				if len(w.records) > 0 {
					t.Errorf("told %s", w.records)
				}
				return
			}
			eventually(t, "record", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.records) == 1 })
			for _, part := range c.want {
				if !strings.Contains(w.records[0], part) {
					t.Errorf("the record lacks %s: %s", part, w.records[0])
				}
			}
		})
	}
}

// This machine may have no Python at all.
func TestNoPython(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.room.Python = filepath.Join(t.TempDir(), "none")
	t.Setenv("PATH", os.TempDir())
	w.create(t, map[string]any{"Runtime": "python3.12", "Handler": "index.handler", "Code": map[string]any{"ZipFile": "x = 1"}})
	if out, err := w.invoke(t, `{}`, ""); err != nil || !strings.Contains(string(out.Payload), "no python3 in its PATH: install Python") {
		t.Errorf("%s %v", out.Payload, err)
	}
}
