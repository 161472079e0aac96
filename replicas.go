package tokendocker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/regioninfo"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// What one registry's replication configuration takes (Amazon ECR User Guide, "Private image replication").
const (
	maxRules        = 10
	maxDestinations = 25
	maxFilters      = 100 // in one rule
)

// cacheDays is how long a layer cache that was overwritten is kept in a repository of its own.
const cacheDays = 7

// readReplicas takes the regions that hold the image too.
func (b *builder) readReplicas(regions *[]*string) {
	if regions == nil {
		return
	}
	home := *awscdk.Stack_Of(b).Region()
	for i, given := range *regions {
		if given == nil {
			given = jsii.String("")
		}
		region := *given
		switch problem := replicaProblem(region, home); {
		case problem != "":
			b.problems.add("ReplicaRegions[%d] %s", i, problem)
		case !slices.Contains(b.replicas, region):
			b.replicas = append(b.replicas, region)
		}
	}
	slices.Sort(b.replicas)
}

// replicaProblem tells what is wrong with a region for replicas of a stack's images; home may be a token.
func replicaProblem(region, home string) string {
	partition := partitionOf(region)
	switch {
	case isToken(region):
		return "is a deploy-time token, but must be known at synth"
	case partition == "":
		return fmt.Sprintf("is %q, which is no region that CDK knows: give the name of a region such as \"eu-west-1\"", region)
	case region == home:
		return fmt.Sprintf("is %q, where the stack itself is: leave it out, the image is there", region)
	case isToken(home) || partitionOf(home) == "" || partitionOf(home) == partition:
		return ""
	}
	return fmt.Sprintf("is %q in partition %s, and the stack is in %s: ECR replicates within a partition only", region, partition, partitionOf(home))
}

// partitionOf is the partition of a region; it is empty where CDK knows none.
func partitionOf(region string) string {
	if isToken(region) {
		return ""
	}
	partition := regioninfo.RegionInfo_Get(jsii.String(region)).Partition()
	if partition == nil {
		return ""
	}
	return *partition
}

// addCache makes the repository of the layer cache of a builder with replicas: ECR replicates repositories and not
// tags, so a cache beside the image would go to every region with every build.
func (b *builder) addCache() {
	if len(b.replicas) == 0 || b.cacheDisabled {
		return
	}
	b.cache = awsecr.NewRepository(b, jsii.String("Cache"), &awsecr.RepositoryProps{
		EncryptionKey: b.encryptionKey(),
		LifecycleRules: &[]*awsecr.LifecycleRule{{
			Description: jsii.String("layer caches that were overwritten"),
			TagStatus:   awsecr.TagStatus_UNTAGGED,
			MaxImageAge: awscdk.Duration_Days(jsii.Number(cacheDays)),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		EmptyOnDelete: jsii.Bool(true),
	})
}

// cacheURI is where the layer cache is, if it is not beside the image.
func (b *builder) cacheURI() string {
	if b.cache == nil {
		return ""
	}
	return *b.cache.Node().DefaultChild().(awsecr.CfnRepository).AttrRepositoryUri()
}

// replicaEntries are the permissions that the function needs for this builder's replicas.
func (b *builder) replicaEntries(longest machine.Names) []entry {
	if len(b.replicas) == 0 {
		return nil
	}
	grants := machine.ReplicationActions()
	list := entries(grants, map[machine.Resource]string{machine.Repository: *b.repository.RepositoryArn()}, longest)
	names := namesIn(b)
	names.Repository = *b.repository.RepositoryName()
	for _, region := range b.replicas {
		names.ReplicaRegion, longest.ReplicaRegion = region, region
		list = append(list, entries(grants, map[machine.Resource]string{machine.Replica: machine.Replica.ARN(names)}, longest)...)
	}
	return list
}

// addReplication makes the resource whose deletion takes the repository out of the registry's rules. Another set of
// regions is another resource, so that the old one is deleted after the new images are there.
func (b *builder) addReplication() {
	if len(b.replicas) == 0 {
		return
	}
	policy := b.provider.replicate(b)
	resource := awscdk.NewCfnResource(b, jsii.String("Replication"+setHash(b.replicas)), &awscdk.CfnResourceProps{
		Type: jsii.String("Custom::TokenInjectableDockerReplication"),
		Properties: &map[string]any{
			"ServiceToken": b.provider.ServiceToken(),
			"Replication":  asProperties(contract.Replication{Repository: *b.repository.RepositoryName(), Regions: b.replicas}),
		},
	})
	resource.AddResourceDependency(policy, nil)
}

// setHash tells sets of regions apart.
func setHash(regions []string) string {
	sum := sha256.Sum256([]byte(strings.Join(regions, " ")))
	return hex.EncodeToString(sum[:4])
}

// replication is what the builders of a stack with replicas share.
type replication struct {
	policy   awsiam.CfnPolicy
	builders []*builder
}

// replicate notes a builder with replicas, and returns the policy about the registry's one replication
// configuration. It is a resource of its own, so that it goes after the resources that need it to go.
func (p *provider) replicate(b *builder) awsiam.CfnPolicy {
	r := &p.replication
	r.builders = append(r.builders, b)
	if r.policy != nil {
		return r.policy
	}
	names, longest := namesIn(p), longestNames("")
	document := awsiam.NewPolicyDocument(nil)
	var list []entry
	for _, grant := range machine.ReplicationActions() {
		s := statement(grant.Actions, grant.Resource.ARN(names))
		switch grant.Resource {
		case machine.ReplicationRole:
			s.AddCondition(jsii.String("StringEquals"), map[string]string{"iam:AWSServiceName": "replication.ecr.amazonaws.com"})
			list = append(list, entry{longest: `"Condition":{"StringEquals":{"iam:AWSServiceName":"replication.ecr.amazonaws.com"}}`})
		case machine.ReplicationRule, machine.Lease:
		default:
			continue // each builder's own
		}
		document.AddStatements(s)
		list = append(list, entry{actions: grant.Actions, longest: grant.Resource.ARN(longest)})
	}
	p.functionPolicies.include(list)
	r.policy = awsiam.NewCfnPolicy(p.policyScope, jsii.String("Replication"), &awsiam.CfnPolicyProps{
		PolicyName:     jsii.String("Replication"),
		PolicyDocument: document,
		Roles:          &[]*string{p.functionRole.RoleName()},
	})
	return r.policy
}

// check counts what this stack's builders ask of the registry's replication configuration. Rules of others are not
// known at synth; the handler counts again.
func (r replication) check() []string {
	sets, regions := map[string]int{}, map[string]bool{}
	for _, b := range r.builders {
		sets[strings.Join(b.replicas, " ")]++
		for _, region := range b.replicas {
			regions[region] = true
		}
	}
	rules := 0
	for _, repositories := range sets {
		rules += (repositories + maxFilters - 1) / maxFilters
	}
	var found []string
	if rules > maxRules {
		found = append(found, fmt.Sprintf("the builders of this stack need %d replication rules, one for every %d repositories of each set of ReplicaRegions, and ECR takes %d in a registry: give more builders the same ReplicaRegions",
			rules, maxFilters, maxRules))
	}
	if len(regions) > maxDestinations {
		found = append(found, fmt.Sprintf("the builders of this stack replicate to %d regions, and ECR takes %d destinations in a registry: leave some out", len(regions), maxDestinations))
	}
	return found
}
