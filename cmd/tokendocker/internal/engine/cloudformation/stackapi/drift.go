package stackapi

import (
	"context"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// drifts returns what is known of the drift of a stack's resources, by logical id.
func (r *Room) drifts(stackID string) (map[string]cloudformation.Drift, error) {
	all, err := r.Stacks.Drifts(stackID)
	out := map[string]cloudformation.Drift{}
	for _, d := range all {
		out[d.LogicalID] = d
	}
	return out, err
}

// detect compares the stack that a call names with what is there, at once.
func (r *Room) detect(ctx context.Context, call *protocol.Call, only []string) (cloudformation.Detection, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return cloudformation.Detection{}, err
	}
	switch stack.Status {
	case cloudformation.CreateComplete, cloudformation.UpdateComplete, cloudformation.UpdateRollbackComplete,
		cloudformation.UpdateRollbackFailed, cloudformation.ImportComplete, cloudformation.ImportRollbackComplete:
	default:
		return cloudformation.Detection{}, invalid("Drift detection cannot be performed on stack [%s] while it is in %s state.", stack.ID, stack.Status)
	}
	for _, id := range only {
		if !slices.ContainsFunc(stack.Resources, func(one cloudformation.StackResource) bool { return one.LogicalID == id }) {
			return cloudformation.Detection{}, invalid("Resource %s does not exist for stack %s", id, stack.Name)
		}
	}
	return r.Stacks.DetectDrift(ctx, stack.Region, stack.Name, only)
}

func (r *Room) detectStackDrift(ctx context.Context, call *protocol.Call) (any, error) {
	d, err := r.detect(ctx, call, members(call.Form, "LogicalResourceIds"))
	return struct{ StackDriftDetectionId string }{d.ID}, err //nolint:revive // AWS's spelling
}

func (r *Room) describeDetection(_ context.Context, call *protocol.Call) (any, error) {
	id := call.Form.Get("StackDriftDetectionId")
	d, found := r.Stacks.Detection(id)
	if !found {
		return nil, invalid("Drift detection with id %s does not exist", id)
	}
	return struct {
		StackId, StackDriftDetectionId, DetectionStatus, StackDriftStatus, Timestamp string //nolint:revive // AWS's spelling
		DriftedStackResourceCount                                                    int
	}{d.StackID, d.ID, "DETECTION_COMPLETE", d.Status, stamp(d.Begun), d.Drifted}, nil
}

type resourceDriftOutput struct {
	StackId, LogicalResourceId, PhysicalResourceId, ResourceType string //nolint:revive // AWS's spelling
	StackResourceDriftStatus                                     string
	DriftStatusReason                                            string `xml:",omitempty"`
	ExpectedProperties                                           string `xml:",omitempty"`
	ActualProperties                                             string `xml:",omitempty"`
	Timestamp                                                    string
	PropertyDifferences                                          []differenceOutput `xml:"PropertyDifferences>member"`
}

type differenceOutput struct{ PropertyPath, ExpectedValue, ActualValue, DifferenceType string }

func driftOf(stackID string, d cloudformation.Drift) resourceDriftOutput {
	out := resourceDriftOutput{StackId: stackID, LogicalResourceId: d.LogicalID, PhysicalResourceId: d.PhysicalID, ResourceType: d.Type,
		StackResourceDriftStatus: d.Status, DriftStatusReason: d.Reason, Timestamp: stamp(d.Checked)}
	if d.Expected != nil {
		out.ExpectedProperties, out.ActualProperties = text(d.Expected), text(d.Actual)
	}
	for _, diff := range d.Differences {
		out.PropertyDifferences = append(out.PropertyDifferences, differenceOutput{diff.Path, valueText(diff.Expected), valueText(diff.Real), diff.Kind})
	}
	return out
}

// valueText is a value of a property: text as it is, "null" for none, else JSON.
func valueText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return text(value)
}

func (r *Room) describeDrifts(_ context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	all, err := r.Stacks.Drifts(stack.ID)
	if err != nil {
		return nil, err
	}
	var out struct {
		StackResourceDrifts []resourceDriftOutput `xml:"StackResourceDrifts>member"`
	}
	wanted := members(call.Form, "StackResourceDriftStatusFilters")
	for _, d := range all {
		if len(wanted) == 0 || slices.Contains(wanted, d.Status) {
			out.StackResourceDrifts = append(out.StackResourceDrifts, driftOf(stack.ID, d))
		}
	}
	return out, nil
}

func (r *Room) detectResourceDrift(ctx context.Context, call *protocol.Call) (any, error) {
	id := call.Form.Get("LogicalResourceId")
	found, err := r.detect(ctx, call, []string{id})
	if err != nil {
		return nil, err
	}
	drifts, err := r.drifts(found.StackID)
	if err != nil {
		return nil, err
	}
	d, checked := drifts[id]
	if !checked {
		return nil, invalid("Resource type of %s isn't currently supported for drift detection", id)
	}
	return struct{ StackResourceDrift resourceDriftOutput }{driftOf(found.StackID, d)}, nil
}
