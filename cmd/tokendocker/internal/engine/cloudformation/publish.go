package cloudformation

import "github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"

// publish tells EventBridge of a stack event.
// Source: AWS CloudFormation User Guide, "Manage events with CloudFormation and Amazon EventBridge".
func (s *Service) publish(e Event) {
	if s.Publish == nil {
		return
	}
	detail := map[string]any{"stack-id": e.StackID, "client-request-token": e.Token,
		"status-details": map[string]any{"status": e.Status, "status-reason": e.Reason}}
	kind := "CloudFormation Stack Status Change"
	if !e.Stack() {
		kind = "CloudFormation Resource Status Change"
		detail["logical-resource-id"], detail["physical-resource-id"], detail["resource-type"] = e.LogicalID, e.PhysicalID, e.Type
	}
	s.Publish(protocol.Event{Source: "aws.cloudformation", DetailType: kind, Account: s.Account, Region: e.Region, Time: e.Time,
		Resources: []string{e.StackID}, Detail: detail})
}
