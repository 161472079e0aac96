package cloudformation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// DeployInput is one deployment of a template: a create if the stack does not exist, else an update.
type DeployInput struct {
	StackName    string
	Region       string            // default: the service's
	Template     []byte            // JSON or YAML
	Parameters   map[string]string // those not given keep their last value, then their default
	Exact        bool              // only the parameters in Keep keep their last value, as UpdateStack has it
	Keep         []string
	Tags         map[string]string
	Capabilities []string
	Paths        map[string]string            // construct paths by logical id; default: the metadata aws:cdk:path
	Overrides    map[string]map[string]string // by logical id and attribute (empty: what Ref gives); not remembered
	NoRollback   bool                         // leave a failed stack as it is; the next deployment goes on from there
	Delete       bool                         // a new stack whose creation fails, instead of rolling it back
	DropNew      bool                         // a roll-back deletes new resources whatever their policies
	Timeout      time.Duration                // of the creation of a new stack; 0: none
	Adopt        map[string]string            // by logical id of a new resource, the physical id of the one that is there already
	Import       bool                         // nothing but that; a failure lets go of what was adopted
	RevertDrift  bool                         // begin from what the resources are now
	Policy       string                       // stack policy from the end of the deployment on; empty: as before
	PolicyNow    string                       // stack policy of this deployment alone; empty: the stack's
	Token        string                       // names the deployment; with the token of a failed one its request ids come again
	ClientToken  string                       // what the client calls the deployment; its events say so
	RoleARN      string                       // that CloudFormation acts as
	Caller       *session.Session             `json:"-"` // whom it acts as without a role; nil: whoever may do anything
	Notify       []string                     // ARNs of topics, shown with the stack and given by AWS::NotificationARNs
	ChangeSetID  string                       // shown with the stack
	Protect      bool                         // against deletion, from now on
	Interrupt    <-chan struct{}              `json:"-"` // closed: fail and roll back; ending the context stops at once instead
	OnEvent      func(Event)                  `json:"-"` // called for each event, one at a time; may be nil
}

// Result is a deployment that succeeded.
type Result struct {
	Stack     Stack
	Changed   bool            // false when there was nothing to do
	Requests  []CustomRequest // in the order in which they ended
	Simulated []Simulated     // resources of types without a provider, by logical id
}

// Simulated is a resource whose type has no provider.
type Simulated struct{ LogicalID, Path, Type string }

var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

// Deploy makes a stack what a template says. It fails with a *template.Error when the template or the parameters are
// wrong, before anything is changed, and with a *Failed when a resource fails; the stack is rolled back then.
// A stack that an earlier process left in the middle of an operation is rolled back first, and one whose creation
// failed is deleted first. When the context ends, the operation stops where it is, for the next one to take up.
func (s *Service) Deploy(ctx context.Context, in DeployInput) (Result, error) {
	if in.Region == "" {
		in.Region = s.Region
	}
	if !stackName.MatchString(in.StackName) {
		return Result{}, fmt.Errorf("stack name %q: 1 to 128 letters, digits and dashes are allowed, the first a letter", in.StackName)
	}
	key := stackKey(in.Region, in.StackName)
	defer s.lock(key)()
	if err := s.settle(ctx, key, in.OnEvent); err != nil {
		return Result{}, err
	}
	op, err := s.open(ctx, key, in)
	if wrong, ok := errors.AsType[*InputError](err); ok {
		return Result{}, fmt.Errorf("stack %s: %w", in.StackName, wrong.Err)
	}
	if err != nil {
		return Result{}, err
	}
	return op.deploy(ctx)
}

// open prepares the deployment of a stack, which is locked.
func (s *Service) open(ctx context.Context, key string, in DeployInput) (*operation, error) {
	stack, found, err := s.stacks.Get(key)
	if err != nil {
		return nil, err
	}
	if !found {
		stack = s.newStack(in)
	}
	if in.Token == "" {
		in.Token = protocol.NewID()
	}
	return s.prepare(ctx, stack, in)
}

// InputError says that a deployment's input is wrong; nothing was changed.
type InputError struct{ Err error }

// Error says what is wrong.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *InputError) Unwrap() error { return e.Err }

func (s *Service) newStack(in DeployInput) stackRecord {
	name, _ := partition.Of(in.Region)
	id := fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", name, in.Region, s.Account, in.StackName, protocol.NewID())
	return stackRecord{ID: id, Name: in.StackName, Region: in.Region, Created: s.Clock.Now(), Begun: time.Now()}
}

