package lambda

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// nodeFunction are the changes of request that make a Node.js function of the given files, "name: content".
func (w *world) nodeFunction(t *testing.T, handler string, files map[string]string) map[string]any {
	t.Helper()
	content := map[string][]byte{}
	for name, text := range files {
		content[name] = []byte(text)
	}
	w.zips["node.zip"] = pack(t, content)
	return map[string]any{"Runtime": "nodejs22.x", "Handler": handler, "Timeout": 10,
		"Code": map[string]any{"S3Bucket": "b", "S3Key": "node.zip"}}
}

// sdk is a folder with a client of the AWS SDK, as far as a function can import it.
func sdk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"client-made": `exports.Made = class { name() { return 'made'; } };`,
		"client-s3": `class Client { constructor() { this.config = { forcePathStyle: false }; } send() { return this.config.forcePathStyle; } }
			exports.S3Client = class extends Client {}; exports.S3 = class extends exports.S3Client {};`} {
		client := filepath.Join(dir, "node_modules", "@aws-sdk", name)
		if err := os.MkdirAll(client, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"package.json": `{"main": "index.js"}`, "index.js": text} {
			if err := os.WriteFile(filepath.Join(client, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// The case table of Node.js functions: which handlers run, and what comes of them.
func TestNodeCases(t *testing.T) {
	const (
		guide   = "Lambda Developer Guide, Define Lambda function handler in Node.js, 2026-11"
		object  = "Lambda Developer Guide, Using the Lambda context object to retrieve Node.js function information, 2026-11"
		logging = "Lambda Developer Guide, Log and monitor Node.js Lambda functions, 2026-11"
		trouble = "Lambda Developer Guide, Troubleshoot invocation issues in Lambda, 2026-11"
		style   = "Amazon S3 User Guide, Virtual hosting of general purpose buckets, 2026-11"
		ric     = "aws-lambda-nodejs-runtime-interface-client, src, 2026-11"
	)
	cases := []struct {
		name    string
		source  string // AWS page and date read
		limit   string // where the engine differs on purpose
		handler string // "index.handler" when empty
		file    string // "index.js" when empty
		code    string
		more    map[string]string
		runtime string
		want    string // substring of the payload
		failed  bool
		logged  string
	}{
		{name: "async", source: guide, code: `exports.handler = async (e) => ({ got: e.n })`, want: `{"got":1}`},
		{name: "async without result", source: guide, code: `exports.handler = async () => {}`, want: `null`},
		{name: "npm does not try again", source: "none: ours, for the CDK's functions that ask npm for the newest SDK (CDK API Reference, AwsCustomResourceProps, installLatestAwsSdk, 2026-11)",
			code: `exports.handler = async () => require('child_process').execSync('npm config get fetch-retries').toString().trim()`, want: `"0"`},
		{name: "callback", source: guide, code: `exports.handler = (e, c, cb) => { setTimeout(() => cb(null, 'done'), 5) }`, want: `"done"`},
		{name: "callback waits for the event loop", source: object, code: `let n = 0; exports.handler = (e, c, cb) => { const o = {}; cb(null, o); setTimeout(() => { o.late = 1 }, 50) }`, want: `{"late":1}`},
		{name: "callback does not wait", source: object, code: `exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); cb(null, 'now') }`, want: `"now"`},
		{name: "callback with an error", source: guide, code: `exports.handler = (e, c, cb) => cb(new TypeError('no'))`, want: `{"errorType":"TypeError","errorMessage":"no","trace":["TypeError: no"`, failed: true},
		{name: "callback in nodejs24.x", source: guide, runtime: "nodejs24.x", code: `exports.handler = (e, c, cb) => cb(null, 1)`, want: `Runtime.CallbackHandlerDeprecated`, failed: true},
		{name: "never answers", source: guide, code: `exports.handler = () => {}`, want: `null`},
		{name: "ES module", source: guide, file: "index.mjs", code: `export const handler = async () => import.meta.url.endsWith('index.mjs')`, want: `true`},
		{name: "ES module by package.json", source: guide, code: `export const handler = async () => 'esm'`, more: map[string]string{"package.json": `{"type":"module"}`}, want: `"esm"`},
		{name: "top-level await", source: guide, file: "index.mjs", code: `const n = await Promise.resolve(7); export const handler = async () => n`, want: `7`},
		{name: "CommonJS by extension", source: guide, file: "index.cjs", code: `exports.handler = async () => 'cjs'`, want: `"cjs"`},
		{name: "handler in a folder", source: guide, handler: "src/app.on.event", file: "src/app.js", code: `exports.on = { event: async () => 'nested' }`, want: `"nested"`},
		{name: "SDK in CommonJS", source: guide, code: `const { Made } = require('@aws-sdk/client-made'); exports.handler = async () => new Made().name()`, want: `"made"`},
		{name: "SDK in an ES module", source: guide, file: "index.mjs", code: `import { Made } from '@aws-sdk/client-made'; export const handler = async () => new Made().name()`, want: `"made"`},
		{name: "registry's host name", source: "Amazon ECR User Guide, Private registries, 2026-11", limit: "ECR's API is there, and nothing leads a function to the registries' own host names: one that pulls or pushes images by itself fails",
			code: `exports.handler = async () => [process.env.HTTPS_PROXY, process.env.NODE_EXTRA_CA_CERTS].every((v) => v === undefined)`, want: `true`},
		{name: "bucket with dots in its name", source: style, code: `const { S3, S3Client } = require('@aws-sdk/client-s3'); exports.handler = async () => [new S3().send(), new S3Client().send()]`, want: `[true,true]`},
		{name: "bucket with dots, ES module", source: style, file: "index.mjs", code: `import { S3Client } from '@aws-sdk/client-s3'; export const handler = async () => new S3Client().send()`, want: `true`},
		{name: "client that is not there", source: trouble, limit: "the SDK has the clients of the services that the engine has, and of others that are often called; what they call is refused by name", code: `require('@aws-sdk/client-polly')`, want: `brings client-made, client-s3; bundle others`, failed: true},
		{name: "missing module", source: trouble, code: `require('left-pad')`, want: `{"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'left-pad'`, failed: true},
		{name: "missing handler file", source: trouble, handler: "gone.handler", code: ``, want: `"errorMessage":"Error: Cannot find module 'gone'`, failed: true},
		{name: "missing export", source: trouble, code: `exports.other = 1`, want: `{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported"`, failed: true},
		{name: "handler is no function", source: ric, code: `exports.handler = 1`, want: `index.handler is not a function`, failed: true},
		{name: "handler without dot", source: ric, handler: "index", code: ``, want: `Runtime.MalformedHandlerName`, failed: true},
		{name: "syntax error", source: ric, code: `exports.handler = (`, want: `Runtime.UserCodeSyntaxError`, failed: true},
		{name: "error at load", source: ric, code: `throw new RangeError('at load')`, want: `{"errorType":"RangeError","errorMessage":"at load"`, failed: true},
		{name: "rejection", source: guide, code: `exports.handler = async () => { throw Object.assign(new Error('no'), { name: 'Mine' }) }`, want: `{"errorType":"Mine","errorMessage":"no","trace":[`, failed: true, logged: "\tERROR\tInvoke Error \t{\"errorType\":\"Mine\""},
		{name: "thrown text", source: ric, code: `exports.handler = async () => { throw 'text' }`, want: `{"errorType":"string","errorMessage":"text","trace":[]}`, failed: true},
		{name: "uncaught exception", source: ric, code: `exports.handler = (e, c, cb) => { setTimeout(() => { throw new Error('later') }, 5) }`, want: `{"errorType":"Error","errorMessage":"later"`, failed: true},
		{name: "unhandled rejection", source: ric, code: `exports.handler = async () => { Promise.reject(new Error('alone')); await new Promise((r) => setTimeout(r, 1000)) }`, want: `{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: alone"`, failed: true},
		{name: "result is no JSON", source: ric, code: `exports.handler = async () => { const o = {}; o.o = o; return o }`, want: `Unable to stringify response body`, failed: true},
		{name: "exit", source: trouble, code: `exports.handler = async () => process.exit(3)`, want: `Runtime exited with error: exit status 3`, failed: true},
		{name: "log", source: logging, code: `exports.handler = async () => { console.warn('a %d\nb', 1) }`, want: `null`, logged: "\tWARN\ta 1\rb\n"},
		{name: "context", source: object, code: `exports.handler = async (e, c) => [c.functionName, c.memoryLimitInMB, c.invokedFunctionArn, c.getRemainingTimeInMillis() > 5000, process.env.AWS_EXECUTION_ENV]`,
			want: `["f","128","arn:aws:lambda:eu-west-1:111122223333:function:f",true,"AWS_Lambda_nodejs22.x"]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1, switches.Switches{})
			w.room.SDK = sdk(t)
			if err := w.room.installNode(); err != nil {
				t.Fatal(err)
			}
			files := map[string]string{either(c.file, "index.js"): c.code}
			for name, text := range c.more {
				files[name] = text
			}
			changes := w.nodeFunction(t, either(c.handler, "index.handler"), files)
			changes["Runtime"] = either(c.runtime, "nodejs22.x")
			w.create(t, changes)
			out, err := w.invoke(t, `{"n":1}`, "")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out.Payload), c.want) || (out.FunctionError == unhandled) != c.failed {
				t.Errorf("got %.600s %q", out.Payload, out.FunctionError)
			}
			if c.logged != "" {
				eventually(t, "log "+c.logged, func() bool { return strings.Contains(w.messages(), c.logged) })
			}
		})
	}
}

func either(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Modules of this machine are out of a function's sight, though its folder lies below theirs.
func TestNodeSeesOnlyItsOwnModules(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	foreign := filepath.Join(w.dir, "node_modules", "foreign")
	if err := os.MkdirAll(foreign, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "index.js"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.create(t, w.nodeFunction(t, "index.handler", map[string]string{"index.js": `require('own'); require('foreign')`, "node_modules/own/index.js": ``}))
	out, err := w.invoke(t, `{}`, "")
	if err != nil || !strings.Contains(string(out.Payload), "Cannot find module 'foreign'") {
		t.Errorf("got %s %v", out.Payload, err)
	}
}

// A function is killed at its time-out of simulated time, and the next event has a new process.
func TestNodeTimesOut(t *testing.T) {
	w := newWorld(t, 60, switches.Switches{})
	w.create(t, w.nodeFunction(t, "index.handler", map[string]string{"index.js": `let n = 0
exports.handler = async (e) => { n++; if (e.wait) await new Promise((r) => setTimeout(r, 60000)); return n }`}))
	w.update(t, map[string]any{"Timeout": 180})
	for _, c := range []struct{ event, want string }{{`{}`, "1"}, {`{"wait":true}`, "Task timed out after 180.00 seconds"}, {`{}`, "1"}} {
		start := time.Now()
		out, err := w.invoke(t, c.event, "")
		if err != nil || !strings.Contains(string(out.Payload), c.want) {
			t.Errorf("%s: got %s %v, want %s", c.event, out.Payload, err, c.want)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v, want the three seconds that three simulated minutes take", c.event, took)
		}
		w.settle(t)
	}
}

// update changes the function, whose properties are the last ones given to create or update.
func (w *world) update(t *testing.T, changes map[string]any) {
	t.Helper()
	p := map[string]any{"Runtime": "nodejs22.x", "Handler": "index.handler", "Code": map[string]any{"S3Bucket": "b", "S3Key": "node.zip"}}
	for k, v := range changes {
		p[k] = v
	}
	r := request(p)
	r.PhysicalID = "f"
	if _, err := w.room.Resources()["AWS::Lambda::Function"].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// settle waits until no environment is at work.
func (w *world) settle(t *testing.T) {
	t.Helper()
	eventually(t, "idle", func() bool {
		w.room.mu.Lock()
		defer w.room.mu.Unlock()
		return w.room.running["eu-west-1/f/$LATEST"] == 0
	})
}

// A failing event is tried three times, each with the id of the first.
func TestNodeEventsAreTriedThreeTimes(t *testing.T) {
	w := newWorld(t, 240, switches.Switches{})
	marks := filepath.Join(t.TempDir(), "marks")
	w.create(t, w.nodeFunction(t, "index.handler", map[string]string{"index.js": `exports.handler = async (e, c) => {
  require('fs').appendFileSync(e.marks, c.awsRequestId + '\n'); throw new Error('again') }`}))
	out, err := w.invoke(t, `{"marks":"`+marks+`"}`, "Event")
	if err != nil || out.StatusCode != http.StatusAccepted {
		t.Fatal(out, err)
	}
	eventually(t, "third try", func() bool {
		b, _ := os.ReadFile(marks)
		return string(b) == strings.Repeat(out.RequestID+"\n", 3)
	})
}

// Inline code answers CloudFormation by its own module, which sends to port 443 of the response URL's host.
func TestInlineNodeAnswersCloudFormation(t *testing.T) {
	got := make(chan *http.Request, 1)
	var body map[string]any
	door := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&body) //nolint:errcheck // an empty body fails below
		got <- r
	}))
	defer door.Close()
	w := newWorld(t, 1, switches.Switches{})
	w.room.Endpoint = door.URL
	w.create(t, map[string]any{"Runtime": "nodejs20.x", "Handler": "index.handler", "Code": map[string]any{"ZipFile": `const r = require('cfn-response');
exports.handler = (event, context) => { r.send(event, context, r.SUCCESS, { Answer: 42 }, 'mine'); };`}})
	out, err := w.invoke(t, `{"ResponseURL":"`+door.URL+`/bucket/key?sign=1","StackId":"S","RequestId":"R","LogicalResourceId":"L"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	var r *http.Request
	select {
	case r = <-got:
	default:
		t.Fatalf("nothing was sent; the function answered %s and logged\n%s", out.Payload, w.messages())
	}
	if r.Method != http.MethodPut || r.URL.String() != "/bucket/key?sign=1" || r.Host != strings.TrimPrefix(door.URL, "http://") {
		t.Errorf("sent %s %s to %s", r.Method, r.URL, r.Host)
	}
	if body["Status"] != "SUCCESS" || body["PhysicalResourceId"] != "mine" || body["RequestId"] != "R" {
		t.Errorf("sent %v", body)
	}
}

// What cannot run here says so in one sentence.
func TestRuntimesThatDoNotRun(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, map[string]any{"Runtime": "java21", "Handler": "index.handler"})
	for _, kind := range []string{"", "Event"} {
		_, err := w.invoke(t, `{}`, kind)
		if !protocol.HasCode(err, "InvalidRuntimeException") || !strings.Contains(err.Error(), "Function f has runtime java21, which this engine deploys and does not run: it runs provided.* runtimes, nodejs18.x to nodejs24.x and python3.*.") {
			t.Errorf("%q: %v", kind, err)
		}
	}
	w.update(t, map[string]any{"Code": map[string]any{"ZipFile": "exports.handler = async () => 1"}})
	t.Setenv("PATH", "")
	out, err := w.invoke(t, `{}`, "")
	if err != nil || !strings.Contains(string(out.Payload), "this machine has no node in its PATH: install Node.js") {
		t.Errorf("got %v %v", out, err)
	}
}
