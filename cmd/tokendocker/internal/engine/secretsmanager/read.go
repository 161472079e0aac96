package secretsmanager

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a secret.
func (secretProvider) Identifier() string { return "Id" }

// Read returns the secret as it is, without its value. One whose deletion is scheduled counts as gone.
func (p secretProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	s, found, err := p.room.secrets.Get(r.PhysicalID)
	if err != nil || !found || !s.Deletion.IsZero() {
		return resource.Live{}, false, err
	}
	return resource.Live{Result: result(s), Properties: map[string]any{"Name": s.Name, "Description": s.Description, "KmsKeyId": s.Key, "Tags": resource.Tags(s.Tags)}}, true, nil
}
