package iam

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// policyProvider is AWS::IAM::Policy: an inline policy of one or more roles. On users and groups it gives no rights,
// since nobody signs as one.
// Source: AWS CloudFormation User Guide, AWS::IAM::Policy.
type policyProvider struct{ room *Room }

type policyProperties struct {
	PolicyName     string
	PolicyDocument json.RawMessage
	Roles          []string
	Users          []string
	Groups         []string
}

func (p policyProperties) check() error {
	switch {
	case len(p.Roles)+len(p.Users)+len(p.Groups) == 0:
		return protocol.Errorf("ValidationError", "At least one of [Groups,Roles,Users] must be non-empty.")
	case p.PolicyName == "" || len(p.PolicyName) > maxPolicyNameChars:
		return protocol.Errorf("ValidationError", "PolicyName must have 1 to %d characters", maxPolicyNameChars)
	}
	return nil
}

// Create puts the policy on its roles.
func (p policyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[policyProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.put(props); err != nil {
		return resource.Result{}, errors.Join(err, p.remove(props.PolicyName, props.Roles))
	}
	return resource.Result{PhysicalID: physical.Policy(r)}, nil
}

// Update puts the new policy on its roles, then takes the old one off those that it left.
func (p policyProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[policyProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	old, err := decode[policyProperties](r.Old)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.put(props); err != nil {
		return resource.Result{}, err
	}
	left := slices.DeleteFunc(old.Roles, func(name string) bool {
		return old.PolicyName == props.PolicyName && slices.Contains(props.Roles, name)
	})
	return resource.Result{PhysicalID: r.PhysicalID}, p.remove(old.PolicyName, left)
}

// Delete takes the policy off its roles.
func (p policyProvider) Delete(_ context.Context, r resource.Request) error {
	props, err := decode[policyProperties](r.Properties)
	if err != nil {
		return err
	}
	return p.remove(props.PolicyName, props.Roles)
}

func (p policyProvider) put(props policyProperties) error {
	if err := props.check(); err != nil {
		return err
	}
	text, err := document(props.PolicyDocument, policy.Identity)
	if err != nil {
		return err
	}
	for _, name := range props.Roles {
		err := p.room.change(name, func(now *rights) error {
			now.Inline[props.PolicyName] = text
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remove takes a policy off roles; roles that are gone have lost it already.
func (p policyProvider) remove(policyName string, roles []string) error {
	for _, name := range roles {
		err := p.room.change(name, func(now *rights) error {
			delete(now.Inline, policyName)
			return nil
		})
		if err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

func missing(err error) bool {
	var e *protocol.Error
	return errors.As(err, &e) && e.Code == "NoSuchEntity"
}
