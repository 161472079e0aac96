package states

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a state machine.
func (provider) Identifier() string { return "Arn" }

// Read returns the machine as it is. Its logging, tracing and encryption are left out.
func (p provider) Read(_ context.Context, q resource.Request) (resource.Live, bool, error) {
	m, found, err := p.room.machines.Get(q.PhysicalID)
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	kind := "STANDARD"
	if m.Express {
		kind = express
	}
	live := resource.Live{
		Result:     resource.Result{PhysicalID: m.ARN, Attributes: map[string]any{"Arn": m.ARN, "Name": m.Name, "StateMachineRevisionId": m.Revision}},
		Properties: map[string]any{"StateMachineName": m.Name, "StateMachineType": kind, "RoleArn": m.Role, "DefinitionString": m.Definition},
	}
	if q.Properties["DefinitionSubstitutions"] != nil { // what was substituted is not known any more
		delete(live.Properties, "DefinitionString")
	}
	return live, true, nil
}
