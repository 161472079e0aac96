// Package stackapi is CloudFormation's API: it turns calls of clients into operations on stacks, which it runs while
// the clients look on, and stacks, change sets and events into answers.
//
// The role that a client passes bounds what CloudFormation does with the stack, as far as package handlers knows; without
// one the client's own rights do.
//
// Source: AWS CloudFormation API Reference, the page of each action.
package stackapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Objects reads templates from S3, for a client that may.
type Objects interface {
	// Fetch returns an object's content, or fails as GetObject does for the session.
	Fetch(ctx context.Context, as *session.Session, region, bucket, key string) (io.ReadCloser, error)
}

// Options are what the room needs. All but Pause are required.
type Options struct {
	Stacks *cloudformation.Service
	// Trusts says whether a role exists and lets CloudFormation assume it; the error is no client's.
	Trusts  func(ctx context.Context, roleARN string) error
	Objects Objects
	Log     *slog.Logger
	// Pause is how long a roll-back that a client asks for waits before its first step, in real time. The CDK's command
	// looks for what goes wrong every two seconds, and counts a roll-back that has failed before that as a success.
	Pause time.Duration
}

// Room is the API of one account. It is safe for concurrent use.
type Room struct {
	Options
	ctx     context.Context //nolint:containedctx // of the operations, which outlive their calls
	stop    context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	interrupts map[string]chan struct{} // by id of the stack that is being deployed
}

var _ protocol.Service = (*Room)(nil)

// New returns the room.
func New(ctx context.Context, o Options) *Room {
	r := &Room{Options: o, interrupts: map[string]chan struct{}{}}
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// Recover ends operations that an earlier process left in the middle, in the background.
func (r *Room) Recover() { r.background(r.Stacks.Recover) }

// background runs an operation on a stack. What goes wrong with it, its stack shows; the log has what is wrong with the
// engine itself.
func (r *Room) background(run func(context.Context) error) {
	r.running.Go(func() {
		if err := run(r.ctx); err != nil && r.ctx.Err() == nil {
			r.Log.Error("an operation on a stack ended early", "error", err)
		}
	})
}

// Close stops the operations where they are.
func (r *Room) Close() error {
	r.stop()
	r.running.Wait()
	return nil
}

// Name returns "cloudformation".
func (r *Room) Name() string { return "cloudformation" }

// operation is one operation of the API.
type operation struct {
	serve func(*Room, context.Context, *protocol.Call) (any, error)
	stack bool // the permission is on the stack that the call names
	role  bool // the call may pass a role
}

// operations returns the part of the API that there is.
// Source of the resources: Service Authorization Reference, "Actions, resources, and condition keys for AWS
// CloudFormation".
func operations() map[string]operation {
	return map[string]operation{
		"CreateStack":                       {(*Room).createStack, true, true},
		"UpdateStack":                       {(*Room).updateStack, true, true},
		"DeleteStack":                       {(*Room).deleteStack, true, true},
		"CancelUpdateStack":                 {(*Room).cancelUpdate, true, false},
		"RollbackStack":                     {(*Room).rollBack, true, true},
		"ContinueUpdateRollback":            {(*Room).continueRollback, true, true},
		"UpdateTerminationProtection":       {(*Room).updateProtection, true, false},
		"CreateChangeSet":                   {(*Room).createChangeSet, true, true},
		"SetStackPolicy":                    {(*Room).setStackPolicy, true, false},
		"GetStackPolicy":                    {(*Room).getStackPolicy, true, false},
		"DescribeChangeSet":                 {(*Room).describeChangeSet, true, false},
		"ExecuteChangeSet":                  {(*Room).executeChangeSet, true, false},
		"DeleteChangeSet":                   {(*Room).deleteChangeSet, true, false},
		"ListChangeSets":                    {(*Room).listChangeSets, true, false},
		"DescribeStacks":                    {(*Room).describeStacks, true, false},
		"DescribeStackEvents":               {(*Room).describeStackEvents, true, false},
		"DescribeEvents":                    {(*Room).describeEvents, true, false},
		"DescribeStackResource":             {(*Room).describeStackResource, true, false},
		"DescribeStackResources":            {(*Room).describeStackResources, true, false},
		"ListStackResources":                {(*Room).listStackResources, true, false},
		"GetTemplate":                       {(*Room).getTemplate, true, false},
		"GetTemplateSummary":                {(*Room).getTemplateSummary, true, false},
		"DetectStackDrift":                  {(*Room).detectStackDrift, true, false},
		"DetectStackResourceDrift":          {(*Room).detectResourceDrift, true, false},
		"DescribeStackResourceDrifts":       {(*Room).describeDrifts, true, false},
		"DescribeStackDriftDetectionStatus": {(*Room).describeDetection, false, false},
		"ValidateTemplate":                  {(*Room).validateTemplate, false, false},
		"ListStacks":                        {(*Room).listStacks, false, false},
		"ListImports":                       {(*Room).listImports, false, false},
		"ListExports":                       {(*Room).listExports, false, false},
	}
}

// Needs returns the operation's own action on the stack that the call names, and the right to pass the role.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, known := operations()[call.Operation]
	if !known {
		return nil, protocol.Errorf("InvalidAction", "tokendocker has no cloudformation:%s", call.Operation)
	}
	need := protocol.Need{Action: "cloudformation:" + call.Operation, Conditions: map[string][]string{}}
	if id := r.stackARN(call); op.stack && id != "" {
		need.Resources = []string{id}
	}
	for name, key := range map[string]string{"ChangeSetName": "cloudformation:ChangeSetName", "TemplateURL": "cloudformation:TemplateUrl"} {
		if value := call.Form.Get(name); value != "" {
			need.Conditions[key] = []string{value}
		}
	}
	role := call.Form.Get("RoleARN")
	if role == "" || !op.role {
		return []protocol.Need{need}, nil
	}
	need.Conditions["cloudformation:RoleArn"] = []string{role}
	return []protocol.Need{need, {Action: "iam:PassRole", Resources: []string{role},
		Conditions: map[string][]string{"iam:PassedToService": {"cloudformation.amazonaws.com"}}}}, nil
}

