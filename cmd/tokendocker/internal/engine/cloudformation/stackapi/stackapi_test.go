package stackapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackapi"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// fixture is the API behind a door, with stacks of things.
type fixture struct {
	*cfn.Client
	t      *testing.T
	front  *doortest.Front
	room   *stackapi.Room
	things *things
	kept   *kept
	store  *state.Store
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, front: doortest.New(t, 1), things: &things{hold: make(chan struct{})}, kept: &kept{all: map[string]map[string]any{}}, store: doortest.Store(t)}
	f.open()
	// The SDK closes a request's body when the answer begins, which now and then cuts off a long answer that is faster than
	// the SDK is done with the request; it tries again then.
	f.Client = cfn.NewFromConfig(f.front.Config(f.front.Operator), func(o *cfn.Options) { o.RetryMaxAttempts = 3 })
	return f
}

// open makes the rooms, as a new process would.
func (f *fixture) open() {
	f.t.Helper()
	stacks, err := cloudformation.New(cloudformation.Options{Store: f.store, Clock: f.front.Clock, Account: doortest.Account, Region: doortest.Region,
		Providers: map[string]resource.Provider{"Test::Thing::Plain": f.things, "Test::Thing::Kept": f.kept}, Default: simulated.New(nil).Provider,
		Zones: func(string) []string { return nil },
		Allow: func(context.Context, resource.Stack, protocol.Need) error { return nil },
		Invoke: func(context.Context, resource.Stack, string, []byte, session.Cause) error {
			return errors.New("there are no functions here")
		},
		Receive: func(context.Context, string, string) (string, <-chan []byte, func(), error) {
			return "", nil, func() {}, nil
		},
		Resolve: func(_ context.Context, _ resource.Stack, _, name string) (string, error) {
			return "value of " + name, nil
		},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.room = stackapi.New(f.t.Context(), stackapi.Options{Stacks: stacks, Trusts: trusts, Objects: objects{}, Log: slog.New(slog.DiscardHandler)})
	f.t.Cleanup(func() { _ = f.room.Close() })
	f.front.Register(f.room)
}

// things is the provider of Test::Thing::Plain. A thing whose property Hold is set is not made before hold is closed, and
// one whose property Fail is set is not made at all; one with Frozen cannot be updated, one with Stays not deleted. Fixed
// cannot change in place.
type things struct {
	hold chan struct{}
	mu   sync.Mutex
	made int
}

func (*things) Immutable() []string { return []string{"Fixed"} }

func (p *things) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	p.mu.Lock()
	p.made++
	id := fmt.Sprintf("%s-%d", r.LogicalID, p.made)
	p.mu.Unlock()
	return p.put(ctx, r, id)
}

func (p *things) put(ctx context.Context, r resource.Request, id string) (resource.Result, error) {
	if r.Properties["Fail"] != nil {
		return resource.Result{}, errors.New("this thing cannot be made")
	}
	if r.Properties["Hold"] != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return resource.Result{}, context.Cause(ctx)
		}
	}
	return resource.Result{PhysicalID: id, Attributes: map[string]any{"Name": id}}, nil
}

func (p *things) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	if r.Properties["Frozen"] != nil {
		return resource.Result{}, errors.New("this thing is frozen")
	}
	return p.put(ctx, r, r.PhysicalID)
}

func (*things) Delete(_ context.Context, r resource.Request) error {
	if r.Properties["Stays"] != nil {
		return errors.New("this thing stays")
	}
	return nil
}

// trusts says that those roles trust CloudFormation whose name says so.
func trusts(_ context.Context, arn string) error {
	if strings.HasSuffix(arn, "/trusting") {
		return nil
	}
	return protocol.Errorf("AccessDeniedException", "no")
}

// objects are templates in S3.
type objects struct{}

func (objects) Fetch(_ context.Context, _ *session.Session, _, bucket, key string) (io.ReadCloser, error) {
	if bucket != "templates" || key != "a/one.json" {
		return nil, &protocol.Error{Code: "AccessDenied", Message: "Access Denied", Status: http.StatusForbidden}
	}
	return io.NopCloser(strings.NewReader(one)), nil
}

// thing is a template of one thing with properties; the stack's output is its name.
func thing(properties string) string {
	return `{"Parameters": {"P": {"Type": "String", "Default": "d"}}, "Resources": {"T": {"Type": "Test::Thing::Plain", "Properties": {"P": {"Ref": "P"}` + properties + `}}},
		"Outputs": {"Name": {"Value": {"Ref": "T"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-name"}}}}}`
}

var one = thing("")

func (f *fixture) create(name, template string) error {
	_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: &name, TemplateBody: &template})
	return err
}

// there makes a stack and waits until it is there.
func (f *fixture) there(name, template string) {
	f.t.Helper()
	if err := f.create(name, template); err != nil {
		f.t.Fatal(err)
	}
	f.until(name, types.StackStatusCreateComplete)
}

func (f *fixture) update(name, template string, parameters ...types.Parameter) error {
	_, err := f.UpdateStack(f.t.Context(), &cfn.UpdateStackInput{StackName: &name, TemplateBody: &template, Parameters: parameters})
	return err
}

func (f *fixture) delete(name string) error {
	_, err := f.DeleteStack(f.t.Context(), &cfn.DeleteStackInput{StackName: &name})
	return err
}

func (f *fixture) stack(name string) (types.Stack, error) {
	out, err := f.DescribeStacks(f.t.Context(), &cfn.DescribeStacksInput{StackName: &name})
	if err != nil {
		return types.Stack{}, err
	}
	return out.Stacks[0], nil
}

func (f *fixture) until(name string, status types.StackStatus) types.Stack {
	f.t.Helper()
	for range 500 {
		s, err := f.stack(name)
		if err == nil && s.StackStatus == status {
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	s, err := f.stack(name)
	f.t.Fatalf("stack %s is %s (%v), not %s", name, s.StackStatus, err, status)
	return s
}

func (f *fixture) gone(name string) {
	f.t.Helper()
	for range 500 {
		if _, err := f.stack(name); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("stack %s is still there", name)
}

// changes makes a change set and describes it.
func (f *fixture) changes(stack, name, template string, how types.ChangeSetType) (*cfn.DescribeChangeSetOutput, error) {
	made, err := f.CreateChangeSet(f.t.Context(), &cfn.CreateChangeSetInput{StackName: &stack, ChangeSetName: &name, TemplateBody: &template, ChangeSetType: how})
	if err != nil {
		return nil, err
	}
	return f.DescribeChangeSet(f.t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id, IncludePropertyValues: aws.Bool(true)})
}

func (f *fixture) execute(set *cfn.DescribeChangeSetOutput) error {
	_, err := f.ExecuteChangeSet(f.t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	return err
}

// check compares an error with a code and words of its message; empty: no error.
func check(t *testing.T, err error, code, message string) {
	t.Helper()
	var refused smithy.APIError
	switch {
	case code == "" && err != nil:
		t.Errorf("%v", err)
	case code == "":
	case !errors.As(err, &refused) || refused.ErrorCode() != code || !strings.Contains(refused.ErrorMessage(), message):
		t.Errorf("%v, want %s: %s", err, code, message)
	}
}
