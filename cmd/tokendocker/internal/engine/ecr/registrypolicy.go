package ecr

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const maxRegistryPolicy = 10240 // characters; ECR API Reference, PutRegistryPolicy

// ResourcePolicy returns the policy document that holds for the repository with this ARN, nil when there is none: its
// own statements and those of its registry, which hold for repositories that are not there too.
// Source: Amazon ECR User Guide, "Private registry permissions", version 2.
func (r *Room) ResourcePolicy(arn string) []byte {
	repo, _, err := r.repositories.Get(arn)
	if err != nil {
		return nil
	}
	reg, _, err := r.registries.Get(placeOf(arn).key())
	switch one := cmp.Or(repo.Policy, reg.Policy); {
	case one == "":
		return nil
	case err != nil || repo.Policy == "" || reg.Policy == "":
		return []byte(one)
	}
	both, err := joined(repo.Policy, reg.Policy)
	if err != nil {
		return []byte(repo.Policy) // which is checked where it is used
	}
	return both
}

// joined is one policy with the statements of several.
func joined(documents ...string) ([]byte, error) {
	out := struct {
		Version   string
		Statement []json.RawMessage
	}{Version: "2012-10-17"}
	for _, text := range documents {
		var doc struct{ Statement json.RawMessage }
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			return nil, err
		}
		var many []json.RawMessage
		if json.Unmarshal(doc.Statement, &many) != nil {
			many = []json.RawMessage{doc.Statement}
		}
		out.Statement = append(out.Statement, many...)
	}
	return json.Marshal(out)
}

func (r *Room) putRegistryPolicy(_ context.Context, call *protocol.Call, in struct {
	PolicyText string `json:"policyText"`
}) (any, error) {
	at := where(call, "")
	if err := r.setRegistryPolicy(at, in.PolicyText); err != nil {
		return nil, err
	}
	return map[string]string{"registryId": at.account, "policyText": in.PolicyText}, nil
}

func (r *Room) setRegistryPolicy(at place, text string) error {
	if len(text) > maxRegistryPolicy {
		return errParameter("policyText", "Member must have length less than or equal to 10240")
	}
	if _, err := policy.Parse([]byte(text), policy.Resource); err != nil {
		return errParameter("PolicyText", "Invalid registry policy provided: "+err.Error())
	}
	return r.changeRegistry(at, func(reg *registry) error {
		reg.Policy = text
		return nil
	})
}

func (r *Room) getRegistryPolicy(_ context.Context, call *protocol.Call, _ struct{}) (any, error) {
	at := where(call, "")
	reg, _, err := r.registries.Get(at.key())
	if err == nil && reg.Policy == "" {
		err = errNoRegistryPolicy()
	}
	return map[string]string{"registryId": at.account, "policyText": reg.Policy}, err
}

func (r *Room) deleteRegistryPolicy(_ context.Context, call *protocol.Call, _ struct{}) (any, error) {
	at, text := where(call, ""), ""
	err := r.changeRegistry(at, func(reg *registry) error {
		if reg.Policy == "" {
			return errNoRegistryPolicy()
		}
		text, reg.Policy = reg.Policy, ""
		return nil
	})
	return map[string]string{"registryId": at.account, "policyText": text}, err
}

func errNoRegistryPolicy() error {
	return protocol.Errorf("RegistryPolicyNotFoundException", "The registry doesn't have an associated registry policy.")
}

// registryPolicy is AWS::ECR::RegistryPolicy, of which a registry has one.
// Source: AWS CloudFormation Template Reference, AWS::ECR::RegistryPolicy.
type registryPolicy struct{ room *Room }

// Create sets the registry's policy; one that is there already is not replaced.
func (p registryPolicy) Create(ctx context.Context, req resource.Request) (resource.Result, error) {
	reg, _, err := p.room.registries.Get(placeOfStack(req.Stack).key())
	if err != nil {
		return resource.Result{}, err
	}
	if reg.Policy != "" {
		return resource.Result{}, protocol.Errorf("AlreadyExists", "Resource of type 'AWS::ECR::RegistryPolicy' with identifier '%s' already exists.", req.Stack.Account)
	}
	return p.Update(ctx, req)
}

// Update changes the registry's policy.
func (p registryPolicy) Update(_ context.Context, req resource.Request) (resource.Result, error) {
	text, err := document(req.Properties["PolicyText"])
	if err == nil {
		err = p.room.setRegistryPolicy(placeOfStack(req.Stack), text)
	}
	if err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: req.Stack.Account, Attributes: map[string]any{"RegistryId": req.Stack.Account}}, nil
}

// Delete leaves the registry without a policy.
func (p registryPolicy) Delete(_ context.Context, req resource.Request) error {
	return p.room.changeRegistry(placeOfStack(req.Stack), func(reg *registry) error {
		reg.Policy = ""
		return nil
	})
}
