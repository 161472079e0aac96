package stackapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func (r *Room) createChangeSet(ctx context.Context, call *protocol.Call) (any, error) {
	form := call.Form
	if err := refuse(form, "ResourceTypes", "RollbackConfiguration"); err != nil {
		return nil, err
	}
	stack, exists, err := r.lookUp(call.Region, form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	imports := form.Get("ChangeSetType") == "IMPORT"
	create := form.Get("ChangeSetType") == "CREATE" || imports && (!exists || stack.Status == cloudformation.ReviewInProgress)
	switch {
	case imports != has(form, "ResourcesToImport.member.1"):
		return nil, invalid("ResourcesToImport must be specified for change sets of type IMPORT, and for no others")
	case create && exists && stack.Status != cloudformation.ReviewInProgress:
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", stack.Name, form.Get("ChangeSetName"))
	case !create && !exists:
		return nil, invalid("Stack [%s] does not exist", form.Get("StackName"))
	case !create:
		if err := updatable(stack); err != nil {
			return nil, err
		}
	}
	if err := checkOnStackFailure(form.Get("OnStackFailure"), create); err != nil {
		return nil, err
	}
	in, err := r.input(ctx, call, stack)
	if err != nil {
		return nil, err
	}
	set, err := r.Stacks.CreateChangeSet(ctx, cloudformation.ChangeSetInput{Name: form.Get("ChangeSetName"), Description: form.Get("Description"),
		Create: create, Import: imports, Adopt: adoptions(form), AdoptExisting: form.Get("ImportExistingResources") == "true",
		OnFailure: form.Get("OnStackFailure"), Deploy: in})
	if err != nil {
		return nil, err
	}
	return struct{ Id, StackId string }{set.ID, set.StackID}, nil //nolint:revive // AWS's spelling
}

// adoptions reads the resources to import.
func adoptions(form url.Values) []cloudformation.Adoption {
	var out []cloudformation.Adoption
	for i, one := range structures(form, "ResourcesToImport") {
		a := cloudformation.Adoption{LogicalID: one["LogicalResourceId"], Type: one["ResourceType"], Identifier: map[string]string{}}
		for n := 1; ; n++ {
			entry := fmt.Sprintf("ResourcesToImport.member.%d.ResourceIdentifier.entry.%d.", i+1, n)
			if !form.Has(entry + "key") {
				break
			}
			a.Identifier[form.Get(entry+"key")] = form.Get(entry + "value")
		}
		out = append(out, a)
	}
	return out
}

// checkOnStackFailure checks what the client wants done when the execution fails.
func checkOnStackFailure(what string, create bool) error {
	switch what {
	case "", rollBack, doNothing:
	case deleteStack:
		if !create {
			return invalid("OnStackFailure DELETE is only valid when the ChangeSetType is CREATE")
		}
	default:
		return invalid("1 validation error detected: Value '%s' at 'onStackFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]", what)
	}
	return nil
}

// changeSet returns the change set that a call names.
func (r *Room) changeSet(call *protocol.Call) (cloudformation.ChangeSet, error) {
	name, stack := call.Form.Get("ChangeSetName"), call.Form.Get("StackName")
	missing := &protocol.Error{Code: "ChangeSetNotFound", Status: http.StatusNotFound, Message: "ChangeSet [" + name + "] does not exist"}
	id := ""
	if stack != "" {
		found, err := r.find(call.Region, stack)
		if err != nil {
			return cloudformation.ChangeSet{}, errors.Join(missing, err)
		}
		id = found.ID
	}
	set, found := r.Stacks.ChangeSet(id, name)
	if !found || id != "" && set.StackID != id {
		return set, missing
	}
	return set, nil
}

type changeSetOutput struct {
	ChangeSetId, ChangeSetName, StackId, StackName string //nolint:revive // AWS's spelling
	Description                                    string `xml:",omitempty"`
	CreationTime                                   string
	Status                                         string
	StatusReason                                   string `xml:",omitempty"`
	ExecutionStatus                                string
	OnStackFailure                                 string            `xml:",omitempty"`
	DeploymentMode                                 string            `xml:",omitempty"`
	NotificationARNs                               []string          `xml:"NotificationARNs>member"`
	Capabilities                                   []string          `xml:"Capabilities>member"`
	Parameters                                     []parameterOutput `xml:"Parameters>member"`
	Tags                                           []tagOutput       `xml:"Tags>member"`
	Changes                                        []changeOutput    `xml:"Changes>member"`
}

type changeOutput struct {
	Type           string
	ResourceChange struct {
		Action              string
		LogicalResourceId   string //nolint:revive // AWS's spelling
		PhysicalResourceId  string `xml:",omitempty"` //nolint:revive // AWS's spelling
		ResourceType        string
		Replacement         string         `xml:",omitempty"`
		PolicyAction        string         `xml:",omitempty"`
		Scope               []string       `xml:"Scope>member"`
		Details             []detailOutput `xml:"Details>member"`
		BeforeContext       string         `xml:",omitempty"`
		AfterContext        string         `xml:",omitempty"`
		ResourceDriftStatus string         `xml:",omitempty"`
	}
}

type detailOutput struct {
	Target struct {
		Attribute          string
		Name               string `xml:",omitempty"`
		RequiresRecreation string
		Path               string `xml:",omitempty"`
		BeforeValue        string `xml:",omitempty"`
		AfterValue         string `xml:",omitempty"`
	}
	Evaluation   string
	ChangeSource string
}

func (r *Room) describeChangeSet(_ context.Context, call *protocol.Call) (any, error) {
	set, err := r.changeSet(call)
	if err != nil {
		return nil, err
	}
	out := changeSetOutput{ChangeSetId: set.ID, ChangeSetName: set.Name, StackId: set.StackID, StackName: set.Input.StackName,
		Description: set.Description, CreationTime: stamp(set.Begun), Status: set.Status, StatusReason: set.Reason, ExecutionStatus: set.Execution,
		OnStackFailure: set.OnFailure, NotificationARNs: set.Input.Notify, Capabilities: set.Input.Capabilities, Tags: tagsOf(set.Input.Tags)}
	if set.Input.RevertDrift {
		out.DeploymentMode = revertDrift
	}
	for _, c := range set.Changes {
		out.Changes = append(out.Changes, change(c, call.Form.Get("IncludePropertyValues") == "true"))
	}
	return out, nil
}

// change shows one resource's change, with the values of its properties if the client wants them.
func change(c cloudformation.Change, values bool) changeOutput {
	out := changeOutput{Type: "Resource"}
	rc := &out.ResourceChange
	rc.Action, rc.LogicalResourceId, rc.PhysicalResourceId, rc.ResourceType = c.Action, c.LogicalID, c.PhysicalID, c.Type
	rc.ResourceDriftStatus = c.Drift
	rc.Replacement, rc.PolicyAction, rc.Scope = c.Replacement, c.Policy, c.Scope
	if values {
		rc.BeforeContext, rc.AfterContext = contextOf(c.Before), contextOf(c.After)
	}
	for _, d := range c.Details {
		var one detailOutput
		one.Target.Attribute, one.Target.Name, one.Target.RequiresRecreation = d.Attribute, d.Property, d.Recreation
		one.Evaluation, one.ChangeSource = "Static", "DirectModification"
		if d.Dynamic {
			one.Evaluation, one.ChangeSource = "Dynamic", "ResourceAttribute"
		}
		if values && d.Property != "" {
			one.Target.Path = "/Properties/" + d.Property
			one.Target.BeforeValue, one.Target.AfterValue = valueOf(c.Before, d.Property), valueOf(c.After, d.Property)
		}
		rc.Details = append(rc.Details, one)
	}
	return out
}

// contextOf is a resource's definition as JSON text.
func contextOf(properties map[string]any) string {
	if properties == nil {
		return ""
	}
	return text(map[string]any{"Properties": properties})
}

// valueOf is a property's value: text as it is, else JSON.
func valueOf(properties map[string]any, name string) string {
	value, there := properties[name]
	if s, ok := value.(string); ok || !there {
		return s
	}
	return text(value)
}

func text(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // it was decoded from JSON
	return strings.TrimSpace(b.String())
}

func (r *Room) executeChangeSet(ctx context.Context, call *protocol.Call) (any, error) {
	set, err := r.changeSet(call)
	if err != nil {
		return nil, err
	}
	if set.Execution != cloudformation.ExecutionAvailable {
		return nil, protocol.Errorf("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.ID, set.Status)
	}
	if set.OnFailure != "" && has(call.Form, "DisableRollback") {
		return nil, invalid("DisableRollback cannot be specified for a change set that has OnStackFailure")
	}
	running, err := r.Stacks.BeginChangeSet(ctx, set, cloudformation.Execution{NoRollback: call.Form.Get("DisableRollback") == "true",
		DropNew: call.Form.Get("RetainExceptOnCreate") == "true", ClientToken: call.Form.Get("ClientRequestToken"), Caller: call.Session, Interrupt: r.interruptible(set.StackID)})
	if err != nil {
		return nil, err
	}
	r.background(running.Run)
	return struct{}{}, nil
}

// deleteChangeSet removes a change set. One that does not exist is no error, but its stack must.
func (r *Room) deleteChangeSet(_ context.Context, call *protocol.Call) (any, error) {
	set, err := r.changeSet(call)
	if err == nil {
		return struct{}{}, r.Stacks.DeleteChangeSet(set)
	}
	if name := call.Form.Get("StackName"); name != "" {
		_, err := r.find(call.Region, name)
		return struct{}{}, err
	}
	return nil, err
}

func (r *Room) listChangeSets(_ context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	var out struct {
		Summaries []changeSetOutput `xml:"Summaries>member"`
	}
	for _, set := range r.Stacks.ChangeSets(stack.ID) {
		out.Summaries = append(out.Summaries, changeSetOutput{ChangeSetId: set.ID, ChangeSetName: set.Name, StackId: set.StackID,
			StackName: stack.Name, Description: set.Description, CreationTime: stamp(set.Begun), Status: set.Status, StatusReason: set.Reason,
			ExecutionStatus: set.Execution})
	}
	return out, nil
}
