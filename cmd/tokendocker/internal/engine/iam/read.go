package iam

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a role.
func (roleProvider) Identifier() string { return "RoleName" }

// Read returns the role as it is. Its inline policies are left out: those of other resources are among them.
func (p roleProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	have, found, err := p.room.roles.Get(r.PhysicalID)
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	now := have.current()
	live := resource.Live{Properties: map[string]any{"RoleName": have.Name, "Path": have.Path, "ManagedPolicyArns": nil,
		"PermissionsBoundary": nil, "MaxSessionDuration": int(max(now.Longest, time.Hour).Seconds()), "Tags": resource.Tags(now.Tags)}}
	var trust any
	if err := json.Unmarshal([]byte(now.Trust), &trust); err != nil {
		return resource.Live{}, false, err
	}
	live.Properties["AssumeRolePolicyDocument"] = trust
	if now.Boundary != "" {
		live.Properties["PermissionsBoundary"] = now.Boundary
	}
	var managed []any
	for _, arn := range now.Managed {
		managed = append(managed, arn)
	}
	if managed != nil {
		live.Properties["ManagedPolicyArns"] = managed
	}
	live.Result, err = p.result(have.Name)
	return live, true, err
}

// Identifier names the property that identifies a managed policy.
func (managedProvider) Identifier() string { return "PolicyArn" }

// Read returns the policy as it is. Whom it is attached to is left out: others attach it, too.
func (p managedProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	have, found, err := p.room.managed.Get(r.PhysicalID)
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	_, path, _ := strings.Cut(have.ARN, ":policy/")
	live := resource.Live{Properties: map[string]any{"ManagedPolicyName": have.Name, "Path": "/" + strings.TrimSuffix(path, have.Name), "PolicyDocument": nil}}
	if len(have.History) > 0 {
		var document any
		if err := json.Unmarshal([]byte(have.History[len(have.History)-1].Value), &document); err != nil {
			return resource.Live{}, false, err
		}
		live.Properties["PolicyDocument"] = document
	}
	live.Result, err = p.result(have.ARN)
	return live, true, err
}
