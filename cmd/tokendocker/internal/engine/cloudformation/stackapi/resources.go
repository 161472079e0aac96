package stackapi

import (
	"context"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type resourceOutput struct {
	StackName            string
	StackId              string //nolint:revive // AWS's spelling
	LogicalResourceId    string //nolint:revive // AWS's spelling
	PhysicalResourceId   string `xml:",omitempty"` //nolint:revive // AWS's spelling
	ResourceType         string
	Timestamp            string `xml:",omitempty"`
	LastUpdatedTimestamp string `xml:",omitempty"`
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
	DriftInformation     driftOutput
}

type driftOutput struct {
	StackResourceDriftStatus string
	LastCheckTimestamp       string `xml:",omitempty"`
}

// resources returns the stack that a call names and its resources, or the one that is named.
func (r *Room) resources(call *protocol.Call) (cloudformation.Stack, []resourceOutput, error) {
	name, only := call.Form.Get("StackName"), call.Form.Get("LogicalResourceId")
	stack, err := r.find(call.Region, name)
	if err != nil {
		return stack, nil, err
	}
	events, err := r.Stacks.Events(stack.ID)
	if err != nil {
		return stack, nil, err
	}
	last := map[string]cloudformation.Event{}
	for _, e := range events {
		if !e.Stack() {
			last[e.LogicalID] = e
		}
	}
	drifts, err := r.drifts(stack.ID)
	if err != nil {
		return stack, nil, err
	}
	var out []resourceOutput
	for _, one := range stack.Resources {
		if only != "" && one.LogicalID != only {
			continue
		}
		e := last[one.LogicalID]
		row := resourceOutput{StackName: stack.Name, StackId: stack.ID, LogicalResourceId: one.LogicalID, PhysicalResourceId: one.PhysicalID,
			ResourceType: one.Type, Timestamp: stamp(e.Real), LastUpdatedTimestamp: stamp(e.Real), ResourceStatus: string(one.Status),
			ResourceStatusReason: e.Reason}
		row.DriftInformation = driftOutput{StackResourceDriftStatus: cloudformation.DriftNotChecked}
		if d, checked := drifts[one.LogicalID]; checked && stack.Drift != cloudformation.DriftNotChecked {
			row.DriftInformation = driftOutput{d.Status, stamp(d.Checked)}
		}
		out = append(out, row)
	}
	return stack, append(out, deleted(stack, last, only)...), nil
}

// deleted lists the resources that a stack had before it was rolled back or deleted.
func deleted(stack cloudformation.Stack, last map[string]cloudformation.Event, only string) []resourceOutput {
	switch stack.Status {
	case cloudformation.RollbackComplete, cloudformation.DeleteComplete:
	default:
		return nil
	}
	var out []resourceOutput
	for _, id := range slices.Sorted(maps.Keys(last)) {
		there := slices.ContainsFunc(stack.Resources, func(one cloudformation.StackResource) bool { return one.LogicalID == id })
		if e := last[id]; !there && (only == "" || only == id) {
			row := resourceOutput{StackName: stack.Name, StackId: stack.ID, LogicalResourceId: id, PhysicalResourceId: e.PhysicalID, ResourceType: e.Type,
				Timestamp: stamp(e.Real), LastUpdatedTimestamp: stamp(e.Real), ResourceStatus: string(e.Status), ResourceStatusReason: e.Reason}
			row.DriftInformation.StackResourceDriftStatus = cloudformation.DriftNotChecked
			out = append(out, row)
		}
	}
	return out
}

func (r *Room) describeStackResources(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		StackResources []resourceOutput `xml:"StackResources>member"`
	}
	physicalID := call.Form.Get("PhysicalResourceId")
	if physicalID != "" {
		stack, found := r.Stacks.Owner(call.Region, physicalID)
		if !found {
			return nil, invalid("Stack for %s does not exist", physicalID)
		}
		call.Form.Set("StackName", stack)
	}
	_, all, err := r.resources(call)
	out.StackResources = slices.DeleteFunc(all, func(one resourceOutput) bool { return physicalID != "" && one.PhysicalResourceId != physicalID })
	return out, err
}

func (r *Room) describeStackResource(_ context.Context, call *protocol.Call) (any, error) {
	stack, found, err := r.resources(call)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, invalid("Resource %s does not exist for stack %s", call.Form.Get("LogicalResourceId"), stack.Name)
	}
	return struct{ StackResourceDetail resourceOutput }{found[0]}, nil
}

