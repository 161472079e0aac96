package kms

import (
	"context"
	"encoding/json"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a key.
func (keyProvider) Identifier() string { return "KeyId" }

// Read returns the key as it is. One whose deletion is scheduled counts as gone.
func (p keyProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	k, found, err := p.room.keys.Get(p.room.arn(r.Stack.Region, "key/"+r.PhysicalID))
	if err != nil || !found || !k.Deletion.IsZero() {
		return resource.Live{}, false, err
	}
	var policy any
	if err := json.Unmarshal([]byte(k.Policy), &policy); err != nil {
		return resource.Live{}, false, err
	}
	return resource.Live{Result: keyResult(k), Properties: map[string]any{"Description": k.Description, "KeyPolicy": policy, "KeySpec": k.Spec, "KeyUsage": k.Usage,
		"Enabled": k.State == enabled, "EnableKeyRotation": k.Rotation, "PendingWindowInDays": k.Days, "Tags": resource.Tags(k.Tags)}}, true, nil
}
