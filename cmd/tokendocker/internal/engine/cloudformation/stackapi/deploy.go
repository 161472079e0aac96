package stackapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// revertDrift is the mode of change sets that bring back what has drifted.
const revertDrift = "REVERT_DRIFT"

// maxBody is the size of a template in a call, in bytes; a larger one goes through S3.
// Source: AWS CloudFormation User Guide, "CloudFormation quotas".
const maxBody = 51_200

// input reads what CreateStack, UpdateStack and CreateChangeSet have in common. now is the stack as it is; its name is
// empty if there is none.
func (r *Room) input(ctx context.Context, call *protocol.Call, now cloudformation.Stack) (cloudformation.DeployInput, error) {
	form := call.Form
	for name, other := range map[string]string{"DeploymentConfig.Mode": "STANDARD", "DeploymentMode": revertDrift} {
		if value := form.Get(name); value != "" && value != other {
			return cloudformation.DeployInput{}, invalid("tokendocker does not know %s=%s", name, value)
		}
	}
	in := cloudformation.DeployInput{StackName: form.Get("StackName"), Region: call.Region, Exact: true, Parameters: map[string]string{},
		Capabilities: members(form, "Capabilities"), Notify: now.Notify, Tags: now.Tags, RoleARN: form.Get("RoleARN"), ClientToken: form.Get("ClientRequestToken"),
		Caller: call.Session, RevertDrift: form.Get("DeploymentMode") == revertDrift, NoRollback: form.Get("DisableRollback") == "true", DropNew: form.Get("RetainExceptOnCreate") == "true"}
	if has(form, "NotificationARNs") {
		in.Notify = members(form, "NotificationARNs")
	}
	if now.Name != "" {
		in.StackName = now.Name
	}
	for _, p := range structures(form, "Parameters") {
		if p["UsePreviousValue"] == "true" {
			in.Keep = append(in.Keep, p["ParameterKey"])
		} else {
			in.Parameters[p["ParameterKey"]] = p["ParameterValue"]
		}
	}
	if has(form, "Tags") {
		in.Tags = map[string]string{}
		for _, tag := range structures(form, "Tags") {
			in.Tags[tag["Key"]] = tag["Value"]
		}
	}
	if in.RoleARN == "" {
		in.RoleARN = now.RoleARN
	} else if r.Trusts(ctx, in.RoleARN) != nil {
		return in, invalid("Role %s is invalid or cannot be assumed", in.RoleARN)
	}
	var err error
	if form.Get("UsePreviousTemplate") == "true" {
		text, err := r.Stacks.Template(now.ID)
		in.Template = []byte(text)
		return in, err
	}
	in.Template, err = r.template(ctx, call)
	if err != nil {
		return in, err
	}
	return in, checkParameters(in)
}