func (r *Room) listStackResources(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		StackResourceSummaries []resourceOutput `xml:"StackResourceSummaries>member"`
	}
	var err error
	_, out.StackResourceSummaries, err = r.resources(call)
	return out, err
}

func (r *Room) getTemplate(_ context.Context, call *protocol.Call) (any, error) {
	out := struct {
		TemplateBody    string
		StagesAvailable []string `xml:"StagesAvailable>member"`
	}{StagesAvailable: []string{"Original", "Processed"}}
	if call.Form.Get("ChangeSetName") != "" {
		set, err := r.changeSet(call)
		out.TemplateBody = string(set.Input.Template)
		return out, err
	}
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	out.TemplateBody, err = r.Stacks.Template(stack.ID)
	return out, err
}

type declaredParameter struct {
	ParameterKey  string
	DefaultValue  string `xml:",omitempty"`
	ParameterType string `xml:",omitempty"`
	NoEcho        bool
}

// identifierOutput says how resources of a type are identified that are to be imported.
type identifierOutput struct {
	ResourceType        string
	LogicalResourceIds  []string `xml:"LogicalResourceIds>member"` //nolint:revive // AWS's spelling
	ResourceIdentifiers []string `xml:"ResourceIdentifiers>member"`
}

type templateOutput struct {
	Description  string              `xml:",omitempty"`
	Parameters   []declaredParameter `xml:"Parameters>member"`
	Capabilities []string            `xml:"Capabilities>member"`
	// What follows is GetTemplateSummary's.
	ResourceTypes      []string           `xml:"ResourceTypes>member"`
	Identifiers        []identifierOutput `xml:"ResourceIdentifierSummaries>member"`
	DeclaredTransforms []string           `xml:"DeclaredTransforms>member"`
	Version            string             `xml:",omitempty"`
}

// summary says what a template has and needs.
func summary(text []byte) (templateOutput, error) {
	t, err := template.Parse(text)
	if err != nil {
		return templateOutput{}, err
	}
	out := templateOutput{Description: t.Description, Version: "2010-09-09", DeclaredTransforms: t.Transforms}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := declaredParameter{ParameterKey: name, ParameterType: t.Parameters[name].Type, NoEcho: t.Parameters[name].NoEcho}
		if t.Parameters[name].Default != nil {
			p.DefaultValue = *t.Parameters[name].Default
		}
		out.Parameters = append(out.Parameters, p)
	}
	types := map[string]bool{}
	for _, resource := range t.Resources {
		types[resource.Type] = true
	}
	out.ResourceTypes = slices.Sorted(maps.Keys(types))
	if need := cloudformation.Capability(t); need != "" {
		out.Capabilities = []string{need}
	}
	return out, nil
}

func (r *Room) getTemplateSummary(ctx context.Context, call *protocol.Call) (any, error) {
	name := call.Form.Get("StackName")
	if name == "" {
		text, err := r.template(ctx, call)
		if err != nil {
			return nil, err
		}
		return r.identified(text)
	}
	stack, err := r.find(call.Region, name)
	if err != nil {
		return nil, err
	}
	text, err := r.Stacks.Template(stack.ID)
	if err != nil {
		return nil, err
	}
	return r.identified([]byte(text))
}

// identified is a template's summary with how its resources are identified, of those types that can be imported here.
func (r *Room) identified(text []byte) (templateOutput, error) {
	out, err := summary(text)
	if err != nil {
		return out, err
	}
	t, err := template.Parse(text)
	if err != nil {
		return out, err
	}
	for _, kind := range out.ResourceTypes {
		property := r.Stacks.Identifier(kind)
		if property == "" {
			continue
		}
		one := identifierOutput{ResourceType: kind, ResourceIdentifiers: []string{property}}
		for _, id := range t.ResourceNames() {
			if t.Resources[id].Type == kind {
				one.LogicalResourceIds = append(one.LogicalResourceIds, id)
			}
		}
		out.Identifiers = append(out.Identifiers, one)
	}
	return out, nil
}

func (r *Room) validateTemplate(ctx context.Context, call *protocol.Call) (any, error) {
	text, err := r.template(ctx, call)
	if err != nil {
		return nil, err
	}
	out, err := summary(text)
	out.ResourceTypes, out.Version = nil, ""
	return out, err
}
