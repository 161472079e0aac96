package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

var bootstraps struct {
	sync.Mutex
	zips map[string][]byte
}

// bootstrapZip compiles testdata/bootstrap for an architecture and packs it as a deployment package.
func bootstrapZip(t *testing.T, goarch string) []byte {
	t.Helper()
	bootstraps.Lock()
	defer bootstraps.Unlock()
	if z, ok := bootstraps.zips[goarch]; ok {
		return z
	}
	out := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-o", out, "./testdata/bootstrap")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build bootstrap: %v\n%s", err, b)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	z := pack(t, map[string][]byte{"bootstrap": program})
	if bootstraps.zips == nil {
		bootstraps.zips = map[string][]byte{}
	}
	bootstraps.zips[goarch] = z
	return z
}

func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Store}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// world is everything around the room.
type world struct {
	room *Room
	dir  string

	mu     sync.Mutex
	zips   map[string][]byte
	calls  []string // logs calls
	log    []string // messages put
	noLogs bool
	refuse bool
}

func newWorld(t *testing.T, factor float64, sw switches.Switches) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), zips: map[string][]byte{"code.zip": bootstrapZip(t, runtime.GOARCH)}}
	store, err := state.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.room, err = New(Options{Store: store, Clock: clock.New(factor), Switches: &sw, Caller: w, Roles: w, Code: w,
		Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.room.Close()
		store.Close()
	})
	return w
}

func (w *world) Code(_, key string) ([]byte, error) {
	if z, ok := w.zips[key]; ok {
		return z, nil
	}
	return nil, &protocol.Error{Code: "NoSuchKey", Message: "The specified key does not exist.", Status: 404}
}

func (w *world) AssumeAsService(_ context.Context, role, service, name string, cause session.Cause) (*session.Session, error) {
	if w.refuse || service != "lambda.amazonaws.com" {
		return nil, errors.New("refused")
	}
	s := &session.Session{AccessKeyID: "ASIATEST", SecretKey: "secret", Token: "token", RoleARN: role, ARN: role + "/" + name}
	s.SetCause(cause)
	return s, nil
}

func (w *world) Call(_ context.Context, _ *session.Session, region, service, operation string, in, _ any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, service+":"+operation+"@"+region)
	if w.noLogs {
		return protocol.Errorf("AccessDeniedException", "no")
	}
	m := in.(map[string]any)
	switch operation {
	case "CreateLogStream":
		for _, c := range w.calls {
			if strings.HasPrefix(c, "logs:CreateLogGroup") {
				return nil
			}
		}
		return protocol.Errorf("ResourceNotFoundException", "no group")
	case "PutLogEvents":
		for _, e := range m["logEvents"].([]logEvent) {
			w.log = append(w.log, e.Message)
		}
	}
	return nil
}

func (w *world) Allow(context.Context, *session.Session, string, protocol.Need) error { return nil }

