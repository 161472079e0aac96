package cloudformation

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// nestedStack is the Provider of AWS::CloudFormation::Stack. A nested stack is part of its parent's operation: what an
// update replaces in it stays until the parent's own clean-up, so that the parent's roll-back finds it.
// Source: AWS CloudFormation User Guide, "Split a template into reusable pieces using nested stacks".
type nestedStack struct{ op *operation }

// maxStackName is the length that a stack's name may have.
const maxStackName = 128

// Create deploys a new stack, named after its parent.
func (n nestedStack) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	sum := sha256.Sum256([]byte(r.Stack.ID + "\n" + r.LogicalID + "\n" + r.Token))
	own := "-" + r.LogicalID + "-" + base32.StdEncoding.EncodeToString(sum[:])[:12]
	own = own[max(0, len(own)-maxStackName+1):]
	name := r.Stack.Name[:min(len(r.Stack.Name), maxStackName-len(own))] + own
	return n.deploy(ctx, name, "created", r)
}

// Update deploys the stack again, or while the parent is rolled back, does so with what it was.
func (n nestedStack) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	name := stackNameOf(r.PhysicalID)
	if strings.HasSuffix(r.Token, rollbackToken) {
		if result, done, err := n.undo(ctx, name, r); done || err != nil {
			return result, err
		}
	}
	return n.deploy(ctx, name, "updated", r)
}

// Delete deletes the stack.
func (n nestedStack) Delete(ctx context.Context, r resource.Request) error {
	s, key := n.op.service, stackKey(r.Stack.Region, stackNameOf(r.PhysicalID))
	defer s.lock(key)()
	stack, found, err := s.stacks.Get(key)
	if err != nil || !found {
		return err
	}
	if err := s.exportsFree(stack, nil); err != nil {
		return fmt.Errorf("stack %s: Delete canceled. %w", stack.Name, err)
	}
	op := s.newOperation(stack, r.Token, n.event)
	op.clientToken, op.force = n.op.clientToken, n.op.force
	op.place.Role, op.place.Caller = n.op.place.Role, n.op.place.Caller
	err = op.deleteStack(ctx, userInitiated)
	n.join(op.requests, op.failures)
	return embedded(stack.ID, "deleted", err)
}

