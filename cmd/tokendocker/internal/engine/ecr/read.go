package ecr

import (
	"context"
	"encoding/json"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a repository.
func (provider) Identifier() string { return "RepositoryName" }

// Read returns the repository as it is.
func (v provider) Read(_ context.Context, req resource.Request) (resource.Live, bool, error) {
	repo, found, err := v.room.repositories.Get(v.arn(req))
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	props := map[string]any{
		"RepositoryName": repo.Name, "ImageTagMutability": repo.Mutability, "Tags": resource.Tags(repo.Tags), "LifecyclePolicy": nil, "RepositoryPolicyText": nil,
		"ImageScanningConfiguration": map[string]any{"ScanOnPush": repo.ScanOnPush},
		"EncryptionConfiguration":    map[string]any{"EncryptionType": repo.Encryption.EncryptionType, "KmsKey": repo.Encryption.KMSKey},
	}
	if repo.Lifecycle != "" {
		props["LifecyclePolicy"] = map[string]any{"LifecyclePolicyText": repo.Lifecycle}
	}
	if repo.Policy != "" {
		var document any
		if err := json.Unmarshal([]byte(repo.Policy), &document); err != nil {
			return resource.Live{}, false, err
		}
		props["RepositoryPolicyText"] = document
	}
	return resource.Live{Result: result(repo), Properties: props}, true, nil
}