var stack = resource.Stack{ID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/S/1", Name: "S",
	Account: "111122223333", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com"}

// request is a Create of the test function with some properties changed.
func request(changes map[string]any) resource.Request {
	p := map[string]any{"Role": "arn:aws:iam::111122223333:role/R", "Runtime": "provided.al2023", "Handler": "bootstrap",
		"FunctionName": "f", "Timeout": "10", "Code": map[string]any{"S3Bucket": "b", "S3Key": "code.zip"},
		"Architectures": []any{hostArchitecture()}}
	for k, v := range changes {
		p[k] = v
	}
	return resource.Request{Stack: stack, Type: "AWS::Lambda::Function", LogicalID: "Fn", Properties: p}
}

func (w *world) create(t *testing.T, changes map[string]any) {
	t.Helper()
	if _, err := w.room.Resources()["AWS::Lambda::Function"].Create(t.Context(), request(changes)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) invoke(t *testing.T, payload, kind string) (*InvokeOutput, error) {
	t.Helper()
	body, err := json.Marshal(InvokeInput{FunctionName: "f", InvocationType: kind, Payload: json.RawMessage(payload)})
	if err != nil {
		t.Fatal(err)
	}
	caller := &session.Session{}
	caller.SetCause(session.Cause{Execution: "exec"})
	out, err := w.room.Serve(t.Context(), &protocol.Call{Service: "lambda", Operation: "Invoke", Partition: "aws",
		Region: "eu-west-1", Account: "111122223333", Session: caller, Body: body})
	o, _ := out.(*InvokeOutput)
	return o, err
}

func (w *world) messages() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.log, "")
}

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("never: " + what)
}

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
		{name: "node", source: "Lambda Developer Guide, Lambda runtimes, 2026-11", limit: "nodejs and python functions are deployed and not run",
			props: map[string]any{"Runtime": "nodejs20.x", "Handler": "index.handler", "Code": map[string]any{"ZipFile": "x"}},
			event: `{}`, errCode: "InvalidRuntimeException"},
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
	}
	changes := map[string]map[string]any{
		"missing object":      {"Code": map[string]any{"S3Bucket": "b", "S3Key": "none"}},
		"not a zip":           {"Code": map[string]any{"S3Bucket": "b", "S3Key": "bad.zip"}},
		"reserved variable":   environment1("AWS_REGION", "x"),
		"time-out":            {"Timeout": "901"},
		"inline for provided": {"Code": map[string]any{"ZipFile": "x"}},
		"no handler":          {"Handler": nil},
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

func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("SECRET_OF_THE_HOST", "x")
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, environment1("MINE", "1"))
	out, err := w.invoke(t, `{"Do":"env"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(out.Payload, &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	for name, want := range map[string]string{"MINE": "1", "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f", "AWS_REGION": "eu-west-1",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "ASIATEST", "_HANDLER": "bootstrap", "TZ": ":UTC"} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"SECRET_OF_THE_HOST", "GOPATH", "AWS_EXECUTION_ENV"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s = %q is in the environment", name, v)
		}
	}
	if _, err := os.Stat(filepath.Join(got["LAMBDA_TASK_ROOT"], "bootstrap")); err != nil {
		t.Error(err)
	}
}

func TestHeadersAndScaledDeadline(t *testing.T) {
	w := newWorld(t, 60, switches.Switches{})
	w.create(t, map[string]any{"Timeout": 600})
	before := time.Now()
	out, err := w.invoke(t, `{"Do":"headers"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	var h map[string][]string
	if err := json.Unmarshal(out.Payload, &h); err != nil {
		t.Fatal(err)
	}
	var ms int64
	fmt.Sscan(h["Lambda-Runtime-Deadline-Ms"][0], &ms)
	if left := time.UnixMilli(ms).Sub(before); left < 9*time.Second || left > 15*time.Second {
		t.Errorf("deadline is %v away, want the ten seconds that 600 simulated ones take", left)
	}
	if got := h["Lambda-Runtime-Invoked-Function-Arn"][0]; got != "arn:aws:lambda:eu-west-1:111122223333:function:f" {
		t.Errorf("invoked ARN %q", got)
	}
	if !strings.HasPrefix(h["Lambda-Runtime-Trace-Id"][0], "Root=1-") {
		t.Errorf("trace id %q", h["Lambda-Runtime-Trace-Id"])
	}
}

func TestEnvironmentsAreReusedAndScaled(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, nil)
	for want := 1; want <= 3; want++ {
		out, err := w.invoke(t, `{"Do":"count"}`, "")
		if err != nil || string(out.Payload) != fmt.Sprint(want) {
			t.Fatalf("invocation %d: %v %v", want, out, err)
		}
		eventually(t, "idle", func() bool {
			w.room.mu.Lock()
			defer w.room.mu.Unlock()
			return len(w.room.idle["eu-west-1/f/$LATEST"]) == 1
		})
	}
	var all sync.WaitGroup
	start := time.Now()
	for range 4 {
		all.Go(func() {
			if _, err := w.invoke(t, `{"Do":"sleep","Count":300}`, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); took > 1000*time.Millisecond {
		t.Errorf("four at once took %v", took)
	}
	// A change ends the environments of before.
	if _, err := w.room.Resources()["AWS::Lambda::Function"].Update(t.Context(), func() resource.Request {
		r := request(environment1("NEW", "1"))
		r.PhysicalID = "f"
		return r
	}()); err != nil {
		t.Fatal(err)
	}
	if out, err := w.invoke(t, `{"Do":"count"}`, ""); err != nil || string(out.Payload) != "1" {
		t.Errorf("after the update: %v %v", out, err)
	}
}

func TestEventsAreTriedThreeTimes(t *testing.T) {
	w := newWorld(t, 120, switches.Switches{}) // a minute in half a second
	w.create(t, nil)
	marks := filepath.Join(t.TempDir(), "marks")
	start := w.room.Clock.Now()
	out, err := w.invoke(t, fmt.Sprintf(`{"Do":"append","Text":%q}`, marks), "Event")
	if err != nil || out.StatusCode != 202 {
		t.Fatalf("%v %v", out, err)
	}
	lines := func() []string {
		b, _ := os.ReadFile(marks)
		return strings.Fields(string(b))
	}
	eventually(t, "third try", func() bool { return len(lines()) == 3 })
	if took := w.room.Clock.Since(start); took < 3*time.Minute {
		t.Errorf("the third try came after %v, want one and two minutes of pause", took)
	}
	time.Sleep(w.room.Clock.Real(4 * time.Minute))
	got := lines()
	if len(got) != 3 || got[0] != got[1] || got[0] != got[2] || got[0] != out.RequestID {
		t.Errorf("tries %v, want three with the id %s", got, out.RequestID)
	}
}

func TestDuplicateEventsAndKilledInvocations(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{DuplicateEvents: true})
	w.create(t, nil)
	marks := filepath.Join(t.TempDir(), "marks")
	if _, err := w.invoke(t, fmt.Sprintf(`{"Do":"append","Text":%q}`, marks), "Event"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two deliveries", func() bool {
		b, _ := os.ReadFile(marks)
		return len(strings.Fields(string(b))) == 2
	})

	w = newWorld(t, 1, switches.Switches{KillInvocations: 1})
	w.create(t, nil)
	out, err := w.invoke(t, `{}`, "")
	if err != nil || !strings.Contains(string(out.Payload), "signal: killed") {
		t.Errorf("first: %s %v", out.Payload, err)
	}
	if out, err = w.invoke(t, `{}`, ""); err != nil || out.FunctionError != "" {
		t.Errorf("second: %s %v", out.Payload, err)
	}
}

func TestNothingIsLeft(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, nil)
	out, err := w.invoke(t, `{"Do":"spawn"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	child := "/proc/" + string(out.Payload)
	if _, err := os.Stat(child); err != nil {
		t.Fatalf("the child is not there: %v", err)
	}
	if _, err := w.invoke(t, `{"Do":"sleep","Count":60000}`, "Event"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	if err := w.room.Close(); err != nil || time.Since(start) > 5*time.Second {
		t.Fatalf("close: %v after %v", err, time.Since(start))
	}
	eventually(t, "death of the child", func() bool {
		b, err := os.ReadFile(child + "/stat")
		return err != nil || strings.Contains(string(b), ") Z ")
	})
	left, _ := os.ReadDir(filepath.Join(w.dir, "lambda", "environments"))
	if len(left) != 0 {
		t.Errorf("left in the state folder: %v", left)
	}
	if _, err := w.invoke(t, `{}`, ""); err == nil {
		t.Error("a closed room invokes")
	}
}

func TestLogsNeedTheRole(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, nil)
	if _, err := w.invoke(t, `{"Do":"print","Text":"hello"}`, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "log", func() bool { return strings.Contains(w.messages(), "REPORT") })
	got := w.messages()
	for _, want := range []string{"START RequestId: ", "hello\n", "to stderr\n", "END RequestId: ", "Init Duration: "} {
		if !strings.Contains(got, want) {
			t.Errorf("log lacks %q:\n%s", want, got)
		}
	}
	w.mu.Lock()
	calls := strings.Join(w.calls[:4], " ")
	w.mu.Unlock()
	if want := "logs:CreateLogStream@eu-west-1 logs:CreateLogGroup@eu-west-1 logs:CreateLogStream@eu-west-1 logs:PutLogEvents@eu-west-1"; calls != want {
		t.Errorf("calls %s", calls)
	}

	w = newWorld(t, 1, switches.Switches{})
	w.noLogs = true
	w.create(t, nil)
	if out, err := w.invoke(t, `{"Do":"print","Text":"hello"}`, ""); err != nil || out.FunctionError != "" {
		t.Errorf("without the right to log: %v %v", out, err)
	}
}

func TestForeignProcessor(t *testing.T) {
	goarch, name := "arm64", "arm64"
	if runtime.GOARCH == "arm64" {
		goarch, name = "amd64", "x86_64"
	}
	foreign := bootstrapZip(t, goarch)
	w := newWorld(t, 1, switches.Switches{})
	w.zips["code.zip"] = foreign
	w.room.Qemu = filepath.Join(w.dir, "none")
	w.create(t, map[string]any{"Architectures": []any{name}})
	out, err := w.invoke(t, `{}`, "")
	if err != nil || out.FunctionError == "" {
		t.Fatalf("without an emulator: %v %v", out, err)
	}
	f, _, _ := w.room.functions.Get("eu-west-1/f/$LATEST")
	native := filepath.Join(t.TempDir(), "native")
	zr, err := zip.NewReader(bytes.NewReader(bootstrapZip(t, runtime.GOARCH)), int64(len(bootstrapZip(t, runtime.GOARCH))))
	if err != nil {
		t.Fatal(err)
	}
	in, _ := zr.File[0].Open()
	var b bytes.Buffer
	b.ReadFrom(in)
	os.WriteFile(native, b.Bytes(), 0o755)
	w.room.Builds = map[string]string{f.CodeSHA256: native}
	if out, err := w.invoke(t, `{"x":1}`, ""); err != nil || string(out.Payload) != `{"x":1}` {
		t.Errorf("with a host build: %v %v", out, err)
	}
	qemu, err := exec.LookPath("qemu-" + machineName(name) + "-static")
	if err != nil {
		t.Skip("no qemu-user-static on this machine")
	}
	w.room.Builds, w.room.Qemu = nil, qemu
	w.room.dropAll(f.key())
	if out, err := w.invoke(t, `{"x":2}`, ""); err != nil || string(out.Payload) != `{"x":2}` {
		t.Errorf("under qemu: %v %v", out, err)
	}
}

func TestHostileZipStaysInside(t *testing.T) {
	dir := t.TempDir()
	err := unzipInto(filepath.Join(dir, "code", "x"), pack(t, map[string][]byte{"../../escaped": []byte("x")}))
	if err == nil {
		t.Error("a name outside was unpacked")
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); err == nil {
		t.Error("a file escaped")
	}
	left, _ := os.ReadDir(filepath.Join(dir, "code"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
