package cloudformation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

const function = "arn:aws:lambda:us-east-1:123456789012:function:maker"

// world is a CloudFormation service among fakes.
type world struct {
	*cloudformation.Service
	t      *testing.T
	dir    string
	store  *state.Store
	server *httptest.Server
	things *things
	ssm    map[string]string
	urls   map[string]string            // templates in S3
	set    map[string]map[string]string // overrides of the next deployments

	mu      sync.Mutex
	boxes   map[string]chan []byte
	handler func(event map[string]any) []byte // the function behind custom resources; nil answer: none
	sent    []map[string]any
	causes  []session.Cause
	events  []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), things: newThings(), ssm: map[string]string{}, urls: map[string]string{}, boxes: map[string]chan []byte{}}
	w.server = httptest.NewServer(http.HandlerFunc(w.put))
	t.Cleanup(w.server.Close)
	w.open()
	t.Cleanup(func() { _ = w.store.Close() })
	return w
}

// open opens the state, as a new process would.
func (w *world) open() {
	w.t.Helper()
	var err error
	if w.store, err = state.Open(w.dir); err != nil {
		w.t.Fatal(err)
	}
	w.Service, err = cloudformation.New(cloudformation.Options{Store: w.store, Clock: clock.New(60), Account: "123456789012", Region: "us-east-1",
		Providers: map[string]resource.Provider{"Test::Thing::Plain": w.things, "Test::Thing::Fixed": fixed{w.things}, "AWS::Lambda::Function": functions{}},
		Default:   simulated.New(nil).Provider,
		Invoke:    w.invoke, Receive: w.receive,
		Allow: w.allow,
		Fetch: func(_ context.Context, _ resource.Stack, url string) ([]byte, error) {
			if text, ok := w.urls[url]; ok {
				return []byte(text), nil
			}
			return nil, errors.New("S3 error: The specified key does not exist.")
		},
		Zones: func(region string) []string { return []string{region + "a", region + "b"} },
		Resolve: func(_ context.Context, stack resource.Stack, service, name string) (string, error) {
			value, ok := w.ssm[service+":"+name]
			if !ok {
				value, ok = w.ssm[stack.Region+" "+service+":"+name]
			}
			if !ok {
				return "", fmt.Errorf("ParameterNotFound: %s", name)
			}
			return value, nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// deploy deploys a template as stack S and returns the result.
func (w *world) deploy(template string, change ...func(*cloudformation.DeployInput)) (cloudformation.Result, error) {
	return w.deployContext(context.Background(), template, change...)
}

func (w *world) deployContext(ctx context.Context, template string, change ...func(*cloudformation.DeployInput)) (cloudformation.Result, error) {
	in := cloudformation.DeployInput{StackName: "S", Template: []byte(template), Overrides: w.set, OnEvent: w.record}
	for _, c := range change {
		c(&in)
	}
	return w.Deploy(ctx, in)
}

func (w *world) record(e cloudformation.Event) {
	text := fmt.Sprintf("%s %s", e.LogicalID, e.Status)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, text)
}

func (w *world) status() string {
	s, found, err := w.Describe("", "S")
	if err != nil || !found {
		return "none"
	}
	return string(s.Status)
}

// invoke runs the handler in the background and PUTs its answer to the response URL.
func (w *world) invoke(_ context.Context, _ resource.Stack, arn string, payload []byte, cause session.Cause) error {
	if arn != function {
		return errors.New("ResourceNotFoundException: Function not found: " + arn)
	}
	var event map[string]any
	if err := json.Unmarshal(payload, &event); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, event)
	w.causes = append(w.causes, cause)
	handler := w.handler
	go func() {
		if body := handler(event); body != nil {
			w.answer(event, body)
		}
	}()
	return nil
}

// allow denies to every role what it is named after.
func (w *world) allow(_ context.Context, stack resource.Stack, need protocol.Need) error {
	if strings.HasSuffix(stack.Role, "/not-"+need.Action) {
		return protocol.Errorf("AccessDenied", "User: %s is not authorized to perform: %s", stack.Role, need.Action)
	}
	return nil
}

// answer PUTs a body to an event's response URL.
func (w *world) answer(event map[string]any, body []byte) {
	req, err := http.NewRequest(http.MethodPut, event["ResponseURL"].(string), bytes.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return // the test has ended
	}
	_ = resp.Body.Close()
}

func (w *world) receive(_ context.Context, region, name string) (string, <-chan []byte, func(), error) {
	box := make(chan []byte, 16)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.boxes[name] = box
	stop := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.boxes, name)
	}
	return w.server.URL + "/" + url.PathEscape(name) + "?region=" + region, box, stop, nil
}

