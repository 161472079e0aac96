package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

var ctx = context.Background()

const (
	function = "arn:aws:lambda:eu-west-1:111122223333:function:f"
	machine  = "arn:aws:states:eu-west-1:111122223333:stateMachine:m"
	project  = "arn:aws:codebuild:eu-west-1:111122223333:project/p"
	lines    = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/events/g"
	role     = "arn:aws:iam::111122223333:role/Sends"
	other    = "444455556666"
)

// world is EventBridge with services behind the door that only remember how they were called.
type world struct {
	*eventbridge.Client
	front *doortest.Front
	room  *events.Room
	far   *events.Room // another account's
	t     *testing.T

	got      chan got
	mu       sync.Mutex
	failures []error // of the calls to come
	refuse   bool    // the role
}

// got is a call that a target got.
type got struct {
	service, operation string
	as                 *session.Session
	input              map[string]any
}

func newWorld(t *testing.T, store *state.Store, factor float64) *world {
	t.Helper()
	w := &world{front: doortest.New(t, factor), t: t, got: make(chan got, 100)}
	w.room = w.open(doortest.Account, store)
	w.far = w.open(other, store.Part("far"))
	w.front.RegisterFor(doortest.Account, w.room)
	w.front.RegisterFor(other, w.far)
	for _, service := range []string{"lambda", "states", "codebuild", "logs"} {
		w.front.Register(targets{w, service})
	}
	w.Client = eventbridge.NewFromConfig(w.front.Config(w.front.Operator))
	return w
}

func (w *world) open(account string, store *state.Store) *events.Room {
	w.t.Helper()
	room, err := events.New(events.Options{Account: account, Partition: doortest.Partition, Clock: w.front.Clock, Store: store,
		Caller: w.front, Roles: w, Log: slog.New(slog.DiscardHandler), Elsewhere: func(account string) *events.Room {
			return map[string]*events.Room{doortest.Account: w.room, other: w.far}[account]
		}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = room.Close() })
	return room
}

// AssumeAsService knows one role.
func (w *world) AssumeAsService(_ context.Context, roleARN, service, name string, _ session.Cause) (*session.Session, error) {
	if w.refuse || roleARN != role || service != "events.amazonaws.com" {
		return nil, errors.New("refused")
	}
	return &session.Session{Account: doortest.Account, RoleARN: roleARN, ARN: "arn:aws:sts::111122223333:assumed-role/Sends/" + name}, nil
}

// targets is one of the services that get events.
type targets struct {
	world *world
	name  string
}

func (s targets) Name() string { return s.name }

func (s targets) Needs(context.Context, *protocol.Call) ([]protocol.Need, error) { return nil, nil }

func (s targets) Serve(_ context.Context, call *protocol.Call) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if len(s.world.failures) > 0 {
		err := s.world.failures[0]
		s.world.failures = s.world.failures[1:]
		return nil, err
	}
	g := got{service: s.name, operation: call.Operation, as: call.Session}
	if err := json.Unmarshal(call.Body, &g.input); err != nil {
		return nil, err
	}
	s.world.got <- g
	return nil, nil
}

// next returns the next call to a target.
func (w *world) next() got {
	w.t.Helper()
	select {
	case g := <-w.got:
		return g
	case <-time.After(10 * time.Second):
		w.t.Fatal("no target was called")
	}
	return got{}
}

// silent checks that no target is called for a while.
func (w *world) silent() {
	w.t.Helper()
	select {
	case g := <-w.got:
		w.t.Errorf("%s was called: %v", g.service, g.input)
	case <-time.After(100 * time.Millisecond):
	}
}

// rule makes a rule for source "app" with targets.
func (w *world) rule(bus string, list ...types.Target) {
	w.t.Helper()
	_, err := w.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["app"]}`), EventBusName: &bus})
	if err == nil {
		_, err = w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), EventBusName: &bus, Targets: list})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// put puts an event of a source on a bus.
func (w *world) put(source, bus string) {
	w.t.Helper()
	out, err := w.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: &source, EventBusName: &bus,
		DetailType: aws.String("Ordered"), Detail: aws.String(`{"order":{"id":"o-1","count":3},"note":"say \"hi\""}`), Resources: []string{"arn:aws:x:::y"}}}})
	if err != nil || out.FailedEntryCount != 0 {
		w.t.Fatalf("%+v, %v", out, err)
	}
}

func target(arn string) types.Target { return types.Target{Id: aws.String("t"), Arn: &arn} }

func sent(arn string) types.Target {
	t := target(arn)
	t.RoleArn = aws.String(role)
	return t
}

func wantCode(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("%v\nwant %s: %s", err, code, message)
	}
}
