package lambda

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a function.
func (functionProvider) Identifier() string { return "FunctionName" }

// Read returns the function as it is. Its code is left out, as CloudFormation leaves it out.
func (p functionProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	f, found, err := p.room.functions.Get(functionKey(r.Stack.Region, r.PhysicalID, latest))
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	variables := map[string]any{}
	for name, value := range f.Environment {
		variables[name] = value
	}
	return resource.Live{
		Result: resource.Result{PhysicalID: f.Name, Attributes: map[string]any{"Arn": f.ARN}},
		Properties: map[string]any{"FunctionName": f.Name, "Description": f.Description, "Handler": f.Handler, "MemorySize": f.MemoryMB, "Timeout": f.TimeoutSec,
			"Role": f.Role, "Runtime": f.Runtime, "PackageType": f.PackageType, "Architectures": []any{f.Architecture},
			"Environment": map[string]any{"Variables": variables}},
	}, true, nil
}
