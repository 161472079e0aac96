package ecr

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: ECR API Reference, CreateRepository, "repositoryName".
var namePattern = regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)

var filterPattern = regexp.MustCompile(`^[0-9a-zA-Z._*-]{1,128}$`)

const (
	maxExclusions  = 5   // ECR API Reference, PutImageTagMutability
	maxNameLength  = 256 // ECR API Reference, CreateRepository
	describeByPage = 100
)

func (r *Room) getAuthorizationToken(_ context.Context, call *protocol.Call, in struct {
	RegistryIDs []string `json:"registryIds"`
}) (any, error) {
	registries := in.RegistryIDs
	if err := checkLength("registryIds", registries, 0, maxTokens); err != nil {
		return nil, err
	}
	if len(registries) == 0 {
		registries = []string{call.Account}
	}
	var data []map[string]any
	for _, id := range registries {
		if err := checkRegistryID(id); err != nil {
			return nil, err
		}
		password, expires := r.Tokens.Issue(call.Session)
		data = append(data, map[string]any{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
			"expiresAt":          protocol.Timestamp(expires),
			"proxyEndpoint":      "https://" + where(call, id).host(),
		})
	}
	return map[string]any{"authorizationData": data}, nil
}

type createInput struct {
	target
	Tags                               []tag       `json:"tags"`
	ImageTagMutability                 string      `json:"imageTagMutability"`
	ImageTagMutabilityExclusionFilters []exclusion `json:"imageTagMutabilityExclusionFilters"`
	ImageScanningConfiguration         struct {
		ScanOnPush bool `json:"scanOnPush"`
	} `json:"imageScanningConfiguration"`
	EncryptionConfiguration *encryption `json:"encryptionConfiguration"`
}

type tag struct {
	Key   string
	Value string
}

func (r *Room) createRepository(ctx context.Context, call *protocol.Call, in createInput) (any, error) {
	at := where(call, in.RegistryID)
	if err := r.mayUseKey(ctx, call.Session, at, in.EncryptionConfiguration); err != nil {
		return nil, err
	}
	repo, err := r.create(at, in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"repository": describe(repo)}, nil
}

// create makes a repository, or fails as CreateRepository does.
func (r *Room) create(at place, in createInput) (repository, error) {
	if err := checkName(in.RepositoryName); err != nil {
		return repository{}, err
	}
	if in.ImageTagMutability == "" {
		in.ImageTagMutability = mutable
	}
	if err := checkMutability(in.ImageTagMutability, in.ImageTagMutabilityExclusionFilters); err != nil {
		return repository{}, err
	}
	repo := repository{
		Name: in.RepositoryName, ARN: at.arn(in.RepositoryName), URI: at.host() + "/" + in.RepositoryName,
		Account: at.account, Created: r.Clock.Now(),
		Mutability: in.ImageTagMutability, Exclusions: in.ImageTagMutabilityExclusionFilters,
		ScanOnPush: in.ImageScanningConfiguration.ScanOnPush,
		Encryption: encryption{EncryptionType: "AES256"}, Tags: map[string]string{},
	}
	if in.EncryptionConfiguration != nil {
		repo.Encryption = *in.EncryptionConfiguration
	}
	for _, t := range in.Tags {
		repo.Tags[t.Key] = t.Value
	}
	err := r.repositories.Update(repo.ARN, func(_ repository, found bool) (repository, error) {
		if found {
			return repo, protocol.Errorf("RepositoryAlreadyExistsException",
				"The repository with name '%s' already exists in the registry with id '%s'", repo.Name, repo.Account)
		}
		return repo, nil
	})
	return repo, err
}

func checkName(name string) error {
	if len(name) < 2 || len(name) > maxNameLength || !namePattern.MatchString(name) {
		return errParameter("repositoryName", fmt.Sprintf("must have 2 to %d characters and satisfy regular expression '%s'",
			maxNameLength, strings.Trim(namePattern.String(), "^$")))
	}
	return nil
}

