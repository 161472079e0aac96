package ssm

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a parameter.
func (parameterProvider) Identifier() string { return "Name" }

// Read returns the parameter as it is.
func (p parameterProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	have, found, err := p.room.parameters.Get(tableKey(r.Stack.Region, r.PhysicalID))
	if err != nil || !found || have.Type == secureString {
		return resource.Live{}, false, err
	}
	value := have.latest().Value
	tags := map[string]any{}
	for key, v := range have.Tags {
		tags[key] = v
	}
	return resource.Live{
		Result:     resource.Result{PhysicalID: have.Name, Attributes: map[string]any{"Type": have.Type, "Value": value, "Arn": p.room.arn(r.Stack.Region, have.Name)}},
		Properties: map[string]any{"Name": have.Name, "Type": have.Type, "Value": value, "DataType": have.DataType, "Tier": have.Tier, "Tags": tags},
	}, true, nil
}
