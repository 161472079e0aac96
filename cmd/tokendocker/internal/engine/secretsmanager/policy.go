package secretsmanager

import (
	"context"
	"encoding/json"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// policyProvider is AWS::SecretsManager::ResourcePolicy: who may do what with one secret, beside identity policies.
// Source: AWS CloudFormation Template Reference, AWS::SecretsManager::ResourcePolicy.
type policyProvider struct{ room *Room }

// Immutable names the properties whose change makes another policy.
func (policyProvider) Immutable() []string { return []string{"SecretId"} }

// Create gives the secret the policy.
func (p policyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	return p.set(r)
}

// Update gives the secret another policy.
func (p policyProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	return p.set(r)
}

func (p policyProvider) set(r resource.Request) (resource.Result, error) {
	document, ok := r.Properties["ResourcePolicy"].(string)
	if !ok {
		text, err := json.Marshal(r.Properties["ResourcePolicy"])
		if err != nil {
			return resource.Result{}, protocol.Errorf("MalformedPolicyDocumentException", "%v", err)
		}
		document = string(text)
	}
	s, err := p.room.setPolicy(r.Stack.Region, resource.Text(r.Properties["SecretId"]), document)
	if err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: s.ARN, Attributes: map[string]any{"Id": s.ARN}}, nil
}

// Delete takes the policy from the secret; a secret that is gone has none.
func (p policyProvider) Delete(_ context.Context, r resource.Request) error {
	if _, found := p.room.find(r.Stack.Region, r.PhysicalID); !found {
		return nil
	}
	_, err := p.room.setPolicy(r.Stack.Region, r.PhysicalID, "")
	return err
}

// setPolicy gives a secret a policy; empty takes it away.
func (r *Room) setPolicy(region, id, document string) (secret, error) {
	if document != "" {
		if _, err := policy.Parse([]byte(document), policy.Resource); err != nil {
			return secret{}, protocol.Errorf("MalformedPolicyDocumentException", "This resource policy contains a syntax error: %v", err)
		}
	}
	return r.change(region, id, func(s *secret) error {
		s.Policy = document
		return nil
	})
}

type policyInput struct {
	SecretID       string `json:"SecretId"`
	ResourcePolicy string
}

func (r *Room) putResourcePolicy(_ context.Context, call *protocol.Call, in policyInput) (any, error) {
	if in.ResourcePolicy == "" {
		return nil, invalidParameter("You must provide a ResourcePolicy.")
	}
	s, err := r.setPolicy(call.Region, in.SecretID, in.ResourcePolicy)
	return map[string]any{"ARN": s.ARN, "Name": s.Name}, err
}

func (r *Room) deleteResourcePolicy(_ context.Context, call *protocol.Call, in idInput) (any, error) {
	s, err := r.setPolicy(call.Region, in.SecretID, "")
	return map[string]any{"ARN": s.ARN, "Name": s.Name}, err
}

func (r *Room) getResourcePolicy(_ context.Context, call *protocol.Call, in idInput) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name}
	if s.Policy != "" {
		out["ResourcePolicy"] = s.Policy
	}
	return out, nil
}