// prepare checks all that can be known before anything changes.
func (s *Service) prepare(ctx context.Context, stack stackRecord, in DeployInput) (*operation, error) {
	op := s.newOperation(stack, in.Token, in.OnEvent)
	op.input, op.clientToken = in, in.ClientToken
	op.paths, op.overrides = in.Paths, in.Overrides
	op.stack.RoleARN, op.stack.ChangeSetID, op.stack.Protected = in.RoleARN, in.ChangeSetID, stack.Protected || in.Protect
	op.stack.Capabilities, op.stack.NoRollback, op.stack.Notify = in.Capabilities, in.NoRollback, in.Notify
	op.drop, op.stack.RetainExceptOnCreate = in.DropNew, in.DropNew
	op.place.Role, op.place.Caller = in.RoleARN, in.Caller
	if !stack.Completed {
		op.stack.Timeout = in.Timeout
	}
	var err error
	if op.policy, err = op.stack.policyFor(in); err != nil {
		return nil, &InputError{err}
	}
	if op.plan, err = s.newPlan(ctx, op.place, in, stack.Parameters); err != nil {
		return nil, &InputError{err}
	}
	if in.RevertDrift {
		if err := op.asTheyAre(ctx); err != nil {
			return nil, err
		}
	}
	if err := op.plan.checkCapabilities(in.Capabilities); err != nil {
		return nil, &InputError{err}
	}
	if err := op.checkOverrides(); err != nil {
		return nil, err
	}
	var retyped []string
	for _, id := range op.plan.resources {
		if rec := op.records[id]; rec != nil && rec.Current != nil && rec.Type != op.plan.template.Resources[id].Type {
			retyped = append(retyped, id)
		}
	}
	if len(retyped) > 0 {
		return nil, &InputError{fmt.Errorf("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", //nolint:staticcheck // CloudFormation's own words
			strings.Join(retyped, ", "))}
	}
	op.begin = sync.OnceValue(op.start)
	return op, nil
}

// start sets the stack's status before its first resource changes. A new stack has its template from now on.
func (o *operation) start() error {
	o.changed = true
	switch {
	case o.input.Import && o.stack.Completed:
		o.enter(UpdateStack)
		return o.setStatus(ImportInProgress, userInitiated)
	case o.stack.Completed:
		o.enter(UpdateStack)
		return o.setStatus(UpdateInProgress, userInitiated)
	}
	o.enter(CreateStack)
	o.stack.Policy = o.input.Policy
	if err := o.service.templates.Put(o.stack.ID, string(o.plan.text)); err != nil {
		return err
	}
	if o.input.Import {
		return o.setStatus(ImportInProgress, userInitiated)
	}
	return o.setStatus(CreateInProgress, userInitiated)
}

// deploy runs a prepared operation.
func (o *operation) deploy(ctx context.Context) (Result, error) {
	in := o.input
	fresh := o.stack.Status == "" || o.stack.Status == ReviewInProgress
	if fresh || o.stack.Status.Failed() {
		if err := o.begin(); err != nil {
			return Result{}, err
		}
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := o.stack.Timeout
	if o.stack.Completed { // of creations alone
		limit = 0
	}
	go o.service.watch(work, limit, in.Interrupt, cancel)
	failed := o.refusedRemovals(work)
	if len(failed) == 0 {
		failed = walk(work, o.plan.resources, o.plan.needs, false, func() { cancel(errSibling) }, o.apply)
	}
	reason, err := o.outcome(ctx, work, failed)
	if err == nil && reason == "" {
		reason = o.goal(ctx, in)
	}
	if err != nil {
		return Result{}, fmt.Errorf("deploy stack %s: %w", in.StackName, err)
	}
	if reason != "" {
		return Result{}, o.giveUp(ctx, reason, context.Cause(work))
	}
	if err := o.complete(ctx); err != nil {
		return Result{}, fmt.Errorf("deploy stack %s: %w", in.StackName, err)
	}
	return Result{Stack: o.stack.view(), Changed: o.changed, Requests: o.requests, Simulated: o.simulated()}, nil
}

// errTimeout is why a creation that took too long is rolled back.
var errTimeout = errors.New("Stack creation time exceeded the specified timeout") //nolint:staticcheck,revive // CloudFormation's own words

// watch ends the work on the resources when the user interrupts it, and the creation of a stack when its time is up; a
// limit of 0 is none.
func (s *Service) watch(work context.Context, limit time.Duration, interrupt <-chan struct{}, cancel context.CancelCauseFunc) {
	limited, stop := work, context.CancelFunc(func() {})
	if limit > 0 {
		limited, stop = s.Clock.WithTimeout(work, limit)
	}
	defer stop()
	select {
	case <-interrupt:
		cancel(ErrInterrupted)
	case <-limited.Done():
		if work.Err() == nil {
			cancel(errTimeout)
		}
	}
}

// outcome says why the resources did not all get there; err means that the operation stops as it is.
func (o *operation) outcome(ctx, work context.Context, failed map[string]error) (reason string, err error) {
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case len(failed) > 0 && len(o.failures) == 0: // the state could not be written
		return "", errors.Join(slices.Collect(maps.Values(failed))...)
	case len(failed) > 0 && errors.Is(context.Cause(work), ErrInterrupted):
		return ErrInterrupted.Error() + ". " + failedToMake(o.failures), nil
	case len(failed) > 0 && errors.Is(context.Cause(work), errTimeout):
		return errTimeout.Error() + ". ", nil
	case len(failed) > 0:
		return failedToMake(o.failures), nil
	case work.Err() != nil:
		return context.Cause(work).Error() + ". ", nil //nolint:nilerr // it is the reason, no error of ours
	}
	return "", nil
}

