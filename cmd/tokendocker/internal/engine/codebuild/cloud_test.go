package codebuild_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

const roleARN = "arn:aws:iam::123456789012:role/Builder"

// cloud is what CodeBuild uses of the rest of AWS, small enough to read at once.
type cloud struct {
	mu      sync.Mutex
	denied  []string // actions
	groups  map[string]bool
	streams map[string][]string // messages by group and stream
	batches int
	objects map[string][]byte // by bucket/key
	causes  []session.Cause

	unreachable []string // services that no network leads to
	missing     string   // a part of the network that is not there
	attached    []string // network interfaces

	life     time.Duration               // of sessions; 0: for ever
	now      func() time.Time            // with life
	sessions map[string]*session.Session // by key
}

func newCloud() *cloud {
	return &cloud{groups: map[string]bool{}, streams: map[string][]string{}, objects: map[string][]byte{}, sessions: map[string]*session.Session{}}
}

func (c *cloud) Allow(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	if slices.Contains(c.denied, need.Action) {
		return protocol.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s",
			as.ARN, need.Action, need.Resources[0])
	}
	return nil
}

func (c *cloud) Call(ctx context.Context, as *session.Session, region, service, operation string, in, out any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var q struct {
		LogGroupName, LogStreamName string
		LogEvents                   []struct{ Message string }
		Names                       []string
		SecretID                    string `json:"SecretId"`
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return err
	}
	if err := c.Allow(ctx, as, region, protocol.Need{Action: service + ":" + operation, Resources: []string{"some:arn"}}); err != nil {
		return err
	}
	key := q.LogGroupName + " " + q.LogStreamName
	var answer any
	switch operation {
	case "CreateLogGroup":
		c.groups[q.LogGroupName] = true
	case "CreateLogStream":
		if !c.groups[q.LogGroupName] {
			return protocol.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
		}
		c.streams[key] = []string{}
	case "PutLogEvents":
		c.batches++
		for _, e := range q.LogEvents {
			c.streams[key] = append(c.streams[key], e.Message)
		}
	case "GetParameters":
		name, version, selected := strings.Cut(q.Names[0], ":")
		parameter := map[string]string{"Name": name, "Value": "parameter value"}
		if selected {
			parameter["Selector"] = ":" + version
		}
		answer = map[string]any{"Parameters": []map[string]string{parameter}}
	case "GetSecretValue":
		if q.SecretID == "absent" {
			return protocol.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		}
		answer = map[string]any{"SecretString": `{"key":"hush\nsecond line","n":7,"big":12345678901234567890,"none":null}`}
	}
	if out == nil || answer == nil {
		return nil
	}
	raw, err = json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (c *cloud) AssumeAsService(_ context.Context, role, service, name string, cause session.Cause) (*session.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.denied, "sts:AssumeRole") || service != "codebuild.amazonaws.com" {
		return nil, protocol.Errorf("AccessDenied", "not authorized to perform: sts:AssumeRole")
	}
	c.causes = append(c.causes, cause)
	s := &session.Session{ARN: "arn:aws:sts::123456789012:assumed-role/Builder/" + name, RoleARN: role,
		AccessKeyID: "ASIAKEY", SecretKey: "secretkey", Token: "token"}
	s.SetCause(cause)
	if c.life > 0 {
		s.Ends, s.AccessKeyID = c.now().Add(c.life), "ASIAKEY"+strconv.Itoa(len(c.sessions))
	}
	c.sessions[s.AccessKeyID] = s
	return s, nil
}

