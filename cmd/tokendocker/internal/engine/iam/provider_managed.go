package iam

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// managedProvider is AWS::IAM::ManagedPolicy.
// Source: AWS CloudFormation User Guide, AWS::IAM::ManagedPolicy.
type managedProvider struct{ room *Room }

type managedProperties struct {
	ManagedPolicyName string
	Path              string
	PolicyDocument    json.RawMessage
	Roles             []string
}

// Immutable names the properties whose change makes another policy.
func (managedProvider) Immutable() []string {
	return []string{"ManagedPolicyName", "Path", "Description"}
}

// Create makes the policy and attaches it to its roles.
func (p managedProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[managedProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	name := props.ManagedPolicyName
	if name == "" {
		name = physical.Name(r, physical.MaxPolicy)
	}
	if props.Path == "" {
		props.Path = "/"
	}
	made := managedPolicy{ARN: p.room.arn("policy", props.Path, name), Name: name, ID: uniqueID("ANPA"), Token: r.Token, Created: p.room.Clock.Now()}
	err = p.room.managed.Update(made.ARN, func(old managedPolicy, found bool) (managedPolicy, error) {
		if found && (r.Token == "" || old.Token != r.Token) {
			return old, conflict("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", name)
		}
		if found {
			return old, nil
		}
		return made, nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.apply(made.ARN, props); err != nil {
		return resource.Result{}, errors.Join(err, p.detach(made.ARN, props.Roles), p.room.managed.Delete(made.ARN))
	}
	return p.result(made.ARN)
}

// Update makes a new version the policy's default, and changes whom it is attached to.
func (p managedProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[managedProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	old, err := decode[managedProperties](r.Old)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.apply(r.PhysicalID, props); err != nil {
		return resource.Result{}, err
	}
	left := slices.DeleteFunc(old.Roles, func(name string) bool { return slices.Contains(props.Roles, name) })
	if err := p.detach(r.PhysicalID, left); err != nil {
		return resource.Result{}, err
	}
	return p.result(r.PhysicalID)
}

// Delete detaches the policy from its own roles and removes it, unless others still have it.
func (p managedProvider) Delete(_ context.Context, r resource.Request) error {
	props, err := decode[managedProperties](r.Properties)
	if err != nil {
		props = managedProperties{}
	}
	if err := p.detach(r.PhysicalID, props.Roles); err != nil {
		return err
	}
	for _, role := range p.room.roles.All() {
		if slices.Contains(role.current().Managed, r.PhysicalID) {
			return conflict("DeleteConflict", "Cannot delete a policy attached to entities.")
		}
	}
	return p.room.managed.Delete(r.PhysicalID)
}

func (p managedProvider) apply(arn string, props managedProperties) error {
	text, err := document(props.PolicyDocument, policy.Identity)
	if err != nil {
		return err
	}
	if len(text) > maxManaged {
		return limit("Cannot exceed quota for PolicySize: %d", maxManaged)
	}
	err = p.room.managed.Update(arn, func(old managedPolicy, _ bool) (managedPolicy, error) {
		old.History = changed(old.History, text, p.room.Clock.Now(), p.room.Switches.PolicyDelay)
		return old, nil
	})
	if err != nil {
		return err
	}
	for _, name := range props.Roles {
		if err := p.room.change(name, func(now *rights) error { now.attach(arn); return nil }); err != nil {
			return err
		}
	}
	return nil
}

func (p managedProvider) detach(arn string, roles []string) error {
	for _, name := range roles {
		if err := p.room.change(name, func(now *rights) error { now.detach(arn); return nil }); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

func (p managedProvider) result(arn string) (resource.Result, error) {
	have, _, err := p.room.managed.Get(arn)
	return resource.Result{PhysicalID: arn, Attributes: map[string]any{
		"PolicyArn": arn, "PolicyId": have.ID, "IsAttachable": true, "DefaultVersionId": "v1",
	}}, err
}