func checkMutability(value string, filters []exclusion) error {
	switch value {
	case mutable, immutable:
		if len(filters) > 0 {
			return errParameter("imageTagMutabilityExclusionFilters", "must be empty when imageTagMutability is "+value)
		}
	case immutableWithExclude, mutableWithExclude:
		if len(filters) == 0 || len(filters) > maxExclusions {
			return errParameter("imageTagMutabilityExclusionFilters",
				fmt.Sprintf("must have 1 to %d filters when imageTagMutability is %s", maxExclusions, value))
		}
	default:
		return errParameter("imageTagMutability", "must satisfy enum value set: [IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE, MUTABLE_WITH_EXCLUSION]")
	}
	for _, f := range filters {
		if f.FilterType != "WILDCARD" || !filterPattern.MatchString(f.Filter) {
			return errParameter("imageTagMutabilityExclusionFilters",
				"each must be of filterType WILDCARD and satisfy regular expression '"+filterPattern.String()+"'")
		}
	}
	return nil
}

func describe(repo repository) map[string]any {
	account, _ := splitARN(repo.ARN)
	out := map[string]any{
		"repositoryArn": repo.ARN, "registryId": account, "repositoryName": repo.Name, "repositoryUri": repo.URI,
		"createdAt": protocol.Timestamp(repo.Created), "imageTagMutability": repo.Mutability,
		"imageScanningConfiguration": map[string]bool{"scanOnPush": repo.ScanOnPush},
		"encryptionConfiguration":    repo.Encryption,
	}
	if len(repo.Exclusions) > 0 {
		out["imageTagMutabilityExclusionFilters"] = repo.Exclusions
	}
	return out
}

func (r *Room) describeRepositories(_ context.Context, call *protocol.Call, in struct {
	target
	NextToken  string `json:"nextToken"`
	MaxResults int    `json:"maxResults"`
}) (any, error) {
	if err := checkLength("repositoryNames", in.RepositoryNames, 0, maxBatch); err != nil {
		return nil, err
	}
	at := where(call, in.RegistryID)
	var list []map[string]any
	for _, name := range in.RepositoryNames {
		repo, err := r.find(at.arn(name))
		if err != nil {
			return nil, err
		}
		list = append(list, describe(repo))
	}
	if len(in.RepositoryNames) == 0 {
		for arn, repo := range r.repositories.All() {
			if strings.HasPrefix(arn, at.arn("")) {
				list = append(list, describe(repo))
			}
		}
	}
	part, next, err := page(list, in.NextToken, in.MaxResults, describeByPage)
	if err != nil {
		return nil, err
	}
	return paged(map[string]any{"repositories": notNil(part)}, next), nil
}

func (r *Room) deleteRepository(ctx context.Context, call *protocol.Call, in struct {
	target
	Force bool `json:"force"`
}) (any, error) {
	repo, err := r.delete(ctx, where(call, in.RegistryID).arn(in.RepositoryName), in.Force)
	if err != nil {
		return nil, err
	}
	return map[string]any{"repository": describe(repo)}, nil
}

// delete removes a repository, with its images when force is set.
func (r *Room) delete(ctx context.Context, arn string, force bool) (repository, error) {
	repo, err := r.find(arn)
	if err != nil {
		return repo, err
	}
	if len(repo.Images) > 0 && !force {
		return repo, protocol.Errorf("RepositoryNotEmptyException",
			"The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images",
			repo.Name, repo.Account)
	}
	return repo, errors.Join(r.repositories.Delete(arn), r.Content.DeleteRepository(ctx, arn))
}

// paged adds the token of the next page, if there is one.
func paged(out map[string]any, next string) map[string]any {
	if next != "" {
		out["nextToken"] = next
	}
	return out
}

// notNil makes an absent list an empty one, which is what AWS's JSON has.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