// goal sets the stack's outputs and parameters, and says what is wrong with them.
func (o *operation) goal(ctx context.Context, in DeployInput) string {
	outputs, err := o.outputs(ctx)
	if err == nil {
		err = o.service.exportsFree(o.stack, outputs)
	}
	if err != nil {
		return errors.Join(err, o.begin()).Error() + " "
	}
	next := o.stack
	next.Outputs, next.Imports = outputs, sortedNames(o.imports)
	next.Parameters, next.Tags, next.Hidden = o.plan.given, in.Tags, nil
	for name, p := range o.plan.template.Parameters {
		if p.NoEcho {
			next.Hidden = append(next.Hidden, name)
		}
	}
	slices.Sort(next.Hidden)
	next.Description, next.Resolved = o.plan.template.Description, o.plan.resolved()
	next.Policy = cmp.Or(in.Policy, o.stack.Policy)
	if !reflect.DeepEqual(next.Outputs, o.stack.Outputs) || o.removed() {
		if err := o.begin(); err != nil {
			return err.Error()
		}
	}
	next.Status, next.Reason, next.Updated = o.stack.Status, o.stack.Reason, o.stack.Updated
	o.stack = next
	return ""
}

// removed reports whether the stack has resources that the template has not.
func (o *operation) removed() bool {
	for id, rec := range o.records {
		if !o.plan.exists(id) && rec.Current != nil {
			return true
		}
	}
	return false
}

// complete ends a deployment whose resources are all there.
func (o *operation) complete(ctx context.Context) error {
	if err := o.service.templates.Put(o.stack.ID, string(o.plan.text)); err != nil {
		return err
	}
	if !o.stack.Status.InProgress() { // nothing to do
		return o.save()
	}
	for id, rec := range o.records {
		if !o.plan.exists(id) {
			if err := o.write(rec, func() { rec.Removed = true }); err != nil {
				return err
			}
		}
	}
	switch o.stack.Status {
	case ImportInProgress:
		o.stack.Completed = true
		return o.cleanUp(ctx, ImportComplete)
	case CreateInProgress:
		o.stack.Completed = true
		return o.cleanUp(ctx, CreateComplete)
	}
	if err := o.setStatus(UpdateCompleteCleanup, ""); err != nil || o.held {
		return err
	}
	return o.cleanUp(ctx, UpdateComplete)
}

// giveUp ends a deployment that failed, by rolling back unless the user wants to see what is there, or nothing.
func (o *operation) giveUp(ctx context.Context, reason string, cause error) error {
	var err error
	switch {
	case o.input.Import:
		err = o.rollBackImport(ctx, reason)
	case o.input.NoRollback && !o.stack.Completed:
		err = o.setStatus(CreateFailed, reason)
	case o.input.NoRollback:
		err = o.setStatus(UpdateFailed, reason)
	case o.input.Delete && !o.stack.Completed:
		err = o.deleteStack(ctx, reason+"Delete requested by user.")
		if _, failed := errors.AsType[*Failed](err); failed {
			err = nil // the stack's status says so
		}
	case !o.stack.Completed:
		err = o.rollBackCreate(ctx, reason+"Rollback requested by user.")
	default:
		err = o.rollBackUpdate(ctx, reason)
	}
	if err != nil {
		return fmt.Errorf("stack %s, after %s: %w", o.stack.Name, strings.TrimSpace(reason), err)
	}
	f := o.failure(reason)
	if errors.Is(cause, ErrInterrupted) {
		f.cause = ErrInterrupted
	}
	f.Requests = o.requests
	return f
}

// settle brings a stack that is in the middle of an operation to where a deployment can begin: roll-backs and
// clean-ups are ended, and a stack that never was complete is deleted, unless the user kept it with NoRollback.
func (s *Service) settle(ctx context.Context, key string, onEvent func(Event)) error {
	stack, found, err := s.stacks.Get(key)
	if err != nil || !found {
		return err
	}
	op := s.newOperation(stack, protocol.NewID(), onEvent)
	switch stack.Status {
	case CreateInProgress, RollbackInProgress, RollbackFailed, RollbackComplete, DeleteInProgress, DeleteFailed:
		return op.deleteStack(ctx, userInitiated)
	case UpdateInProgress, UpdateRollbackInProgress, UpdateRollbackFailed:
		err = op.rollBackUpdate(ctx, "The stack was left in "+string(stack.Status)+". ")
		if err == nil && op.stack.Status.Failed() {
			return op.failure(op.stack.Reason)
		}
	case ImportInProgress, ImportRollbackInProgress:
		err = op.rollBackImport(ctx, "The stack was left in "+string(stack.Status)+". ")
	case UpdateCompleteCleanup:
		err = op.cleanUp(ctx, UpdateComplete)
	case UpdateRollbackCompleteCleanup:
		err = op.cleanUp(ctx, UpdateRollbackComplete)
	}
	if err != nil {
		return fmt.Errorf("stack %s was left in %s: %w", stack.Name, stack.Status, err)
	}
	return nil
}
