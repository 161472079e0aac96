package stackapi

import (
	"context"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

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
	OperationId          string `xml:",omitempty"` //nolint:revive // AWS's spelling
	// What follows is DescribeEvents's.
	EventType     string              `xml:",omitempty"`
	OperationType cloudformation.Kind `xml:",omitempty"`
}

// eventsPerPage is how many events an answer holds.
const eventsPerPage = 100

// page returns a page of events, the newest first, and what names the next page.
func page(call *protocol.Call, all []cloudformation.Event) ([]eventOutput, string, error) {
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
			ResourceStatusReason: e.Reason, ClientRequestToken: e.Token, OperationId: e.Operation.ID, OperationType: e.Operation.Kind})
	}
	return out, next, nil
}

// events returns the events of the stack that a call names, oldest first.
func (r *Room) events(call *protocol.Call) ([]cloudformation.Event, error) {
	name := call.Form.Get("StackName")
	stack, exists, err := r.lookUp(call.Region, name)
	if err == nil && !exists {
		err = invalid("Stack [%s] does not exist", name)
	}
	if err != nil {
		return nil, err
	}
	return r.Stacks.Events(stack.ID)
}

func (r *Room) describeStackEvents(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		StackEvents []eventOutput `xml:"StackEvents>member"`
		NextToken   string        `xml:",omitempty"`
	}
	all, err := r.events(call)
	if err != nil {
		return nil, err
	}
	out.StackEvents, out.NextToken, err = page(call, all)
	for i := range out.StackEvents {
		out.StackEvents[i].OperationType = ""
	}
	return out, err
}

// describeEvents shows the events of a stack or of one operation, or only what failed. Change sets have none: what is
// wrong with one is its own answer.
func (r *Room) describeEvents(_ context.Context, call *protocol.Call) (any, error) {
	var out struct {
		OperationEvents []eventOutput `xml:"OperationEvents>member"`
		NextToken       string        `xml:",omitempty"`
	}
	if call.Form.Get("ChangeSetName") != "" {
		return out, nil
	}
	all, err := r.operationEvents(call)
	if err != nil {
		return nil, err
	}
	if call.Form.Get("Filters.FailedEvents") == "true" {
		all = slices.DeleteFunc(all, func(e cloudformation.Event) bool { return !e.Status.Failed() })
	}
	out.OperationEvents, out.NextToken, err = page(call, all)
	for i := range out.OperationEvents {
		out.OperationEvents[i].EventType = "STACK_EVENT"
	}
	return out, err
}

// operationEvents returns the events that a call of DescribeEvents is about: of a stack, of an operation, or of both.
func (r *Room) operationEvents(call *protocol.Call) ([]cloudformation.Event, error) {
	id := call.Form.Get("OperationId")
	if call.Form.Get("StackName") != "" || id == "" {
		all, err := r.events(call)
		return slices.DeleteFunc(all, func(e cloudformation.Event) bool { return id != "" && e.Operation.ID != id }), err
	}
	for _, stack := range append(r.inRegion(call), r.Stacks.Deleted()...) {
		if !slices.ContainsFunc(stack.Operations, func(o cloudformation.Operation) bool { return o.ID == id }) {
			continue
		}
		all, err := r.Stacks.Events(stack.ID)
		return slices.DeleteFunc(all, func(e cloudformation.Event) bool { return e.Operation.ID != id }), err
	}
	return nil, invalid("Operation with id %s does not exist", id)
}
