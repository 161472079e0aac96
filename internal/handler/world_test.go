package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/handler/replication"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// world is AWS as the handler sees it, with the state machine's loop and a clock that only waiting moves.
type world struct {
	t     *testing.T
	now   time.Time // Step Functions' clock
	began time.Time // start of the execution
	h     *handler.Handler
	logs  bytes.Buffer

	image      *handler.Manifest
	builds     []handler.Build
	executions []handler.Execution
	name       string // of the started execution
	input      []byte
	exists     bool // the execution's name is taken
	events     []string
	older      [][]string    // pages of the log before events, newest first
	late       int           // so many reads of the log give nothing
	stopTakes  time.Duration // a stopped build ends so much later
	fail       func(call string) error

	login    *contract.Login // of the request
	rules    []replication.Rule
	replicas func() map[string]handler.Replica // what ECR knows of the image's replicas
	holder   string                            // of the lease
	policies map[string]string                 // of repositories, by region
	groups   []string                          // log groups that were made, with their days
	stored   map[string]string                 // parameters, by region and name

	onBuild func(n int) outcome // what the n-th build comes to, from 1

	calls   []string
	answers []contract.Response
	bodies  []string
	moves   []handler.Move
}

// outcome is what a build comes to, as the machine hears of it.
type outcome struct {
	took         time.Duration
	id           string
	error, cause string
}

func (w *world) call(name string) error {
	w.calls = append(w.calls, name)
	if w.fail != nil {
		return w.fail(name)
	}
	return nil
}

func (w *world) called(name string) (n int) {
	for _, c := range w.calls {
		if c == name {
			n++
		}
	}
	return n
}

type registry struct{ *world }

func (w registry) Image(context.Context, string, string) (handler.Manifest, bool, error) {
	if err := w.call("BatchGetImage"); err != nil || w.image == nil {
		return handler.Manifest{}, false, err
	}
	return *w.image, true, nil
}

func (w registry) Delete(context.Context, string, string) error {
	if err := w.call("BatchDeleteImage"); err != nil {
		return err
	}
	w.image = nil
	return nil
}

type builds struct{ *world }

func (w builds) Recent(context.Context, string) ([]handler.Build, error) {
	for i := range w.world.builds {
		if b := &w.world.builds[i]; b.Status == "stopping" && w.stopTakes <= 0 {
			b.Status = "STOPPED"
		}
	}
	seen := append([]handler.Build(nil), w.world.builds...)
	for i := range seen {
		if seen[i].Status == "stopping" {
			seen[i].Status = "IN_PROGRESS"
		}
	}
	if err := w.call("ListBuildsForProject"); err != nil {
		return nil, err
	}
	return seen, w.call("BatchGetBuilds")
}

func (w builds) Stop(_ context.Context, id string) error {
	if err := w.call("StopBuild"); err != nil {
		return err
	}
	for i := range w.world.builds {
		if b := &w.world.builds[i]; b.ID == id && b.Status == "IN_PROGRESS" {
			b.Status = "stopping"
		}
	}
	return nil
}

type steps struct{ *world }

func (w steps) Start(_ context.Context, name string, input []byte) (bool, error) {
	if err := w.call("StartExecution"); err != nil || w.exists {
		return false, err
	}
	w.name, w.input = name, input
	return true, nil
}

func (w steps) Running(_ context.Context, prefix string) (found []handler.Execution, err error) {
	for _, e := range w.executions {
		if strings.HasPrefix(e.Name, prefix) {
			found = append(found, e)
		}
	}
	return found, w.call("ListExecutions")
}

func (w steps) Stop(_ context.Context, arn string) error {
	if err := w.call("StopExecution"); err != nil {
		return err
	}
	kept := w.executions[:0]
	for _, e := range w.executions {
		if e.ARN != arn {
			kept = append(kept, e)
		}
	}
	w.executions = kept
	return nil
}

type logs struct{ *world }

