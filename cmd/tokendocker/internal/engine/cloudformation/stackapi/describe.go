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
	NotificationARNs            []string      `xml:"NotificationARNs>member"`
	Capabilities                []string      `xml:"Capabilities>member"`
	Outputs                     []valueOutput `xml:"Outputs>member"`
	RoleARN                     string        `xml:",omitempty"`
	Tags                        []tagOutput   `xml:"Tags>member"`
	EnableTerminationProtection bool
	ParentId                    string `xml:",omitempty"` //nolint:revive // AWS's spelling
	RootId                      string `xml:",omitempty"` //nolint:revive // AWS's spelling
	DriftInformation            struct{ StackDriftStatus string }
}

func stackOf(s cloudformation.Stack) stackOutput {
	out := stackOutput{StackId: s.ID, StackName: s.Name, ChangeSetId: s.ChangeSetID, Description: s.Description, CreationTime: stamp(s.Begun),
		DeletionTime: stamp(s.Deleted), StackStatus: string(s.Status), StackStatusReason: s.Reason, DisableRollback: s.NoRollback,
		NotificationARNs: s.Notify, Capabilities: s.Capabilities, RoleARN: s.RoleARN, Tags: tagsOf(s.Tags), EnableTerminationProtection: s.Protected, ParentId: s.ParentID, RootId: s.RootID}
	if s.Status != cloudformation.CreateInProgress && s.Status != cloudformation.CreateComplete && s.Status != cloudformation.ReviewInProgress {
		out.LastUpdatedTime = stamp(s.Changed)
	}
	out.DriftInformation.StackDriftStatus = "NOT_CHECKED"
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

type eventOutput struct {
	EventId              string //nolint:revive // AWS's spelling
	StackId              string //nolint:revive // AWS's spelling
	StackName            string
	LogicalResourceId    string //nolint:revive // AWS's spelling
	PhysicalResourceId   string //nolint:revive // AWS's spelling
	ResourceType         string
	Timestamp            string
	ResourceStatus       string
	ResourceStatusReason string `xml:",omitempty"`
	ClientRequestToken   string `xml:",omitempty"`
	EventType            string `xml:",omitempty"` // of DescribeEvents
}

// eventsPerPage is how many events an answer holds.
const eventsPerPage = 100

// events returns a page of a stack's events, the newest first, and what names the next page.
func (r *Room) events(call *protocol.Call) ([]eventOutput, string, error) {
	name := call.Form.Get("StackName")
	stack, exists, err := r.lookUp(call.Region, name)
	if err == nil && !exists {
		err = invalid("Stack [%s] does not exist", name)
	}
	if err != nil {
		return nil, "", err
	}
	all, err := r.Stacks.Events(stack.ID)
	if err != nil {
		return nil, "", err
	}
	slices.Reverse(all)
	if after := call.Form.Get("NextToken"); after != "" {
		i := slices.IndexFunc(all, func(e cloudformation.Event) bool { return e.ID == after })
		if i < 0 {
			return nil, "", invalid("Invalid NextToken")
		}
		all = all[i+1:]
	}
	next := ""
	if len(all) > eventsPerPage {
		all = all[:eventsPerPage]
		next = all[eventsPerPage-1].ID
	}
	var out []eventOutput
	for _, e := range all {
		out = append(out, eventOutput{EventId: e.ID, StackId: e.StackID, StackName: e.StackName, LogicalResourceId: e.LogicalID,
			PhysicalResourceId: e.PhysicalID, ResourceType: e.Type, Timestamp: stamp(e.Real), ResourceStatus: string(e.Status),
			ResourceStatusReason: e.Reason, ClientRequestToken: e.Token})
	}
	return out, next, nil
}

func (r *Room) describeStackEvents(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		StackEvents []eventOutput `xml:"StackEvents>member"`
		NextToken   string        `xml:",omitempty"`
	}
	var err error
	out.StackEvents, out.NextToken, err = r.events(call)
	return out, err
}

// describeEvents shows the events of a stack. Change sets have none: what is wrong with one is its own answer.
func (r *Room) describeEvents(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		OperationEvents []eventOutput `xml:"OperationEvents>member"`
		NextToken       string        `xml:",omitempty"`
	}
	if call.Form.Get("ChangeSetName") != "" {
		return out, nil
	}
	var err error
	out.OperationEvents, out.NextToken, err = r.events(call)
	for i := range out.OperationEvents {
		out.OperationEvents[i].EventType = "STACK_EVENT"
	}
	return out, err
}
