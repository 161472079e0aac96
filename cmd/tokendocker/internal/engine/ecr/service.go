package ecr

import (
	"cmp"
	"context"
	"fmt"
	"regexp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// operation is one operation of the API.
type operation struct {
	// resources returns the ARNs that the call is about; nil means an action without resources.
	resources func(at place, t target) []string
	serve     protocol.Operation[*Room]
}

// target is the part of an input that names repositories.
type target struct {
	RegistryID      string   `json:"registryId"`
	RepositoryName  string   `json:"repositoryName"`
	RepositoryNames []string `json:"repositoryNames"`
	ResourceARN     string   `json:"resourceArn"`
}

func onRepository(at place, t target) []string { return []string{at.arn(t.RepositoryName)} }

func onNothing(place, target) []string { return nil }

func onResource(_ place, t target) []string { return []string{t.ResourceARN} }

func onRepositories(at place, t target) []string {
	if len(t.RepositoryNames) == 0 {
		return []string{at.arn("*")}
	}
	arns := make([]string, len(t.RepositoryNames))
	for i, name := range t.RepositoryNames {
		arns[i] = at.arn(name)
	}
	return arns
}

// operations returns the part of the API that there is.
// Source of each one's resources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon
// Elastic Container Registry".
func operations() map[string]operation {
	return map[string]operation{
		"GetAuthorizationToken":       {onNothing, protocol.JSON((*Room).getAuthorizationToken)},
		"CreateRepository":            {onRepository, protocol.JSON((*Room).createRepository)},
		"DescribeRepositories":        {onRepositories, protocol.JSON((*Room).describeRepositories)},
		"DeleteRepository":            {onRepository, protocol.JSON((*Room).deleteRepository)},
		"DescribeImages":              {onRepository, protocol.JSON((*Room).describeImages)},
		"ListImages":                  {onRepository, protocol.JSON((*Room).listImages)},
		"BatchGetImage":               {onRepository, protocol.JSON((*Room).batchGetImage)},
		"BatchDeleteImage":            {onRepository, protocol.JSON((*Room).batchDeleteImage)},
		"PutImage":                    {onRepository, protocol.JSON((*Room).putImage)},
		"BatchCheckLayerAvailability": {onRepository, protocol.JSON((*Room).batchCheckLayerAvailability)},
		"GetDownloadUrlForLayer":      {onRepository, protocol.JSON((*Room).getDownloadURLForLayer)},
		"GetRepositoryPolicy":         {onRepository, protocol.JSON((*Room).getRepositoryPolicy)},
		"SetRepositoryPolicy":         {onRepository, protocol.JSON((*Room).setRepositoryPolicy)},
		"DeleteRepositoryPolicy":      {onRepository, protocol.JSON((*Room).deleteRepositoryPolicy)},
		"PutLifecyclePolicy":          {onRepository, protocol.JSON((*Room).putLifecyclePolicy)},
		"GetLifecyclePolicy":          {onRepository, protocol.JSON((*Room).getLifecyclePolicy)},
		"DeleteLifecyclePolicy":       {onRepository, protocol.JSON((*Room).deleteLifecyclePolicy)},
		"StartLifecyclePolicyPreview": {onRepository, protocol.JSON((*Room).startLifecyclePolicyPreview)},
		"GetLifecyclePolicyPreview":   {onRepository, protocol.JSON((*Room).getLifecyclePolicyPreview)},
		"PutImageTagMutability":       {onRepository, protocol.JSON((*Room).putImageTagMutability)},
		"PutImageScanningConfiguration": {
			onRepository, protocol.JSON((*Room).putImageScanningConfiguration)},
		"CreatePullThroughCacheRule":    {onNothing, protocol.JSON((*Room).createPullThroughCacheRule)},
		"DescribePullThroughCacheRules": {onNothing, protocol.JSON((*Room).describePullThroughCacheRules)},
		"DeletePullThroughCacheRule":    {onNothing, protocol.JSON((*Room).deletePullThroughCacheRule)},
		"CreateRepositoryCreationTemplate": {
			onNothing, protocol.JSON((*Room).createRepositoryCreationTemplate)},
		"DescribeRepositoryCreationTemplates": {
			onNothing, protocol.JSON((*Room).describeRepositoryCreationTemplates)},
		"DeleteRepositoryCreationTemplate": {
			onNothing, protocol.JSON((*Room).deleteRepositoryCreationTemplate)},
		"PutRegistryPolicy":              {onNothing, protocol.JSON((*Room).putRegistryPolicy)},
		"GetRegistryPolicy":              {onNothing, protocol.JSON((*Room).getRegistryPolicy)},
		"DeleteRegistryPolicy":           {onNothing, protocol.JSON((*Room).deleteRegistryPolicy)},
		"DescribeRegistry":               {onNothing, protocol.JSON((*Room).describeRegistry)},
		"PutReplicationConfiguration":    {onNothing, protocol.JSON((*Room).putReplicationConfiguration)},
		"DescribeImageReplicationStatus": {onRepository, protocol.JSON((*Room).describeImageReplicationStatus)},
		"TagResource":                    {onResource, protocol.JSON((*Room).tagResource)},
		"UntagResource":                  {onResource, protocol.JSON((*Room).untagResource)},
		"ListTagsForResource":            {onResource, protocol.JSON((*Room).listTagsForResource)},
	}
}

// Name returns "ecr".
func (r *Room) Name() string { return "ecr" }

// Needs returns the operation's own action on the repositories that the input names.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, err := protocol.Find(operations(), call)
	if err != nil {
		return nil, err
	}
	var t target
	if err := protocol.Decode(call, &t); err != nil {
		return nil, err
	}
	if err := checkRegistryID(t.RegistryID); err != nil {
		return nil, err
	}
	need := protocol.Need{Action: "ecr:" + call.Operation, Resources: op.resources(where(call, t.RegistryID), t)}
	if len(need.Resources) == 1 {
		need.ResourcePolicy = string(r.ResourcePolicy(need.Resources[0]))
		need.Conditions = r.tagged(need.Resources[0])
	}
	needs := []protocol.Need{need}
	if call.Operation == "PutReplicationConfiguration" {
		needs = append(needs, r.linkNeed(where(call, ""))...)
	}
	return needs, nil
}

