package iam

import (
	"context"
	"encoding/json"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// rolePolicyProvider is AWS::IAM::RolePolicy: an inline policy of one role.
// Source: AWS CloudFormation Template Reference, AWS::IAM::RolePolicy.
type rolePolicyProvider struct{ policies policyProvider }

type rolePolicyProperties struct {
	PolicyName     string
	PolicyDocument json.RawMessage
	RoleName       string
}

// Immutable returns the properties whose change makes another policy.
func (rolePolicyProvider) Immutable() []string { return []string{"PolicyName", "RoleName"} }

// Create puts the policy on its role.
func (p rolePolicyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	return p.put(r)
}

// Update puts the new policy in the old one's place.
func (p rolePolicyProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	return p.put(r)
}

func (p rolePolicyProvider) put(r resource.Request) (resource.Result, error) {
	props, err := decode[rolePolicyProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.policies.put(policyProperties{PolicyName: props.PolicyName, PolicyDocument: props.PolicyDocument, Roles: []string{props.RoleName}}); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: props.PolicyName + "|" + props.RoleName}, nil
}

// Delete takes the policy off its role.
func (p rolePolicyProvider) Delete(_ context.Context, r resource.Request) error {
	props, err := decode[rolePolicyProperties](r.Properties)
	if err != nil {
		return err
	}
	return p.policies.remove(props.PolicyName, []string{props.RoleName})
}
