package ecr

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// configuration is AWS::ECR::ReplicationConfiguration, of which a registry has one.
// Source: AWS CloudFormation Template Reference, AWS::ECR::ReplicationConfiguration.
type configuration struct{ room *Room }

// Create sets the registry's rules, in the place of all that there were.
func (c configuration) Create(_ context.Context, req resource.Request) (resource.Result, error) {
	var rules []rule
	for _, given := range list(object(req.Properties["ReplicationConfiguration"])["Rules"]) {
		var next rule
		for _, d := range list(given["Destinations"]) {
			next.Destinations = append(next.Destinations, destination{Region: resource.Text(d["Region"]), RegistryID: resource.Text(d["RegistryId"])})
		}
		for _, f := range list(given["RepositoryFilters"]) {
			next.RepositoryFilters = append(next.RepositoryFilters, prefix{Filter: resource.Text(f["Filter"]), FilterType: resource.Text(f["FilterType"])})
		}
		rules = append(rules, next)
	}
	if err := c.room.configure(placeOfStack(req.Stack), rules); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: req.Stack.Account, Attributes: map[string]any{"RegistryId": req.Stack.Account}}, nil
}

// Update sets the registry's rules.
func (c configuration) Update(ctx context.Context, req resource.Request) (resource.Result, error) {
	return c.Create(ctx, req)
}

// Delete leaves the registry without rules.
func (c configuration) Delete(_ context.Context, req resource.Request) error {
	return c.room.configure(placeOfStack(req.Stack), nil)
}
