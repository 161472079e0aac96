package iam

import (
	"context"
	"encoding/json"
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
