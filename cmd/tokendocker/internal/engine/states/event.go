package states

import "github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"

// maxEventData is how much input and output an event holds together, in bytes.
const maxEventData = 248 << 10

// tell tells EventBridge of an execution's status. Express machines tell nothing.
// Source: AWS Step Functions Developer Guide, "Automating Step Functions event delivery with EventBridge".
func (r *Room) tell(m Machine, e Execution) {
	if r.Publish == nil || m.Express {
		return
	}
	detail := map[string]any{
		"executionArn": e.ARN, "stateMachineArn": m.ARN, "name": e.Name, "status": e.Status, "startDate": e.Started.UnixMilli(), "stopDate": nil,
		"input": nil, "inputDetails": map[string]any{"included": false}, "output": nil, "outputDetails": nil, "error": nil, "cause": nil,
		"stateMachineVersionArn": nil, "stateMachineAliasArn": nil, "redriveCount": 0, "redriveDate": nil, "redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": nil,
	}
	if !e.Ended.IsZero() {
		detail["stopDate"] = e.Ended.UnixMilli()
	}
	if e.Error+e.Cause != "" {
		detail["error"], detail["cause"] = e.Error, e.Cause
	}
	room := maxEventData - len(e.Output)
	if e.Status == succeeded && room >= 0 {
		detail["output"], detail["outputDetails"] = e.Output, map[string]any{"included": true}
	}
	if room >= len(e.Input) {
		detail["input"], detail["inputDetails"] = e.Input, map[string]any{"included": true}
	}
	r.Publish(protocol.Event{Source: "aws.states", DetailType: "Step Functions Execution Status Change", Account: m.Account, Region: m.Region,
		Time: r.Clock.Now(), Resources: []string{e.ARN}, Detail: detail})
}