// stackNameOf returns the name in a stack's ARN.
func stackNameOf(id string) string {
	_, rest, _ := strings.Cut(id, ":stack/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// event shows an event of the nested stack in turn with those of its parent.
func (n nestedStack) event(e Event) {
	n.op.mu.Lock()
	defer n.op.mu.Unlock()
	if n.op.onEvent != nil {
		n.op.onEvent(e)
	}
}

// join adds to the parent's operation what happened in the nested one.
func (n nestedStack) join(requests []CustomRequest, failures []Failure) {
	n.op.mu.Lock()
	defer n.op.mu.Unlock()
	n.op.requests = append(n.op.requests, requests...)
	for _, f := range failures {
		f.nested = true
		n.op.failures = append(n.op.failures, f)
	}
}

// embedded is how a parent speaks of a nested stack's failure.
func embedded(id, verb string, err error) error {
	failed, ok := errors.AsType[*Failed](err)
	if !ok {
		return err
	}
	return fmt.Errorf("Embedded stack %s was not successfully %s: %s", id, verb, strings.TrimSpace(failed.Reason)) //nolint:staticcheck,revive // CloudFormation's own words
}

// deploy deploys the nested stack as part of its parent's operation.
func (n nestedStack) deploy(ctx context.Context, name, verb string, r resource.Request) (resource.Result, error) {
	in, err := n.input(ctx, name, r)
	if err != nil {
		return resource.Result{}, err
	}
	ctx, end := within(ctx, &in)
	defer end()
	s, key := n.op.service, stackKey(in.Region, name)
	defer s.lock(key)()
	if err := s.settle(ctx, key, n.event); err != nil {
		return resource.Result{PhysicalID: r.PhysicalID}, err
	}
	op, err := s.open(ctx, key, in)
	if err != nil {
		return resource.Result{PhysicalID: r.PhysicalID}, err
	}
	op.stack.ParentID, op.stack.RootID = n.op.stack.ID, n.op.stack.root()
	if err := op.hold(); err != nil {
		return resource.Result{PhysicalID: r.PhysicalID}, err
	}
	if err := n.announce(op, r); err != nil {
		return resource.Result{PhysicalID: op.stack.ID}, err
	}
	result, err := op.deploy(ctx)
	if failed, ok := errors.AsType[*Failed](err); ok {
		n.join(failed.Requests, failed.Failures)
		return resource.Result{PhysicalID: op.stack.ID}, embedded(op.stack.ID, verb, err)
	}
	if err != nil {
		return resource.Result{PhysicalID: op.stack.ID}, err
	}
	n.join(result.Requests, nil)
	return op.stack.nested(), nil
}

// announce begins the creation of a nested stack and tells the parent its id, so that clients can follow it and the
// next process finds it if this one is stopped.
func (n nestedStack) announce(op *operation, r resource.Request) error {
	if r.PhysicalID != "" {
		return nil
	}
	if err := op.begin(); err != nil {
		return err
	}
	n.op.mu.Lock()
	rec := n.op.records[r.LogicalID]
	n.op.mu.Unlock()
	err := n.op.write(rec, func() {
		v := *rec.Current
		v.PhysicalID = op.stack.ID
		rec.Current = &v
	})
	n.op.initiated(rec, op.stack.ID)
	return err
}

// resumes reports whether what is left of a failed creation is a nested stack that the next deployment goes on from.
func (o *operation) resumes(rec *record) bool {
	if rec.Type != stackType || rec.Current == nil || rec.Current.PhysicalID == "" {
		return false
	}
	stack, found, err := o.service.stacks.Get(stackKey(o.stack.Region, stackNameOf(rec.Current.PhysicalID)))
	return err == nil && found && stack.Status == CreateFailed
}

// within makes a failure beside the nested stack an interruption of it, after which it rolls back; only what stops the
// whole operation stops it where it is.
func within(parent context.Context, in *DeployInput) (ctx context.Context, end func()) {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(parent))
	interrupt := make(chan struct{})
	in.Interrupt = interrupt
	forget := context.AfterFunc(parent, func() {
		if stopped(parent) {
			stop(context.Cause(parent))
			return
		}
		close(interrupt)
	})
	return ctx, func() { forget(); stop(nil) }
}

// input reads the properties of a nested stack.
func (n nestedStack) input(ctx context.Context, name string, r resource.Request) (DeployInput, error) {
	in := DeployInput{StackName: name, Region: r.Stack.Region, Parameters: map[string]string{}, Exact: true, Tags: maps.Clone(n.op.stack.Tags),
		Capabilities: n.op.stack.Capabilities, Token: r.Token + r.LogicalID, ClientToken: n.op.clientToken, RoleARN: n.op.place.Role, Caller: n.op.place.Caller, OnEvent: n.event,
		NoRollback: n.op.input.NoRollback, DropNew: n.op.drop}
	if err := limits(&in, r); err != nil {
		return in, err
	}
	where, _ := r.Properties["TemplateURL"].(string)
	var err error
	if in.Template, err = n.op.service.Fetch(ctx, r.Stack, where); err != nil {
		return in, err
	}
	given, _ := r.Properties["Parameters"].(map[string]any)
	for key, value := range given {
		text, ok := intrinsic.Text(plain(value))
		if list, isList := value.([]any); isList {
			text, ok = joined(list)
		}
		if !ok {
			return in, fmt.Errorf("Value of property Parameters must be an object with String (or simple type) properties; %s has another", key) //nolint:staticcheck,revive // CloudFormation's form
		}
		in.Parameters[key] = text
	}
	tags, _ := r.Properties["Tags"].([]any)
	for _, tag := range tags {
		pair, _ := tag.(map[string]any)
		key, _ := pair["Key"].(string)
		if in.Tags == nil {
			in.Tags = map[string]string{}
		}
		in.Tags[key], _ = pair["Value"].(string)
	}
	return in, nil
}

// limits reads how long the creation of a nested stack may take, and the topics that are told of it.
func limits(in *DeployInput, r resource.Request) error {
	if given, ok := r.Properties["TimeoutInMinutes"]; ok {
		text, _ := intrinsic.Text(plain(given))
		minutes, err := strconv.Atoi(text)
		if err != nil || minutes < 1 {
			return fmt.Errorf("Value of property TimeoutInMinutes must be a number of at least 1, not %q", text) //nolint:staticcheck,revive // CloudFormation's form
		}
		in.Timeout = time.Duration(minutes) * time.Minute
	}
	topics, _ := r.Properties["NotificationARNs"].([]any)
	for _, topic := range topics {
		text, _ := topic.(string)
		in.Notify = append(in.Notify, text)
	}
	return nil
}

// joined is a list as a parameter's value.
func joined(list []any) (string, bool) {
	parts := make([]string, len(list))
	for i, item := range list {
		var ok bool
		if parts[i], ok = intrinsic.Text(plain(item)); !ok {
			return "", false
		}
	}
	return strings.Join(parts, ","), true
}

// undo rolls back what the parent's operation did to the nested stack, if it has come to its end there. What was
// broken off is rolled back by the next deployment of what it was.
func (n nestedStack) undo(ctx context.Context, name string, r resource.Request) (result resource.Result, done bool, err error) {
	s, key := n.op.service, stackKey(r.Stack.Region, name)
	defer s.lock(key)()
	stack, found, err := s.stacks.Get(key)
	if err != nil || !found {
		return result, false, err
	}
	op := s.newOperation(stack, strings.TrimSuffix(r.Token, rollbackToken)+r.LogicalID, n.event)
	op.clientToken, op.drop, op.skip = n.op.clientToken, n.op.drop, n.op.skip.within(r.LogicalID)
	op.place.Role, op.place.Caller = n.op.place.Role, n.op.place.Caller
	switch {
	case stack.Status == UpdateFailed, stack.Status == UpdateRollbackFailed: // it is what it was but for its resources
		op.stack.Earlier = nil
	case stack.Status != UpdateCompleteCleanup || stack.Earlier == nil:
		return result, false, nil
	default:
		if err := op.reinstate(); err != nil {
			return result, true, err
		}
	}
	err = op.rollBackUpdate(ctx, "")
	n.join(op.requests, nil)
	if err == nil && op.stack.Status.Failed() {
		err = embedded(op.stack.ID, "updated", op.failure(op.stack.Reason))
	}
	return op.stack.nested(), true, err
}

// earlier is what a nested stack was before the operation of its parent.
type earlier struct {
	Stack    stackRecord
	Template string
}

// hold keeps an update's clean-up for the parent.
func (o *operation) hold() error {
	if !o.stack.Completed {
		return nil
	}
	text, err := o.service.Template(o.stack.ID)
	if err != nil {
		return err
	}
	was, _, err := o.service.stacks.Get(stackKey(o.stack.Region, o.stack.Name))
	was.Earlier = nil
	o.held, o.stack.Earlier = true, &earlier{Stack: was, Template: text}
	return err
}

// reinstate gives the stack back what it says of itself.
func (o *operation) reinstate() error {
	was := o.stack.Earlier
	status := o.stack
	o.stack = was.Stack
	o.stack.Status, o.stack.Reason, o.stack.Updated, o.stack.Changed = status.Status, status.Reason, status.Updated, status.Changed
	return o.service.templates.Put(o.stack.ID, was.Template)
}

// release lets nested stacks clean up, once the operation of the parent has succeeded.
func (o *operation) release(ctx context.Context) error {
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if rec.Type != stackType || rec.Current == nil {
			continue
		}
		key := stackKey(o.stack.Region, stackNameOf(rec.Current.PhysicalID))
		if err := o.releaseOne(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) releaseOne(ctx context.Context, key string) error {
	defer o.service.lock(key)()
	stack, found, err := o.service.stacks.Get(key)
	if err != nil || !found || stack.Status != UpdateCompleteCleanup {
		return err
	}
	n := nestedStack{o}
	op := o.service.newOperation(stack, o.token+stack.Name, n.event)
	op.stack.Earlier, op.place.Role, op.place.Caller = nil, o.place.Role, o.place.Caller
	err = op.cleanUp(ctx, UpdateComplete)
	n.join(op.requests, nil)
	return err
}

// nested describes the stack as its parent's resource.
func (r stackRecord) nested() resource.Result {
	attributes := map[string]any{}
	for _, o := range r.Outputs {
		attributes["Outputs."+o.Key] = o.Value
	}
	return resource.Result{PhysicalID: r.ID, Attributes: attributes}
}

// root returns the id of the stack at the top.
func (r stackRecord) root() string {
	if r.RootID != "" {
		return r.RootID
	}
	return r.ID
}

// Nested returns the stacks that are nested in one, however deep.
func (s *Service) Nested(rootID string) []Stack {
	return slices.DeleteFunc(s.Stacks(), func(stack Stack) bool { return stack.RootID != rootID })
}

// SplitURL returns bucket and key of an object's URL, in either of S3's styles, and whether it is one.
// Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
func SplitURL(text string) (bucket, key string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", "", false
	}
	path := strings.TrimPrefix(u.Path, "/")
	if host := u.Hostname(); strings.Contains(host, ".s3.") || strings.Contains(host, ".s3-") {
		bucket, _, _ = strings.Cut(strings.Replace(host, ".s3-", ".s3.", 1), ".s3.")
		return bucket, path, path != ""
	}
	bucket, key, ok = strings.Cut(path, "/")
	return bucket, key, ok && bucket != "" && key != ""
}