func (w *world) put(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if box := w.boxes[strings.TrimPrefix(r.URL.Path, "/")]; box != nil {
		box <- body
	}
}

// requests lists what was sent to custom resources since the last call, "Create Id physical".
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range w.sent {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%v %v %v", e["RequestType"], e["LogicalResourceId"], text(e["PhysicalResourceId"]))))
	}
	w.sent = nil
	return out
}

func text(v any) string { s, _ := v.(string); return s }

// respond builds an answer to an event.
func respond(event map[string]any, status, physicalID string, more map[string]any) []byte {
	body := map[string]any{"Status": status, "PhysicalResourceId": physicalID, "StackId": event["StackId"],
		"RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"]}
	for k, v := range more {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return raw
}

// things is a Provider that remembers what exists and what it was asked. Properties steer it: Fail names the
// operations that fail, Wait is how long one takes (real), Rename makes updates return another id. A roll-back cannot bring
// it back from the Value "stuck".
type things struct {
	mu      sync.Mutex
	count   map[string]int
	exists  map[string]string // JSON of properties by id
	values  map[string]string // property Value by logical id
	calls   []string
	running int
	most    int
	started chan string // receives logical ids when not nil
	tokens  []string
}

func newThings() *things {
	return &things{count: map[string]int{}, exists: map[string]string{}, values: map[string]string{}}
}

func (f *things) do(ctx context.Context, verb, id string, r resource.Request) error {
	f.mu.Lock()
	f.calls = append(f.calls, verb+" "+id)
	f.tokens = append(f.tokens, r.Token)
	f.running++
	f.most = max(f.most, f.running)
	started := f.started
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.running--; f.mu.Unlock() }()
	if started != nil {
		started <- r.LogicalID
	}
	if wait, ok := r.Properties["Wait"].(string); ok && verb != "delete" {
		d, err := time.ParseDuration(wait)
		if err != nil {
			return err
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if old, _ := r.Old["Value"].(string); verb == "update" && old == "stuck" && strings.HasSuffix(r.Token, "-rollback") {
		return fmt.Errorf("%s is stuck", r.LogicalID)
	}
	if fails, _ := r.Properties["Fail"].(string); strings.Contains(fails, verb) {
		return fmt.Errorf("%s does not want to %s", r.LogicalID, verb)
	}
	return nil
}

func (f *things) put(id string, r resource.Request) resource.Result {
	raw, err := json.Marshal(r.Properties)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exists[id] = string(raw)
	f.values[r.LogicalID] = text(r.Properties["Value"])
	return resource.Result{PhysicalID: id, Attributes: map[string]any{"Arn": "arn:" + id, "Value": r.Properties["Value"], "Number": 12}}
}

func (f *things) next(logicalID string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[logicalID]++
	return fmt.Sprintf("%s-%d", logicalID, f.count[logicalID])
}

// Create makes a thing.
func (f *things) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	if err := f.do(ctx, "create", r.LogicalID, r); err != nil {
		return resource.Result{}, err
	}
	return f.put(f.next(r.LogicalID), r), nil
}

// Update changes a thing.
func (f *things) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	if err := f.do(ctx, "update", r.PhysicalID, r); err != nil {
		return resource.Result{}, err
	}
	id := r.PhysicalID
	if r.Properties["Rename"] != r.Old["Rename"] {
		id = f.next(r.LogicalID)
	}
	return f.put(id, r), nil
}

// Delete removes a thing.
func (f *things) Delete(ctx context.Context, r resource.Request) error {
	if err := f.do(ctx, "delete", r.PhysicalID, r); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.exists[r.PhysicalID]; !ok {
		return fmt.Errorf("%s does not exist", r.PhysicalID)
	}
	delete(f.exists, r.PhysicalID)
	return nil
}

// took returns the calls since the last time.
func (f *things) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// fixed is a things whose property Value cannot change in place.
type fixed struct{ *things }

// Immutable names Value.
func (fixed) Immutable() []string { return []string{"Value"} }

// functions is a Provider whose functions all have the ARN of the one that custom resources call.
type functions struct{}

// Create makes a function.
func (functions) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: r.LogicalID, Attributes: map[string]any{"Arn": function}}, nil
}

// Update changes a function.
func (f functions) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return f.Create(ctx, r)
}

// Delete removes a function.
func (functions) Delete(context.Context, resource.Request) error { return nil }