// stackARN is the ARN of the stack that a call names. That of a stack that does not exist has no id yet.
func (r *Room) stackARN(call *protocol.Call) string {
	name := call.Form.Get("StackName")
	if set, found := r.Stacks.ChangeSet("", call.Form.Get("ChangeSetName")); found && name == "" {
		return set.StackID
	}
	if physicalID := call.Form.Get("PhysicalResourceId"); physicalID != "" && name == "" {
		if owner, found := r.Stacks.Owner(call.Region, physicalID); found {
			return owner
		}
		name = "*"
	}
	if name == "" || strings.HasPrefix(name, "arn:") {
		return name
	}
	if stack, found, err := r.Stacks.Describe(call.Region, name); found && err == nil {
		return stack.ID
	}
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/*", call.Partition, call.Region, call.Account, name)
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, known := operations()[call.Operation]
	if !known {
		return nil, protocol.Errorf("InvalidAction", "tokendocker has no cloudformation:%s", call.Operation)
	}
	out, err := op.serve(r, ctx, call)
	if err != nil {
		return nil, asAnswer(err)
	}
	return out, nil
}

// invalid is CloudFormation's ValidationError.
func invalid(format string, args ...any) error {
	return protocol.Errorf("ValidationError", format, args...)
}

// asAnswer words an error of the stacks as the API does.
func asAnswer(err error) error {
	if need, ok := errors.AsType[*cloudformation.CapabilityError](err); ok {
		return protocol.Errorf("InsufficientCapabilitiesException", "%v", need)
	}
	if wrong, ok := errors.AsType[*template.Error](err); ok {
		return invalid("%s", wrong.Message)
	}
	if wrong, ok := errors.AsType[*cloudformation.InputError](err); ok {
		return invalid("%v", wrong)
	}
	if busy, ok := errors.AsType[*cloudformation.BusyError](err); ok {
		return invalid("Stack:%s is in %s state and can not be updated.", busy.StackID, busy.Status)
	}
	if used, ok := errors.AsType[*cloudformation.InUseError](err); ok {
		return invalid("Delete canceled. %v", used)
	}
	if exists, ok := errors.AsType[*cloudformation.ExistsError](err); ok {
		return protocol.Errorf("AlreadyExistsException", "%v", exists)
	}
	return err
}

// find returns the stack that a name or an id names.
func (r *Room) find(region, nameOrID string) (cloudformation.Stack, error) {
	stack, found, err := r.lookUp(region, nameOrID)
	if err == nil && !found {
		err = invalid("Stack with id %s does not exist", nameOrID)
	}
	return stack, err
}

func (r *Room) lookUp(region, nameOrID string) (cloudformation.Stack, bool, error) {
	if strings.HasPrefix(nameOrID, "arn:") {
		return r.Stacks.Find(nameOrID)
	}
	return r.Stacks.Describe(region, nameOrID)
}

// members reads a list of the form: "Name.member.1", "Name.member.2" and so on.
func members(form url.Values, name string) []string {
	var out []string
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d", name, i)); i++ {
		out = append(out, form.Get(fmt.Sprintf("%s.member.%d", name, i)))
	}
	return out
}

// structures reads a list of structures of the form, each as its fields.
func structures(form url.Values, name string) []map[string]string {
	var out []map[string]string
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("%s.member.%d.", name, i)
		one := map[string]string{}
		for key, values := range form {
			if field, ok := strings.CutPrefix(key, prefix); ok && len(values) > 0 {
				one[field] = values[0]
			}
		}
		if len(one) == 0 {
			return out
		}
		out = append(out, one)
	}
}

// has reports whether the form has a parameter, be it an empty list.
func has(form url.Values, name string) bool {
	for key := range form {
		if key == name || strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// refuse fails if the form has one of the parameters: what is not done must not seem done.
func refuse(form url.Values, names ...string) error {
	for key := range form {
		name, _, _ := strings.Cut(key, ".")
		if slices.Contains(names, name) {
			return invalid("tokendocker does not know the parameter %s of this operation", name)
		}
	}
	return nil
}