// checkParameters refuses parameters that the template does not have.
func checkParameters(in cloudformation.DeployInput) error {
	t, err := template.Parse(in.Template)
	if err != nil {
		return err
	}
	var unknown []string
	for name := range in.Parameters {
		if t.Parameters[name] == nil {
			unknown = append(unknown, name)
		}
	}
	for _, name := range in.Keep {
		if t.Parameters[name] == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return invalid("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	return nil
}

// template reads the template that a call brings or points to.
func (r *Room) template(ctx context.Context, call *protocol.Call) ([]byte, error) {
	body, where := call.Form.Get("TemplateBody"), call.Form.Get("TemplateURL")
	switch {
	case body != "" && where != "", body == "" && where == "":
		return nil, invalid("Either Template URL or Template Body must be specified.")
	case len(body) > maxBody:
		return nil, invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxBody)
	case body != "":
		return []byte(body), nil
	}
	return r.fetch(ctx, call, "TemplateURL", template.MaxBytes)
}

// fetch reads the file in S3 that a parameter of a call points to, as whoever calls.
func (r *Room) fetch(ctx context.Context, call *protocol.Call, parameter string, limit int64) ([]byte, error) {
	bucket, key, ok := cloudformation.SplitURL(call.Form.Get(parameter))
	if !ok {
		return nil, invalid("%s must be a supported URL.", parameter)
	}
	object, err := r.Objects.Fetch(ctx, call.Session, call.Region, bucket, key)
	if err == nil {
		defer object.Close() //nolint:errcheck // read only
		return io.ReadAll(io.LimitReader(object, limit+1))
	}
	if refused, ok := errors.AsType[*protocol.Error](err); ok {
		return nil, invalid("S3 error: %s", refused.Message)
	}
	return nil, err
}

type stackID struct {
	StackId     string `xml:",omitempty"` //nolint:revive // AWS's spelling
	OperationId string `xml:",omitempty"` //nolint:revive // AWS's spelling
}

// interruptible returns a channel that cancelUpdate closes while the stack is being deployed.
func (r *Room) interruptible(id string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupts[id] = make(chan struct{})
	return r.interrupts[id]
}

// deploy runs a deployment in the background.
func (r *Room) deploy(running *cloudformation.Running) (any, error) {
	r.background(running.Run)
	return stackID{StackId: running.StackID, OperationId: running.OperationID}, nil
}

func (r *Room) createStack(ctx context.Context, call *protocol.Call) (any, error) {
	if err := refuse(call.Form, "ResourceTypes", "RollbackConfiguration"); err != nil {
		return nil, err
	}
	if stack, exists, err := r.lookUp(call.Region, call.Form.Get("StackName")); exists || err != nil {
		if err == nil && r.repeated(stack, call.Form.Get("ClientRequestToken")) {
			return stackID{StackId: stack.ID}, nil
		}
		return nil, errors.Join(err, protocol.Errorf("AlreadyExistsException", "Stack [%s] already exists", call.Form.Get("StackName")))
	}
	in, err := r.input(ctx, call, cloudformation.Stack{})
	if err != nil {
		return nil, err
	}
	if in.Policy, err = r.stackPolicy(ctx, call, "StackPolicy"); err != nil {
		return nil, err
	}
	if err := readFailure(&in, call.Form); err != nil {
		return nil, err
	}
	in.Protect = call.Form.Get("EnableTerminationProtection") == "true"
	running, err := r.Stacks.Begin(ctx, in)
	if err != nil {
		return nil, err
	}
	return r.deploy(running)
}

// readFailure reads what becomes of a new stack that cannot be made, and how long its creation may take.
func readFailure(in *cloudformation.DeployInput, form url.Values) error {
	if has(form, "OnFailure") && has(form, "DisableRollback") {
		return invalid("You can specify either DisableRollback or OnFailure, but not both.")
	}
	switch form.Get("OnFailure") {
	case "", rollBack:
	case doNothing:
		in.NoRollback = true
	case deleteStack:
		in.Delete = true
	default:
		return invalid("1 validation error detected: Value '%s' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]", form.Get("OnFailure"))
	}
	if text := form.Get("TimeoutInMinutes"); text != "" {
		minutes, err := strconv.Atoi(text)
		if err != nil || minutes < 1 {
			return invalid("1 validation error detected: Value '%s' at 'timeoutInMinutes' failed to satisfy constraint: Member must have value greater than or equal to 1", text)
		}
		in.Timeout = time.Duration(minutes) * time.Minute
	}
	return nil
}

// What becomes of a new stack that cannot be made. Source: AWS CloudFormation API Reference, CreateStack.
const (
	rollBack    = "ROLLBACK"
	doNothing   = "DO_NOTHING"
	deleteStack = "DELETE"
)

// repeated reports whether the stack was made by a call with this token, of which the client has lost the answer.
func (r *Room) repeated(stack cloudformation.Stack, token string) bool {
	events, err := r.Stacks.Events(stack.ID)
	return err == nil && token != "" && len(events) > 0 && events[0].Token == token
}

// updatable reports whether a stack can be updated from where it is.
// Source: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events", stack status codes.
func updatable(stack cloudformation.Stack) error {
	switch stack.Status {
	case cloudformation.CreateComplete, cloudformation.UpdateComplete, cloudformation.UpdateRollbackComplete,
		cloudformation.CreateFailed, cloudformation.UpdateFailed, cloudformation.ImportComplete, cloudformation.ImportRollbackComplete:
		return nil
	}
	return invalid("Stack:%s is in %s state and can not be updated.", stack.ID, stack.Status)
}

func (r *Room) updateStack(ctx context.Context, call *protocol.Call) (any, error) {
	if err := refuse(call.Form, "ResourceTypes", "RollbackConfiguration"); err != nil {
		return nil, err
	}
	stack, exists, err := r.lookUp(call.Region, call.Form.Get("StackName"))
	if err == nil && !exists {
		err = invalid("Stack [%s] does not exist", call.Form.Get("StackName"))
	}
	if err == nil {
		err = updatable(stack)
	}
	if err != nil {
		return nil, err
	}
	in, err := r.input(ctx, call, stack)
	if err != nil {
		return nil, err
	}
	if in.Policy, err = r.stackPolicy(ctx, call, "StackPolicy"); err != nil {
		return nil, err
	}
	if in.PolicyNow, err = r.stackPolicy(ctx, call, "StackPolicyDuringUpdate"); err != nil {
		return nil, err
	}
	ahead, err := r.Stacks.Forecast(ctx, in)
	if err != nil {
		return nil, err
	}
	if ahead.Nothing {
		return nil, invalid("No updates are to be performed.")
	}
	in.Interrupt = r.interruptible(stack.ID)
	running, err := r.Stacks.Begin(ctx, in)
	if err != nil {
		return nil, err
	}
	return r.deploy(running)
}

// cancelUpdate rolls back an update that is going on.
func (r *Room) cancelUpdate(_ context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.interrupts[stack.ID]
	if c == nil || stack.Status != cloudformation.UpdateInProgress {
		return nil, invalid("CancelUpdateStack cannot be called from current stack status")
	}
	close(c)
	delete(r.interrupts, stack.ID)
	return nil, nil
}

func (r *Room) deleteStack(ctx context.Context, call *protocol.Call) (any, error) {
	stack, exists, err := r.lookUp(call.Region, call.Form.Get("StackName"))
	if err != nil || !exists || stack.Status == cloudformation.DeleteComplete || stack.Status == cloudformation.DeleteInProgress {
		return nil, err
	}
	if r.protected(stack) {
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", stack.Name)
	}
	role := call.Form.Get("RoleARN")
	if role != "" && r.Trusts(ctx, role) != nil {
		return nil, invalid("Role %s is invalid or cannot be assumed", role)
	}
	mode := call.Form.Get("DeletionMode")
	if mode != "" && mode != "STANDARD" && mode != "FORCE_DELETE_STACK" {
		return nil, invalid("1 validation error detected: Value '%s' at 'deletionMode' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, FORCE_DELETE_STACK]", mode)
	}
	running, err := r.Stacks.BeginDelete(ctx, cloudformation.DeleteInput{StackName: stack.Name, Region: stack.Region, Retain: members(call.Form, "RetainResources"),
		Force: mode == "FORCE_DELETE_STACK", ClientToken: call.Form.Get("ClientRequestToken"), RoleARN: role, Caller: call.Session})
	if busy, ok := errors.AsType[*cloudformation.BusyError](err); ok {
		return nil, invalid("Stack [%s] is in %s state and can not be deleted.", busy.StackID, busy.Status)
	}
	if err != nil || running == nil {
		return nil, err
	}
	r.background(running.Run)
	return nil, nil
}

// protected reports whether a stack may not be deleted: a nested stack is protected as the one at the top is.
// Source: AWS CloudFormation User Guide, "Protect CloudFormation stacks from being deleted".
func (r *Room) protected(stack cloudformation.Stack) bool {
	if stack.RootID == "" {
		return stack.Protected
	}
	root, found, err := r.Stacks.Find(stack.RootID)
	return err == nil && found && root.Protected
}

// rollBack rolls back a stack whose deployment failed and was left as it was.
func (r *Room) rollBack(ctx context.Context, call *protocol.Call) (any, error) {
	return r.rollBackFrom(ctx, call, cloudformation.CreateFailed, cloudformation.UpdateFailed)
}

// continueRollback goes on with a roll-back that failed.
func (r *Room) continueRollback(ctx context.Context, call *protocol.Call) (any, error) {
	if call.Form.Get("ForceRollback") == "true" && has(call.Form, "ResourcesToSkip.member.1") {
		return nil, invalid("You can specify either ForceRollback or ResourcesToSkip, but not both.")
	}
	_, err := r.rollBackFrom(ctx, call, cloudformation.UpdateRollbackFailed)
	return struct{}{}, err
}

func (r *Room) rollBackFrom(ctx context.Context, call *protocol.Call, from ...cloudformation.Status) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	possible := false
	for _, status := range from {
		possible = possible || stack.Status == status
	}
	if !possible {
		return nil, invalid("Stack:%s is in %s state and can not be rolled back.", stack.ID, stack.Status)
	}
	running, err := r.Stacks.BeginRollback(ctx, cloudformation.RollbackInput{Region: stack.Region, StackName: stack.Name,
		ClientToken: call.Form.Get("ClientRequestToken"), Caller: call.Session, DropNew: call.Form.Get("RetainExceptOnCreate") == "true",
		Skip: members(call.Form, "ResourcesToSkip"), SkipAll: call.Form.Get("ForceRollback") == "true"})
	if err == nil && running == nil {
		err = fmt.Errorf("stack %s has just been deleted", stack.Name)
	}
	if err != nil {
		return nil, err
	}
	r.background(func(ctx context.Context) error {
		select {
		case <-time.After(r.Pause):
		case <-ctx.Done():
		}
		return running.Run(ctx)
	})
	return stackID{StackId: running.StackID, OperationId: running.OperationID}, nil
}

func (r *Room) updateProtection(ctx context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	if stack.RootID != "" {
		return nil, invalid("Termination protection of the nested stack %s is that of its root stack %s", stack.Name, stack.RootID)
	}
	return stackID{StackId: stack.ID}, r.Stacks.SetProtected(ctx, stack.Region, stack.Name, call.Form.Get("EnableTerminationProtection") == "true")
}
