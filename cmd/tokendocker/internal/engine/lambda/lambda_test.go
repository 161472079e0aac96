package lambda

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

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

// TestEnvironmentsEndWithTheirCredentials: an environment whose credentials would end within an invocation is not used
// again, and no invocation outlives them.
func TestEnvironmentsEndWithTheirCredentials(t *testing.T) {
	w := newWorld(t, 60, switches.Switches{})
	w.life = 10 * time.Second
	w.create(t, nil)
	count := func(want string) {
		t.Helper()
		out, err := w.invoke(t, `{"Do":"count"}`, "")
		if err != nil || string(out.Payload) != want {
			t.Fatalf("%v %v, want %s", out, err, want)
		}
		eventually(t, "idle", func() bool {
			w.room.mu.Lock()
			defer w.room.mu.Unlock()
			return len(w.room.idle["eu-west-1/f/$LATEST"]) == 1
		})
	}
	count("1")
	count("2")
	w.room.mu.Lock()
	e := w.room.idle["eu-west-1/f/$LATEST"][0]
	w.room.mu.Unlock()
	longest := w.room.longest(e.fn)
	if left := e.session.Ends.Sub(w.room.Clock.Now()); left < longest {
		t.Errorf("credentials for %s, an invocation may take %s", left, longest)
	}
	e.session.Ends = w.room.Clock.Now().Add(longest / 2)
	count("1")
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

	w = newWorld(t, 1, switches.Switches{KillInvocations: switches.Span{From: 1, To: 1}})
	w.create(t, nil)
	out, err := w.invoke(t, `{}`, "")
	if err != nil || !strings.Contains(string(out.Payload), "signal: killed") {
		t.Errorf("first: %s %v", out.Payload, err)
	}
	if out, err = w.invoke(t, `{}`, ""); err != nil || out.FunctionError != "" {
		t.Errorf("second: %s %v", out.Payload, err)
	}
}

// Source: AWS Lambda Developer Guide, "Configure Lambda function timeout".
func TestHungInvocation(t *testing.T) {
	w := newWorld(t, 60, switches.Switches{HangInvocations: switches.Span{From: 2, To: 2}}) // a minute in a second
	w.create(t, nil)
	for n := range 3 {
		out, err := w.invoke(t, `{}`, "")
		if err != nil || (out.FunctionError != "") != (n == 1) || n == 1 && !strings.Contains(string(out.Payload), "Task timed out after") {
			t.Errorf("invocation %d: %s %v", n+1, out.Payload, err)
		}
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

// TestDeletedFunctionLeavesNoNames: what belongs to a function goes with it, so that another one of the name begins anew.
// Source: AWS Lambda API Reference, "DeleteFunction", 2026-11.
func TestDeletedFunctionLeavesNoNames(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	types := w.room.Resources()
	named := func(properties map[string]any) resource.Request {
		properties["FunctionName"] = "f"
		return resource.Request{Stack: stack, Properties: properties}
	}
	w.create(t, nil)
	for kind, properties := range map[string]map[string]any{
		"AWS::Lambda::Alias":             {"Name": "live", "FunctionVersion": latest},
		"AWS::Lambda::EventInvokeConfig": {"Qualifier": latest, "MaximumRetryAttempts": 0},
		"AWS::Lambda::Permission":        {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
	} {
		if _, err := types[kind].Create(t.Context(), named(properties)); err != nil {
			t.Fatal(kind, err)
		}
	}
	gone := request(nil)
	gone.PhysicalID = "f"
	if err := types["AWS::Lambda::Function"].Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	w.create(t, nil)
	if _, found, err := w.room.aliases.Get(aliasKey(stack.Region, "f", "live")); found || err != nil {
		t.Errorf("the alias of the deleted function leads to the new one: %v", err)
	}
	if policy, err := w.room.policy("arn:aws:lambda:eu-west-1:111122223333:function:f"); policy != "" || err != nil {
		t.Errorf("who might invoke the deleted function may invoke the new one: %s, %v", policy, err)
	}
	if attempts, _ := w.room.retryRule(stack.Region, "f", latest); attempts != 2 {
		t.Errorf("events of the new function are tried %d times again", attempts)
	}
}

// TestVersionOfTheSame: what has not changed since the last version cannot be published by a stack again; what belongs to
// all versions together is no change. Source: serverless/serverless#8392 and #7822.
func TestVersionOfTheSame(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	types := w.room.Resources()
	version := func() (string, error) {
		made, err := types["AWS::Lambda::Version"].Create(t.Context(), resource.Request{Stack: stack, Properties: map[string]any{"FunctionName": "f"}})
		return made.PhysicalID, err
	}
	update := func(changes map[string]any) {
		changed := request(changes)
		changed.PhysicalID = "f"
		if _, err := types["AWS::Lambda::Function"].Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
	}
	w.create(t, nil)
	if arn, err := version(); err != nil || !strings.HasSuffix(arn, ":f:1") {
		t.Fatal(arn, err)
	}
	update(map[string]any{"ReservedConcurrentExecutions": 2})
	if _, err := version(); err == nil || err.Error() != "A version for this Lambda function exists ( 1 ). Modify the function to create a new version." {
		t.Errorf("the same again: %v", err)
	}
	update(map[string]any{"MemorySize": 512})
	if arn, err := version(); err != nil || !strings.HasSuffix(arn, ":f:2") {
		t.Error(arn, err)
	}
	if err := types["AWS::Lambda::Version"].Delete(t.Context(), resource.Request{Stack: stack, PhysicalID: "arn:aws:lambda:eu-west-1:111122223333:function:f:2"}); err != nil {
		t.Fatal(err)
	}
	if arn, err := version(); err != nil || !strings.HasSuffix(arn, ":f:3") {
		t.Errorf("after the last version was deleted: %s, %v", arn, err)
	}
}

// TestAliasNames: an alias is no number, which would be a version. Source: AWS Lambda API Reference, CreateAlias, 2026-11.
func TestAliasNames(t *testing.T) {
	w := newWorld(t, 1, switches.Switches{})
	w.create(t, nil)
	for name, ok := range map[string]bool{"live": true, "1live": true, "a-b_c": true, "-": true, "": false, "17": false, "a/b": false, "a b": false, strings.Repeat("a", 129): false} {
		_, err := w.room.Resources()["AWS::Lambda::Alias"].Create(t.Context(), resource.Request{Stack: stack,
			Properties: map[string]any{"FunctionName": "f", "Name": name, "FunctionVersion": latest}})
		if (err == nil) != ok {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}
