package ecr

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// operation is one operation of the API.
type operation struct {
	// resources returns the ARNs that the call is about; nil means an action without resources.
	resources func(at place, t target) []string
	serve     func(ctx context.Context, r *Room, call *protocol.Call) (any, error)
}

// target is the part of an input that names repositories.
type target struct {
	RegistryID      string   `json:"registryId"`
	RepositoryName  string   `json:"repositoryName"`
	RepositoryNames []string `json:"repositoryNames"`
	ResourceARN     string   `json:"resourceArn"`
}

// do adapts a method with a typed input.
func do[In any](f func(r *Room, ctx context.Context, call *protocol.Call, in In) (any, error)) func(context.Context, *Room, *protocol.Call) (any, error) {
	return func(ctx context.Context, r *Room, call *protocol.Call) (any, error) {
		var in In
		if err := decode(call.Body, &in); err != nil {
			return nil, err
		}
		return f(r, ctx, call, in)
	}
}

func decode(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return protocol.Errorf("SerializationException", "The request is not valid JSON for this operation: %v", err)
	}
	return nil
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
		"GetAuthorizationToken":       {onNothing, do((*Room).getAuthorizationToken)},
		"CreateRepository":            {onRepository, do((*Room).createRepository)},
		"DescribeRepositories":        {onRepositories, do((*Room).describeRepositories)},
		"DeleteRepository":            {onRepository, do((*Room).deleteRepository)},
		"DescribeImages":              {onRepository, do((*Room).describeImages)},
		"ListImages":                  {onRepository, do((*Room).listImages)},
		"BatchGetImage":               {onRepository, do((*Room).batchGetImage)},
		"BatchDeleteImage":            {onRepository, do((*Room).batchDeleteImage)},
		"PutImage":                    {onRepository, do((*Room).putImage)},
		"BatchCheckLayerAvailability": {onRepository, do((*Room).batchCheckLayerAvailability)},
		"GetDownloadUrlForLayer":      {onRepository, do((*Room).getDownloadURLForLayer)},
		"GetRepositoryPolicy":         {onRepository, do((*Room).getRepositoryPolicy)},
		"SetRepositoryPolicy":         {onRepository, do((*Room).setRepositoryPolicy)},
		"DeleteRepositoryPolicy":      {onRepository, do((*Room).deleteRepositoryPolicy)},
		"PutLifecyclePolicy":          {onRepository, do((*Room).putLifecyclePolicy)},
		"GetLifecyclePolicy":          {onRepository, do((*Room).getLifecyclePolicy)},
		"DeleteLifecyclePolicy":       {onRepository, do((*Room).deleteLifecyclePolicy)},
		"StartLifecyclePolicyPreview": {onRepository, do((*Room).startLifecyclePolicyPreview)},
		"GetLifecyclePolicyPreview":   {onRepository, do((*Room).getLifecyclePolicyPreview)},
		"PutImageTagMutability":       {onRepository, do((*Room).putImageTagMutability)},
		"PutImageScanningConfiguration": {
			onRepository, do((*Room).putImageScanningConfiguration)},
		"CreatePullThroughCacheRule":    {onNothing, do((*Room).createPullThroughCacheRule)},
		"DescribePullThroughCacheRules": {onNothing, do((*Room).describePullThroughCacheRules)},
		"DeletePullThroughCacheRule":    {onNothing, do((*Room).deletePullThroughCacheRule)},
		"CreateRepositoryCreationTemplate": {
			onNothing, do((*Room).createRepositoryCreationTemplate)},
		"DescribeRepositoryCreationTemplates": {
			onNothing, do((*Room).describeRepositoryCreationTemplates)},
		"DeleteRepositoryCreationTemplate": {
			onNothing, do((*Room).deleteRepositoryCreationTemplate)},
		"PutRegistryPolicy":              {onNothing, do((*Room).putRegistryPolicy)},
		"GetRegistryPolicy":              {onNothing, do((*Room).getRegistryPolicy)},
		"DeleteRegistryPolicy":           {onNothing, do((*Room).deleteRegistryPolicy)},
		"DescribeRegistry":               {onNothing, do((*Room).describeRegistry)},
		"PutReplicationConfiguration":    {onNothing, do((*Room).putReplicationConfiguration)},
		"DescribeImageReplicationStatus": {onRepository, do((*Room).describeImageReplicationStatus)},
		"TagResource":                    {onResource, do((*Room).tagResource)},
		"UntagResource":                  {onResource, do((*Room).untagResource)},
		"ListTagsForResource":            {onResource, do((*Room).listTagsForResource)},
	}
}

// Name returns "ecr".
func (r *Room) Name() string { return "ecr" }

// Needs returns the operation's own action on the repositories that the input names.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, ok := operations()[call.Operation]
	if !ok {
		return nil, protocol.Errorf("UnknownOperationException",
			"tokendocker's ECR has no operation %s; docs/limits.md lists what there is.", call.Operation)
	}
	var t target
	if err := decode(call.Body, &t); err != nil {
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
	op, ok := operations()[call.Operation]
	if !ok {
		return nil, protocol.Errorf("UnknownOperationException", "unknown operation %s", call.Operation)
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

// timestamp is a time as AWS's JSON protocols write it: seconds since 1970.
type timestamp time.Time

// MarshalJSON writes seconds with milliseconds.
func (t timestamp) MarshalJSON() ([]byte, error) {
	ms := time.Time(t).UnixMilli()
	return strconv.AppendFloat(nil, float64(ms)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *timestamp) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	*t = timestamp(time.UnixMilli(int64(seconds * 1000)).UTC())
	return err
}

// page cuts one page out of all by the API's paging fields.
func page[T any](all []T, token string, limit, byDefault int) (part []T, next string, err error) {
	start := 0
	if token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(all) {
			return nil, "", errParameter("nextToken", "must be a token of an earlier answer")
		}
	}
	if limit <= 0 {
		limit = byDefault
	}
	end := min(start+limit, len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], next, nil
}
