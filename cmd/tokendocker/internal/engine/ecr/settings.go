package ecr

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func (r *Room) getRepositoryPolicy(_ context.Context, call *protocol.Call, in target) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if repo.Policy == "" {
		return nil, errNoPolicy(repo)
	}
	return settings(repo, "policyText", repo.Policy), nil
}

func (r *Room) setRepositoryPolicy(_ context.Context, call *protocol.Call, in struct {
	target
	PolicyText string `json:"policyText"`
}) (any, error) {
	if err := checkPolicy(in.PolicyText); err != nil {
		return nil, err
	}
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		repo.Policy = in.PolicyText
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settings(repo, "policyText", repo.Policy), nil
}

func (r *Room) deleteRepositoryPolicy(_ context.Context, call *protocol.Call, in target) (any, error) {
	var text string
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		if repo.Policy == "" {
			return errNoPolicy(*repo)
		}
		text, repo.Policy = repo.Policy, ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settings(repo, "policyText", text), nil
}

const maxPolicy = 10240 // characters; ECR API Reference, SetRepositoryPolicy

// checkPolicy refuses a text that is no policy of a repository, whose resource is the repository itself.
// Source: Amazon ECR User Guide, "Private repository policies".
func checkPolicy(text string) error {
	if utf8.RuneCountInString(text) > maxPolicy {
		return errParameter("policyText", fmt.Sprintf("Member must have length less than or equal to %d", maxPolicy))
	}
	if _, err := policy.Parse([]byte(text), policy.Registry); err != nil {
		return errParameter("PolicyText", "Invalid repository policy provided: "+err.Error())
	}
	return nil
}

func errNoPolicy(repo repository) error {
	return protocol.Errorf("RepositoryPolicyNotFoundException",
		"Repository policy does not exist for the repository with name '%s' in the registry with id '%s'",
		repo.Name, repo.Account)
}

func (r *Room) putLifecyclePolicy(_ context.Context, call *protocol.Call, in struct {
	target
	LifecyclePolicyText string `json:"lifecyclePolicyText"`
}) (any, error) {
	if err := checkLifecycle(in.LifecyclePolicyText); err != nil {
		return nil, err
	}
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		repo.Lifecycle = in.LifecyclePolicyText
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settings(repo, "lifecyclePolicyText", repo.Lifecycle), nil
}

func (r *Room) getLifecyclePolicy(_ context.Context, call *protocol.Call, in target) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if repo.Lifecycle == "" {
		return nil, errNoLifecycle(repo)
	}
	return settings(repo, "lifecyclePolicyText", repo.Lifecycle), nil
}

func (r *Room) deleteLifecyclePolicy(_ context.Context, call *protocol.Call, in target) (any, error) {
	var text string
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		if repo.Lifecycle == "" {
			return errNoLifecycle(*repo)
		}
		text, repo.Lifecycle = repo.Lifecycle, ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settings(repo, "lifecyclePolicyText", text), nil
}

func errNoLifecycle(repo repository) error {
	return protocol.Errorf("LifecyclePolicyNotFoundException",
		"Lifecycle policy does not exist for the repository with name '%s' in the registry with id '%s'",
		repo.Name, repo.Account)
}

func (r *Room) putImageTagMutability(_ context.Context, call *protocol.Call, in struct {
	target
	ImageTagMutability                 string      `json:"imageTagMutability"`
	ImageTagMutabilityExclusionFilters []exclusion `json:"imageTagMutabilityExclusionFilters"`
}) (any, error) {
	if err := checkMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return nil, err
	}
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		repo.Mutability, repo.Exclusions = in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := settings(repo, "imageTagMutability", repo.Mutability)
	if len(repo.Exclusions) > 0 {
		out["imageTagMutabilityExclusionFilters"] = repo.Exclusions
	}
	return out, nil
}

func (r *Room) putImageScanningConfiguration(_ context.Context, call *protocol.Call, in struct {
	target
	ImageScanningConfiguration struct {
		ScanOnPush bool `json:"scanOnPush"`
	} `json:"imageScanningConfiguration"`
}) (any, error) {
	repo, err := r.change(where(call, in.RegistryID).arn(in.RepositoryName), func(repo *repository) error {
		repo.ScanOnPush = in.ImageScanningConfiguration.ScanOnPush
		return nil
	})
	if err != nil {
		return nil, err
	}
	return settings(repo, "imageScanningConfiguration", map[string]bool{"scanOnPush": repo.ScanOnPush}), nil
}

func (r *Room) tagResource(_ context.Context, _ *protocol.Call, in struct {
	target
	Tags []tag `json:"tags"`
}) (any, error) {
	_, err := r.change(in.ResourceARN, func(repo *repository) error {
		if repo.Tags == nil {
			repo.Tags = map[string]string{}
		}
		for _, t := range in.Tags {
			repo.Tags[t.Key] = t.Value
		}
		return nil
	})
	return struct{}{}, err
}

func (r *Room) untagResource(_ context.Context, _ *protocol.Call, in struct {
	target
	TagKeys []string `json:"tagKeys"`
}) (any, error) {
	_, err := r.change(in.ResourceARN, func(repo *repository) error {
		for _, key := range in.TagKeys {
			delete(repo.Tags, key)
		}
		return nil
	})
	return struct{}{}, err
}

func (r *Room) listTagsForResource(_ context.Context, _ *protocol.Call, in target) (any, error) {
	repo, err := r.find(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := []tag{}
	for _, key := range slices.Sorted(maps.Keys(repo.Tags)) {
		tags = append(tags, tag{Key: key, Value: repo.Tags[key]})
	}
	return map[string]any{"tags": tags}, nil
}

// settings is an answer that repeats one setting of a repository.
func settings(repo repository, key string, value any) map[string]any {
	return map[string]any{"registryId": repo.Account, "repositoryName": repo.Name, key: value}
}
