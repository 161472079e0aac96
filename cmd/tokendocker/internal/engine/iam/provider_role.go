package iam

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// roleProvider is AWS::IAM::Role.
// Source: AWS CloudFormation User Guide, AWS::IAM::Role.
type roleProvider struct{ room *Room }

type roleProperties struct {
	RoleName                 string
	Path                     string
	Description              string
	AssumeRolePolicyDocument json.RawMessage
	ManagedPolicyArns        []string
	Policies                 []inlineProperties
	PermissionsBoundary      string
	MaxSessionDuration       json.Number // seconds
	Tags                     []struct{ Key, Value string }
}

type inlineProperties struct {
	PolicyName     string
	PolicyDocument json.RawMessage
}

// Immutable names the properties whose change makes another role.
func (roleProvider) Immutable() []string { return []string{"RoleName", "Path"} }

// Create makes the role. A repeated try of the same operation finds the role that it made.
func (p roleProvider) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[roleProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	name := props.RoleName
	if name == "" {
		name = physical.Name(r, physical.MaxRole)
	}
	if err := p.make(name, r.Token, props); err != nil {
		return resource.Result{}, err
	}
	// CloudFormation waits until services know a new role; it does not wait for policies. AWS documents
	// neither; stack events show some fifteen seconds for every new role.
	if err := p.room.Clock.Sleep(ctx, p.room.Switches.PolicyDelay); err != nil {
		return resource.Result{PhysicalID: name}, err
	}
	return p.result(name)
}

// make makes a role; one that the same operation (its token) made already gets the same rights again.
func (p roleProvider) make(name, token string, props roleProperties) error {
	if !roleName.MatchString(name) {
		return protocol.Errorf("ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	path := cmp.Or(props.Path, "/")
	err := p.room.roles.Update(name, func(old role, found bool) (role, error) {
		switch {
		case found && (token == "" || old.Token != token):
			return old, conflict("EntityAlreadyExists", "Role with name %s already exists.", name)
		case found:
			return old, nil
		}
		return role{Name: name, Path: path, ID: uniqueID("AROA"), ARN: p.room.arn("role", path, name), Token: token, Created: p.room.Clock.Now()}, nil
	})
	if err != nil {
		return err
	}
	if err := p.apply(name, props, roleProperties{}); err != nil {
		return errors.Join(err, p.room.roles.Delete(name))
	}
	return nil
}

// Update changes the role's own rights; those that other resources attached stay.
func (p roleProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	props, err := decode[roleProperties](r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	old, err := decode[roleProperties](r.Old)
	if err != nil {
		return resource.Result{}, err
	}
	if err := p.apply(r.PhysicalID, props, old); err != nil {
		return resource.Result{}, err
	}
	return p.result(r.PhysicalID)
}

func (p roleProvider) apply(name string, props, old roleProperties) error {
	trust, err := document(props.AssumeRolePolicyDocument, policy.Trust)
	if err != nil {
		return err
	}
	inline := map[string]string{}
	for _, i := range props.Policies {
		if inline[i.PolicyName], err = document(i.PolicyDocument, policy.Identity); err != nil {
			return err
		}
	}
	for _, arn := range props.ManagedPolicyArns {
		if err := p.room.attachable(arn); err != nil {
			return err
		}
	}
	if err := p.room.boundary(props.PermissionsBoundary); err != nil {
		return err
	}
	longest, err := sessionDuration(props.MaxSessionDuration)
	if err != nil {
		return err
	}
	return p.room.change(name, func(now *rights) error {
		now.Trust, now.Boundary, now.Longest, now.Description, now.Tags = trust, props.PermissionsBoundary, longest, props.Description, map[string]string{}
		for _, tag := range props.Tags {
			now.Tags[tag.Key] = tag.Value
		}
		for _, i := range old.Policies {
			delete(now.Inline, i.PolicyName)
		}
		for policyName, text := range inline {
			now.Inline[policyName] = text
		}
		for _, arn := range old.ManagedPolicyArns {
			now.detach(arn)
		}
		for _, arn := range props.ManagedPolicyArns {
			now.attach(arn)
		}
		return nil
	})
}

// boundary says whether a managed policy may be a permissions boundary.
func (r *Room) boundary(arn string) error {
	if arn == "" {
		return nil
	}
	err := r.attachable(arn)
	if missing(err) {
		return &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: fmt.Sprintf("Scope ARN: %s does not exist or is not attachable.", arn)}
	}
	return err
}

// sessionDuration reads MaxSessionDuration, which is from one hour to twelve.
// Source: IAM API Reference, CreateRole.
func sessionDuration(seconds json.Number) (time.Duration, error) {
	if seconds == "" {
		return 0, nil
	}
	n, err := seconds.Int64()
	if err != nil || n < 3600 || n > 43200 {
		return 0, protocol.Errorf("ValidationError", "1 validation error detected: Value '%s' at 'maxSessionDuration' failed to satisfy constraint: "+
			"Member must have value between 3600 and 43200", seconds)
	}
	return time.Duration(n) * time.Second, nil
}

// Delete removes the role, unless somebody else's policies are still on it.
func (p roleProvider) Delete(_ context.Context, r resource.Request) error {
	props, err := decode[roleProperties](r.Properties)
	if err != nil {
		props = roleProperties{}
	}
	have, found, err := p.room.roles.Get(r.PhysicalID)
	if err != nil || !found {
		return err
	}
	now := have.current()
	for _, i := range props.Policies {
		delete(now.Inline, i.PolicyName)
	}
	foreign := slices.DeleteFunc(now.Managed, func(arn string) bool { return slices.Contains(props.ManagedPolicyArns, arn) })
	switch {
	case len(now.Inline) > 0:
		return conflict("DeleteConflict", "Cannot delete entity, must delete policies first.")
	case len(foreign) > 0:
		return conflict("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	return errors.Join(p.room.roles.Delete(r.PhysicalID), p.room.forget(have.ARN))
}

func (p roleProvider) result(name string) (resource.Result, error) {
	have, _, err := p.room.roles.Get(name)
	return resource.Result{PhysicalID: name, Attributes: map[string]any{"Arn": have.ARN, "RoleId": have.ID}}, err
}
