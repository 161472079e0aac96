package ecr

import (
	"context"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// cacheService is ECR as the one who assumes the role of a rule.
// Source: Amazon ECR User Guide, "Setting up permissions for cross-account ECR to ECR PTC", trust policy.
const cacheService = "pullthroughcache.ecr.amazonaws.com"

// takeActions are what the role of a rule needs on the image's own repository (the same page, resource policy).
var takeActions = []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus"}

// bring copies an upstream image, and all that it names, into the repository of a cache. It returns their digests, the
// image's own last.
func (r *Room) bring(ctx context.Context, at place, rule cacheRule, name, reference string) ([]string, error) {
	if rule.Registry == privateECR {
		return r.bringOwn(ctx, at, rule, name, reference)
	}
	from, err := r.from(at, rule, name, reference)
	if err != nil {
		return nil, err
	}
	return r.Upstream(ctx, from, at.arn(name))
}

// bringOwn copies an image of ECR itself, from another region or account.
func (r *Room) bringOwn(ctx context.Context, at place, rule cacheRule, name, reference string) ([]string, error) {
	source := registryOf(rule.URL, at.partition).arn(rule.upstream(name))
	if err := r.mayTake(ctx, at, rule, source); err != nil {
		return nil, r.hinted(protocol.Errorf(errCredential.Code, "%s", errCredential.Message), err)
	}
	dgst, there := r.Resolve(source, reference)
	if !there {
		return nil, protocol.Errorf("ImageNotFoundException", "Requested image not found")
	}
	repo, err := r.find(source)
	if err != nil {
		return nil, err
	}
	digests := append(slices.Clone(repo.Images[dgst].Children), dgst)
	for _, one := range digests {
		if err := r.Content.Copy(ctx, source, at.arn(name), one); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// registryOf is the place that a registry's host names.
func registryOf(host, partition string) place {
	labels := strings.Split(host, ".") // 111122223333.dkr.ecr.eu-west-1.amazonaws.com
	return place{partition: partition, account: labels[0], region: labels[3]}
}

// mayTake asks whether the rule's role may pull from another account's repository. In one account ECR has a role of its
// own.
func (r *Room) mayTake(ctx context.Context, at place, rule cacheRule, source string) error {
	if placeOf(source).account == at.account {
		return nil
	}
	as, done, err := r.Assume(ctx, rule.Role, cacheService)
	if err != nil {
		return err
	}
	defer done()
	for _, action := range takeActions {
		need := protocol.Need{Action: action, Resources: []string{source}, ResourcePolicy: string(r.ResourcePolicy(source))}
		if err := r.Caller.Allow(ctx, as, placeOf(source).region, need); err != nil {
			return err
		}
	}
	return nil
}
