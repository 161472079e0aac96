package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Resources returns the resource types of the room.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::ECR::Repository":                 provider{r},
		"AWS::ECR::ReplicationConfiguration":   configuration{r},
		"AWS::ECR::PullThroughCacheRule":       cacheProvider{r},
		"AWS::ECR::RepositoryCreationTemplate": templateProvider{r},
		"AWS::ECR::RegistryPolicy":             registryPolicy{r},
	}
}

// provider is AWS::ECR::Repository.
// Source: AWS CloudFormation Template Reference, AWS::ECR::Repository.
type provider struct{ room *Room }

// Immutable returns the properties whose change replaces the repository.
func (provider) Immutable() []string { return []string{"RepositoryName", "EncryptionConfiguration"} }

var knownProperties = []string{
	"EmptyOnDelete", "EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability",
	"ImageTagMutabilityExclusionFilters", "LifecyclePolicy", "RepositoryName", "RepositoryPolicyText", "Tags",
}

// properties is what a template says of a repository.
type properties struct {
	create createInput
	policy string
	life   string
}

func read(req resource.Request) (properties, error) {
	p := properties{}
	for _, name := range slices.Sorted(maps.Keys(req.Properties)) {
		if !slices.Contains(knownProperties, name) {
			return p, protocol.Errorf("ValidationException",
				"Properties validation failed for resource %s with message: [#: extraneous key [%s] is not permitted]", req.LogicalID, name)
		}
	}
	props := req.Properties
	p.create.RepositoryName = resource.Text(props["RepositoryName"])
	p.create.ImageTagMutability = resource.Text(props["ImageTagMutability"])
	for _, f := range list(props["ImageTagMutabilityExclusionFilters"]) {
		p.create.ImageTagMutabilityExclusionFilters = append(p.create.ImageTagMutabilityExclusionFilters, exclusion{
			FilterType: resource.Text(f["ImageTagMutabilityExclusionFilterType"]),
			Filter:     resource.Text(f["ImageTagMutabilityExclusionFilterValue"]),
		})
	}
	p.create.ImageScanningConfiguration.ScanOnPush = truth(object(props["ImageScanningConfiguration"])["ScanOnPush"])
	if e := object(props["EncryptionConfiguration"]); e != nil {
		p.create.EncryptionConfiguration = &encryption{EncryptionType: resource.Text(e["EncryptionType"]), KMSKey: resource.Text(e["KmsKey"])}
	}
	for _, t := range list(props["Tags"]) {
		p.create.Tags = append(p.create.Tags, tag{Key: resource.Text(t["Key"]), Value: resource.Text(t["Value"])})
	}
	p.life = resource.Text(object(props["LifecyclePolicy"])["LifecyclePolicyText"])
	if p.life != "" {
		if err := checkLifecycle(p.life); err != nil {
			return p, err
		}
	}
	var err error
	if p.policy, err = document(props["RepositoryPolicyText"]); err == nil && p.policy != "" {
		err = checkPolicy(p.policy)
	}
	return p, err
}

// Create makes the repository, and removes it again when a setting is refused.
func (v provider) Create(ctx context.Context, req resource.Request) (resource.Result, error) {
	p, err := read(req)
	if err != nil {
		return resource.Result{}, err
	}
	if p.create.RepositoryName == "" {
		p.create.RepositoryName = physical.Lower(req, physical.MaxRepository)
	}
	at := placeOfStack(req.Stack)
	if err := v.room.mayUseKey(ctx, v.room.deployer(at), at, p.create.EncryptionConfiguration); err != nil {
		return resource.Result{}, err
	}
	repo, err := v.room.create(at, p.create)
	if err != nil {
		return resource.Result{}, err
	}
	repo, err = v.room.change(repo.ARN, func(repo *repository) error {
		repo.Policy, repo.Lifecycle = p.policy, p.life
		return nil
	})
	if err != nil {
		_, undo := v.room.delete(ctx, repo.ARN, true)
		return resource.Result{}, errors.Join(err, undo)
	}
	return result(repo), nil
}

// Update changes the repository's settings.
func (v provider) Update(ctx context.Context, req resource.Request) (resource.Result, error) {
	p, err := read(req)
	if err != nil {
		return resource.Result{}, err
	}
	if v.replaced(req) {
		return v.Create(ctx, req)
	}
	if p.create.ImageTagMutability == "" {
		p.create.ImageTagMutability = mutable
	}
	if err := checkMutability(p.create.ImageTagMutability, p.create.ImageTagMutabilityExclusionFilters); err != nil {
		return resource.Result{}, err
	}
	repo, err := v.room.change(v.arn(req), func(repo *repository) error {
		repo.Mutability, repo.Exclusions = p.create.ImageTagMutability, p.create.ImageTagMutabilityExclusionFilters
		repo.ScanOnPush = p.create.ImageScanningConfiguration.ScanOnPush
		repo.Policy, repo.Lifecycle = p.policy, p.life
		repo.Tags = map[string]string{}
		for _, t := range p.create.Tags {
			repo.Tags[t.Key] = t.Value
		}
		return nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	return result(repo), nil
}

// replaced reports whether a property that cannot change in place has changed.
func (v provider) replaced(req resource.Request) bool {
	for _, name := range v.Immutable() {
		before, after := fmt.Sprint(req.Old[name]), fmt.Sprint(req.Properties[name])
		if before != after {
			return true
		}
	}
	return false
}

// Delete removes the repository; one that is gone already is no error.
func (v provider) Delete(ctx context.Context, req resource.Request) error {
	_, err := v.room.delete(ctx, v.arn(req), truth(req.Properties["EmptyOnDelete"]))
	return ignore(err, "RepositoryNotFoundException")
}

func (v provider) arn(req resource.Request) string {
	return placeOfStack(req.Stack).arn(req.PhysicalID)
}

func result(repo repository) resource.Result {
	return resource.Result{PhysicalID: repo.Name, Attributes: map[string]any{"Arn": repo.ARN, "RepositoryUri": repo.URI}}
}

// document returns a policy that a template gives as an object or as text.
func document(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}

func truth(v any) bool { return strings.EqualFold(resource.Text(v), "true") }

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []map[string]any {
	items, _ := v.([]any)
	var out []map[string]any
	for _, item := range items {
		if o := object(item); o != nil {
			out = append(out, o)
		}
	}
	return out
}
