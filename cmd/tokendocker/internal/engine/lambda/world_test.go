package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	life   time.Duration // of sessions; 0: for ever

	records []string // that destinations got
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
	if w.life > 0 {
		s.Ends = w.room.Clock.Now().Add(w.life)
	}
	return s, nil
}

func (w *world) Call(_ context.Context, _ *session.Session, region, service, operation string, in, _ any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, service+":"+operation+"@"+region)
	if w.noLogs {
		return protocol.Errorf("AccessDeniedException", "no")
	}
	if record, ok := in.(InvokeInput); ok {
		w.records = append(w.records, string(record.Payload))
		return nil
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