// Serve does the call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations(), call)
	if err != nil {
		return nil, err
	}
	return op.serve(ctx, r, call)
}

// where returns the registry that a call is about; another account's may be named in the input.
func where(call *protocol.Call, registryID string) place {
	at := place{partition: call.Partition, region: call.Region, account: call.Account}
	if registryID != "" {
		at.account = registryID
	}
	return at
}

var registryID = regexp.MustCompile(`^[0-9]{12}$`)

// checkRegistryID refuses what is no account. An empty one means the caller's own.
// Source: ECR API Reference, "registryId" of every operation.
func checkRegistryID(id string) error {
	if id != "" && !registryID.MatchString(id) {
		return errParameter("registryId", "Member must satisfy regular expression pattern: [0-9]{12}")
	}
	return nil
}

// maxBatch is how many images, layers or repositories one call may name, and maxTokens how many registries
// GetAuthorizationToken may (ECR API Reference).
const (
	maxBatch  = 100
	maxTokens = 10
)

// checkLength bounds a list of the input: one that a call cannot do without has at least one member.
// Source of the words: trek10inc/ecr-cleaner#8, puemos/aws-lambda-ecr-cleaner#3.
func checkLength[T any](name string, list []T, least, most int) error {
	switch n := len(list); {
	case n < least:
		return errParameter(name, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case n > most:
		return errParameter(name, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
	return nil
}

// maxPage is the most entries of an answer (ECR API Reference, DescribeRepositories, DescribeImages and ListImages).
const maxPage = 1000

// page cuts one page out of all by the API's paging fields; limit 0 is what a call without one has.
func page[T any](all []T, token string, limit, byDefault int) (part []T, next string, err error) {
	if limit < 0 || limit > maxPage {
		return nil, "", errParameter("maxResults", fmt.Sprintf("Member must have value less than or equal to %d", maxPage))
	}
	part, next, ok := protocol.Page(all, token, cmp.Or(limit, byDefault))
	if !ok {
		return nil, "", errParameter("nextToken", "must be a token of an earlier answer")
	}
	return part, next, nil
}