func (c *cloud) Open(_ context.Context, bucket, key, _ string) (io.ReadCloser, error) {
	content, ok := c.objects[bucket+"/"+key]
	if !ok {
		return nil, protocol.Errorf("NoSuchKey", "The specified key does not exist.")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (c *cloud) List(_ context.Context, bucket, prefix string) ([]string, error) {
	var keys []string
	for name := range c.objects {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}

func (c *cloud) Put(bucket, key, _ string, body io.Reader) error {
	content, err := io.ReadAll(body)
	if bucket == "nowhere" {
		return protocol.Errorf("NoSuchBucket", "The specified bucket does not exist")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[bucket+"/"+key] = content
	return err
}

// The cloud's network has whatever is asked for.

func (c *cloud) Check(_, vpc string, subnets, groups []string) error {
	if slices.Contains(slices.Concat([]string{vpc}, subnets, groups), c.missing) {
		return protocol.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", c.missing)
	}
	return nil
}

func (c *cloud) Attach(_, subnet string, _ []string, _ string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if subnet == c.missing {
		return "", protocol.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", subnet)
	}
	c.attached = append(c.attached, "eni-"+subnet)
	return "eni-" + subnet, nil
}

func (c *cloud) Detach(_, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attached = slices.DeleteFunc(c.attached, func(have string) bool { return have == id })
	return nil
}

func (c *cloud) Unreachable(_, _ string, _, services []string) []string {
	return slices.DeleteFunc(slices.Clone(services), func(s string) bool { return !slices.Contains(c.unreachable, s) })
}

// interfaces are those that no build has given back.
func (c *cloud) interfaces() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.attached)
}

// log returns what stands in the build's log.
func (c *cloud) log(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, messages := range c.streams {
		if _, uuid, _ := strings.Cut(id, ":"); strings.HasSuffix(key, uuid) {
			return strings.Join(messages, "")
		}
	}
	return ""
}

// host is a build container that is this machine.
type host struct {
	mu      sync.Mutex
	process *os.Process
	gone    bool
	removed bool
	runs    []sandbox.Run
}

func (h *host) Exec(ctx context.Context, spec sandbox.ExecSpec) (int, error) {
	h.mu.Lock()
	if h.gone {
		h.mu.Unlock()
		return -1, sandbox.ErrGone
	}
	cmd := exec.Command(spec.Argv[0], spec.Argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, spec.Env...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = spec.Dir, spec.Stdin, spec.Stdout, spec.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err := cmd.Start()
	h.process = cmd.Process
	h.mu.Unlock()
	if err != nil {
		return -1, err
	}
	stop := context.AfterFunc(ctx, h.kill)
	defer stop()
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return -1, context.Cause(ctx)
	case h.lost():
		return -1, sandbox.ErrGone
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, err
}

func (h *host) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	if h.process != nil {
		syscall.Kill(-h.process.Pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
	}
}

func (h *host) lost() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

func (h *host) CopyIn(ctx context.Context, archive io.Reader, dir string) error {
	code, err := h.Exec(ctx, sandbox.ExecSpec{Argv: []string{"tar", "-x", "-C", dir}, Stdin: archive})
	if err == nil && code != 0 {
		err = errors.New("tar failed")
	}
	return err
}

func (h *host) Buildx(context.Context) ([]sandbox.Run, error) { return h.runs, nil }

func (h *host) Remove(context.Context) error {
	h.kill()
	h.removed = true
	return nil
}

// world is CodeBuild on this machine.
type world struct {
	t        *testing.T
	cloud    *cloud
	room     *codebuild.Room
	switches *switches.Switches
	state    *state.Store
	clock    *clock.Clock
	mu       sync.Mutex
	hosts    []*host
	ended    []string
}

func newWorld(t *testing.T, factor float64) *world {
	t.Helper()
	w := &world{t: t, cloud: newCloud(), switches: &switches.Switches{}, clock: clock.New(factor)}
	var err error
	if w.state, err = state.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.open(t.TempDir())
	t.Cleanup(func() {
		w.room.Close()  //nolint:errcheck // never fails
		w.state.Close() //nolint:errcheck // the folder goes away
	})
	return w
}

func (w *world) open(home string) {
	w.t.Helper()
	var err error
	w.room, err = codebuild.New(codebuild.Options{
		State: w.state, Clock: w.clock, Switches: w.switches, Caller: w.cloud, Roles: w.cloud, Objects: w.cloud, Network: w.cloud,
		Home: home,
		NewContainer: func(context.Context, sandbox.ContainerSpec) (codebuild.Container, error) {
			h := &host{runs: []sandbox.Run{{Command: "build", Start: time.Unix(100, 0), End: time.Unix(103, 0)}}}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.hosts = append(w.hosts, h)
			return h, nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.room.OnEnded(func(id, status string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, id+" "+status)
	})
}

func stack() resource.Stack {
	return resource.Stack{ID: "arn:aws:cloudformation:us-east-1:123456789012:stack/App/1", Name: "App",
		Account: "123456789012", Region: "us-east-1", Partition: "aws", URLSuffix: "amazonaws.com"}
}

// properties are a project's, with changes.
func properties(changes map[string]any) map[string]any {
	p := map[string]any{
		"Name": "app", "ServiceRole": roleARN,
		"Source":      map[string]any{"Type": "NO_SOURCE", "BuildSpec": "version: 0.2\nphases: {build: {commands: [echo placeholder]}}\n"},
		"Artifacts":   map[string]any{"Type": "NO_ARTIFACTS"},
		"Environment": map[string]any{"Type": "LINUX_CONTAINER", "Image": "aws/codebuild/standard:7.0", "ComputeType": "BUILD_GENERAL1_SMALL", "PrivilegedMode": "true"},
	}
	for k, v := range changes {
		p[k] = v
	}
	return p
}

func (w *world) project(changes map[string]any) {
	w.t.Helper()
	_, err := w.room.Resources()["AWS::CodeBuild::Project"].Create(w.t.Context(), resource.Request{
		Stack: stack(), Type: "AWS::CodeBuild::Project", LogicalID: "Project", Properties: properties(changes),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func caller() *session.Session {
	s := &session.Session{ARN: "arn:aws:sts::123456789012:assumed-role/Machine/exec", RoleARN: "arn:aws:iam::123456789012:role/Machine"}
	s.SetCause(session.Cause{Execution: "arn:exec", Request: session.Request{ID: "r1"}})
	return s
}

func (w *world) call(operation string, in any) (map[string]any, error) {
	w.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	call := &protocol.Call{Service: "codebuild", Operation: operation, Partition: "aws", Region: "us-east-1",
		Account: "123456789012", Session: caller(), Body: raw}
	if _, err := w.room.Needs(w.t.Context(), call); err != nil {
		return nil, err
	}
	answer, err := w.room.Serve(w.t.Context(), call)
	if err != nil {
		return nil, err
	}
	raw, err = json.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		w.t.Fatal(err)
	}
	return out, nil
}

// start starts a build and returns its id.
func (w *world) start(in map[string]any) string {
	w.t.Helper()
	in["projectName"] = "app"
	out, err := w.call("StartBuild", in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out["build"].(map[string]any)["id"].(string)
}

type phaseAnswer struct {
	PhaseType, PhaseStatus string
	Contexts               []struct{ StatusCode, Message string }
}

type buildAnswer struct {
	ID, BuildStatus, CurrentPhase string
	BuildNumber                   int
	BuildComplete                 bool
	StartTime, EndTime            float64
	Phases                        []phaseAnswer
	Logs                          struct{ GroupName, StreamName string }
	ExportedEnvironmentVariables  []struct{ Name, Value string }
}

func (w *world) get(id string) buildAnswer {
	w.t.Helper()
	out, err := w.call("BatchGetBuilds", map[string]any{"ids": []string{id}})
	if err != nil {
		w.t.Fatal(err)
	}
	raw, _ := json.Marshal(out["builds"])
	var builds []buildAnswer
	if err := json.Unmarshal(raw, &builds); err != nil || len(builds) != 1 {
		w.t.Fatalf("%v: %s", err, raw)
	}
	return builds[0]
}

// end waits for a build's end.
func (w *world) end(id string) buildAnswer {
	w.t.Helper()
	return w.endWithin(id, 20*time.Second)
}

func (w *world) endWithin(id string, limit time.Duration) buildAnswer {
	w.t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b := w.get(id); b.BuildComplete {
			return b
		}
	}
	w.t.Fatalf("build %s does not end; log:\n%s", id, w.cloud.log(id))
	return buildAnswer{}
}

// phase returns one phase of a build.
func (b buildAnswer) phase(name string) phaseAnswer {
	for _, p := range b.Phases {
		if p.PhaseType == name {
			return p
		}
	}
	return phaseAnswer{}
}

func (p phaseAnswer) context() string {
	if len(p.Contexts) == 0 {
		return ""
	}
	return p.Contexts[0].StatusCode + ": " + p.Contexts[0].Message
}

func archive(t *testing.T, files map[string]fs.FileMode) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, mode := range files {
		h := &zip.FileHeader{Name: name}
		h.SetMode(mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		text := "#!/bin/sh\necho from " + name + "\n"
		if mode&fs.ModeSymlink != 0 {
			text = "dir/run.sh"
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