func (w logs) Page(_ context.Context, _, _, token string) ([]string, string, error) {
	if err := w.call("GetLogEvents"); err != nil {
		return nil, "", err
	}
	if n := len(token); n > 0 && n <= len(w.older) {
		return w.older[n-1], token + "+", nil
	}
	if len(w.older) > 0 {
		return w.events, "+", nil
	}
	if w.late--; w.late >= 0 {
		return nil, "", nil
	}
	return w.events, "", nil
}

func (w logs) Make(_ context.Context, group string, days int) error {
	w.groups = append(w.groups, fmt.Sprint(group, " ", days))
	if err := w.call("CreateLogGroup"); err != nil {
		return err
	}
	return w.call("PutRetentionPolicy")
}

type responder struct{ *world }

func (w responder) Put(_ context.Context, url fault.Redacted, body []byte) error {
	if err := w.call("PUT"); err != nil {
		return err
	}
	if url.Reveal() != responseURL {
		w.t.Errorf("answer to another URL")
	}
	var r contract.Response
	if err := json.Unmarshal(body, &r); err != nil {
		w.t.Errorf("answer is no response: %v", err)
	}
	if len(body) > contract.MaxAnswer {
		w.t.Errorf("answer of %d bytes", len(body))
	}
	w.answers, w.bodies = append(w.answers, r), append(w.bodies, string(body))
	return nil
}

const (
	stackID     = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6c2b0b2e-1111-2222-3333-444455556666"
	project     = "td-6c2b0b2e-0a1b2c3d"
	secret      = "0123456789abcdefsignature"
	responseURL = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/key" +
		"?X-Amz-Date=20261121T100000Z&X-Amz-Expires=7200&X-Amz-Signature=" + secret
	value = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod"
)

var sent = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: sent.Add(2 * time.Second), policies: map[string]string{}, stored: map[string]string{}}
	w.h = handler.New(handler.Ports{
		Registry: registry{w}, Replicas: replicas{w}, Lease: lease{w}, Parameters: parameters{w}, Builds: builds{w}, Machine: steps{w}, Logs: logs{w}, Responder: responder{w},
		LogStream: "2026/11/21/[$LATEST]0123",
		Log:       slog.New(slog.NewJSONHandler(&w.logs, nil)),
		Now:       func() time.Time { return w.now },
		Sleep:     func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil },
	})
	t.Cleanup(func() {
		for _, hidden := range []string{secret, value} {
			if strings.Contains(w.logs.String(), hidden) {
				t.Errorf("the function's log shows %q", hidden)
			}
		}
	})
	return w
}

