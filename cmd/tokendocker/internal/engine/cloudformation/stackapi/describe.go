package stackapi

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// stamp is a time as the API writes it; empty for none. Clients compare times with their own clocks, so all are real.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

type parameterOutput struct {
	ParameterKey   string
	ParameterValue string
	ResolvedValue  string `xml:",omitempty"`
}

type tagOutput struct{ Key, Value string }

func tagsOf(tags map[string]string) []tagOutput {
	var out []tagOutput
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tagOutput{key, tags[key]})
	}
	return out
}

type valueOutput struct {
	OutputKey   string
	OutputValue string
	Description string `xml:",omitempty"`
	ExportName  string `xml:",omitempty"`
}

type stackOutput struct {
	StackId                     string //nolint:revive // AWS's spelling
	StackName                   string
	ChangeSetId                 string            `xml:",omitempty"` //nolint:revive // AWS's spelling
	Description                 string            `xml:",omitempty"`
	Parameters                  []parameterOutput `xml:"Parameters>member"`
	CreationTime                string
	LastUpdatedTime             string `xml:",omitempty"`
	DeletionTime                string `xml:",omitempty"`
	StackStatus                 string
	StackStatusReason           string `xml:",omitempty"`
	DisableRollback             bool
	RetainExceptOnCreate        bool
	TimeoutInMinutes            int           `xml:",omitempty"`
	NotificationARNs            []string      `xml:"NotificationARNs>member"`
	Capabilities                []string      `xml:"Capabilities>member"`
	Outputs                     []valueOutput `xml:"Outputs>member"`
	RoleARN                     string        `xml:",omitempty"`
	Tags                        []tagOutput   `xml:"Tags>member"`
	EnableTerminationProtection bool
	ParentId                    string            `xml:",omitempty"` //nolint:revive // AWS's spelling
	RootId                      string            `xml:",omitempty"` //nolint:revive // AWS's spelling
	LastOperations              []operationOutput `xml:"LastOperations>member"`
	DriftInformation            struct {
		StackDriftStatus   string
		LastCheckTimestamp string `xml:",omitempty"`
	}
}

type operationOutput struct {
	OperationType cloudformation.Kind
	OperationId   string //nolint:revive // AWS's spelling
}

func stackOf(s cloudformation.Stack) stackOutput {
	out := stackOutput{StackId: s.ID, StackName: s.Name, ChangeSetId: s.ChangeSetID, Description: s.Description, CreationTime: stamp(s.Begun),
		DeletionTime: stamp(s.Deleted), StackStatus: string(s.Status), StackStatusReason: s.Reason, DisableRollback: s.NoRollback,
		NotificationARNs: s.Notify, Capabilities: s.Capabilities, RoleARN: s.RoleARN, Tags: tagsOf(s.Tags), EnableTerminationProtection: s.Protected, ParentId: s.ParentID, RootId: s.RootID}
	if s.Status != cloudformation.CreateInProgress && s.Status != cloudformation.CreateComplete && s.Status != cloudformation.ReviewInProgress {
		out.LastUpdatedTime = stamp(s.Changed)
	}
	out.DriftInformation.StackDriftStatus, out.DriftInformation.LastCheckTimestamp = s.Drift, stamp(s.DriftChecked)
	out.RetainExceptOnCreate, out.TimeoutInMinutes = s.RetainExceptOnCreate, int(s.Timeout/time.Minute)
	for _, o := range s.Operations {
		out.LastOperations = append(out.LastOperations, operationOutput{o.Kind, o.ID})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		out.Parameters = append(out.Parameters, parameterOutput{name, s.Parameters[name], s.Resolved[name]})
	}
	for _, o := range s.Outputs {
		out.Outputs = append(out.Outputs, valueOutput{o.Key, o.Value, o.Description, o.Export})
	}
	return out
}

// inRegion returns the stacks of the call's region, the newest first.
func (r *Room) inRegion(call *protocol.Call) []cloudformation.Stack {
	out := slices.DeleteFunc(r.Stacks.Stacks(), func(s cloudformation.Stack) bool { return s.Region != call.Region })
	slices.SortStableFunc(out, func(a, b cloudformation.Stack) int { return b.Begun.Compare(a.Begun) })
	return out
}

func (r *Room) describeStacks(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		Stacks []stackOutput `xml:"Stacks>member"`
	}
	if name := call.Form.Get("StackName"); name != "" {
		stack, err := r.find(call.Region, name)
		out.Stacks = []stackOutput{stackOf(stack)}
		return out, err
	}
	for _, stack := range r.inRegion(call) {
		out.Stacks = append(out.Stacks, stackOf(stack))
	}
	return out, nil
}

// listStacks lists the stacks there are and those that were deleted, the newest first.
func (r *Room) listStacks(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		StackSummaries []stackOutput `xml:"StackSummaries>member"`
	}
	wanted := members(call.Form, "StackStatusFilter")
	gone := slices.DeleteFunc(r.Stacks.Deleted(), func(s cloudformation.Stack) bool { return s.Region != call.Region })
	for _, stack := range append(r.inRegion(call), gone...) {
		if len(wanted) == 0 || slices.Contains(wanted, string(stack.Status)) {
			out.StackSummaries = append(out.StackSummaries, stackOf(stack))
		}
	}
	return out, nil
}

// listImports lists the stacks that import an export.
func (r *Room) listImports(_ context.Context, call *protocol.Call) (any, error) {
	name := call.Form.Get("ExportName")
	var out struct {
		Imports []string `xml:"Imports>member"`
	}
	for _, stack := range r.inRegion(call) {
		if slices.Contains(stack.Imports, name) {
			out.Imports = append(out.Imports, stack.Name)
		}
	}
	if out.Imports == nil {
		return nil, invalid("Export '%s' is not imported by any stack.", name)
	}
	return out, nil
}

func (r *Room) listExports(_ context.Context, call *protocol.Call) (any, error) {
	type export struct{ ExportingStackId, Name, Value string } //nolint:revive // AWS's spelling
	var out struct {
		Exports []export `xml:"Exports>member"`
	}
	for _, stack := range r.inRegion(call) {
		for _, o := range stack.Outputs {
			if o.Export != "" {
				out.Exports = append(out.Exports, export{stack.ID, o.Export, o.Value})
			}
		}
	}
	return out, nil
}