// buildRequest is the property Request, with build time-out and patience in minutes.
func buildRequest(minutes int) contract.Request {
	return contract.Request{
		Version:    contract.Version,
		Source:     contract.Source{Bucket: "assets", Key: "0f.zip", Hash: strings.Repeat("0f", 32)},
		Repository: contract.Repository{Name: "shop", URI: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"},
		Project:    project, LogGroup: "/aws/codebuild/" + project, Platform: "linux/amd64",
		Args:         []contract.Argument{{Name: "API_URL", Value: contract.Text{contract.Value(value)}}},
		BuildMinutes: fmt.Sprint(minutes), ServiceSeconds: fmt.Sprint(60 * (minutes + 8)),
	}
}

// event is what CloudFormation sends.
func event(t *testing.T, kind string, request any) []byte {
	t.Helper()
	e := map[string]any{
		"RequestType": kind, "RequestId": "9f3c", "ResponseURL": responseURL, "StackId": stackID,
		"ResourceType": "Custom::TokenInjectableDockerBuilder", "LogicalResourceId": "WebBuild",
		"ResourceProperties": map[string]any{
			"ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:f", "ServiceTimeout": "2280", "Request": request,
		},
	}
	if kind != "Create" {
		e["PhysicalResourceId"] = contract.PhysicalID(stackID, "WebBuild")
		e["OldResourceProperties"] = map[string]any{"Request": "the form of another version"}
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// deploy delivers a request and turns the machine until it ends.
func (w *world) deploy(kind string, request any) {
	w.t.Helper()
	if _, err := w.h.Handle(context.Background(), event(w.t, kind, request)); err != nil {
		w.t.Fatalf("request: %v", err)
	}
	if w.input != nil {
		w.turn()
	}
}

const ownARN = "arn:aws:states:eu-west-1:111122223333:execution:tokendocker-1:own"

// turn is the machine's loop.
func (w *world) turn() {
	w.t.Helper()
	w.began = w.now
	w.executions = append(w.executions, handler.Execution{Name: w.name, ARN: ownARN})
	state := json.RawMessage(w.input)
	for built := 0; ; {
		move := w.step(state)
		switch move.Next {
		case machine.NextDone:
			return
		case machine.NextWait:
			w.pass(time.Duration(move.WaitSeconds) * time.Second)
		case machine.NextBuild:
			built++
			o := w.onBuild(built)
			if limit := time.Duration(move.BuildSeconds) * time.Second; o.took > limit {
				o = outcome{took: limit, error: "States.Timeout"}
			}
			w.pass(o.took)
			state = withOutcome(w.t, move, o)
			continue
		default:
			w.t.Fatalf("next %q", move.Next)
		}
		state = marshal(w.t, move)
	}
}

func (w *world) pass(d time.Duration) { w.now, w.stopTakes = w.now.Add(d), w.stopTakes-d }

// step is one invocation by the machine.
func (w *world) step(state json.RawMessage) handler.Move {
	w.t.Helper()
	out, err := w.h.Handle(context.Background(), marshal(w.t, map[string]any{
		"Step": state, "Now": w.now, "Started": w.began, "Execution": ownARN,
	}))
	if err != nil {
		w.t.Fatalf("step: %v", err)
	}
	move := out.(handler.Move)
	if w.moves = append(w.moves, move); len(w.moves) > 1000 {
		w.t.Fatal("the machine never ends")
	}
	return move
}

// withOutcome puts a build's outcome where the machine's ResultPath puts it.
func withOutcome(t *testing.T, m handler.Move, o outcome) json.RawMessage {
	t.Helper()
	var state map[string]any
	if err := json.Unmarshal(marshal(t, m), &state); err != nil {
		t.Fatal(err)
	}
	state["Build"] = map[string]any{"Id": o.id}
	if o.error != "" {
		state["Build"] = map[string]any{"Error": o.error, "Cause": o.cause}
	}
	return marshal(t, state)
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answer is the only answer.
func (w *world) answer() contract.Response {
	w.t.Helper()
	if len(w.answers) != 1 {
		w.t.Fatalf("%d answers, want one; log:\n%s", len(w.answers), w.logs.String())
	}
	return w.answers[0]
}

// accepted is an image that consumers take; index is one that they do not.
var (
	accepted = &handler.Manifest{
		Digest: "sha256:" + strings.Repeat("ab", 32), MediaType: "application/vnd.oci.image.manifest.v1+json",
		Bytes: []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + strings.Repeat("01", 32) + `","size":7},` +
			`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:` + strings.Repeat("02", 32) + `","size":9}]}`),
	}
	index = &handler.Manifest{
		Digest: "sha256:" + strings.Repeat("cd", 32), MediaType: "application/vnd.oci.image.index.v1+json",
		Bytes: []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`),
	}
)

// buildN is the id of the n-th build.
func buildN(n int) string { return fmt.Sprintf("%s:00000000-0000-4000-8000-%012x", project, n) }

// denied is how the SDK's adapter reports a refusal.
func denied(action string) error {
	return &fault.Error{Op: "call", Kind: fault.Denied, Err: fmt.Errorf("AccessDeniedException: User: "+
		"arn:aws:sts::111122223333:assumed-role/shop-Role/f is not authorized to perform: %s on resource: r", action)}
}
