package clients

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/handler/replication"
)

// Replicas is ECR over several regions.
type Replicas struct{ Client *ecr.Client }

// in sends one call to another region.
func in(region string) func(*ecr.Options) { return func(o *ecr.Options) { o.Region = region } }

// Rules implements handler.Replicas.
func (r Replicas) Rules(ctx context.Context) (string, []replication.Rule, error) {
	out, err := r.Client.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	if err != nil {
		return "", nil, problem("read the replication configuration of", "the registry", err)
	}
	var rules []replication.Rule
	if out.ReplicationConfiguration != nil {
		for _, given := range out.ReplicationConfiguration.Rules {
			rules = append(rules, ruleOf(given))
		}
	}
	return aws.ToString(out.RegistryId), rules, nil
}

func ruleOf(given types.ReplicationRule) replication.Rule {
	var rule replication.Rule
	for _, d := range given.Destinations {
		rule.Destinations = append(rule.Destinations, replication.Destination{Region: aws.ToString(d.Region), Account: aws.ToString(d.RegistryId)})
	}
	for _, f := range given.RepositoryFilters {
		rule.Filters = append(rule.Filters, aws.ToString(f.Filter))
	}
	return rule
}

// SetRules implements handler.Replicas.
func (r Replicas) SetRules(ctx context.Context, rules []replication.Rule) error {
	configuration := &types.ReplicationConfiguration{Rules: []types.ReplicationRule{}}
	for _, rule := range rules {
		var next types.ReplicationRule
		for _, d := range rule.Destinations {
			next.Destinations = append(next.Destinations, types.ReplicationDestination{Region: &d.Region, RegistryId: &d.Account})
		}
		for _, f := range rule.Filters {
			next.RepositoryFilters = append(next.RepositoryFilters, types.RepositoryFilter{Filter: &f, FilterType: types.RepositoryFilterTypePrefixMatch})
		}
		configuration.Rules = append(configuration.Rules, next)
	}
	if _, err := r.Client.PutReplicationConfiguration(ctx, &ecr.PutReplicationConfigurationInput{ReplicationConfiguration: configuration}); err != nil {
		return problem("write the replication configuration of", "the registry", err)
	}
	return nil
}

// Status implements handler.Replicas.
func (r Replicas) Status(ctx context.Context, repository, tag string) (map[string]handler.Replica, error) {
	out, err := r.Client.DescribeImageReplicationStatus(ctx, &ecr.DescribeImageReplicationStatusInput{
		RepositoryName: &repository, ImageId: &types.ImageIdentifier{ImageTag: &tag},
	})
	if err != nil {
		return nil, problem("look at the replicas of", repository+":"+tag, err)
	}
	replicas := map[string]handler.Replica{}
	for _, s := range out.ReplicationStatuses {
		replicas[aws.ToString(s.Region)] = handler.Replica{Status: string(s.Status), Code: aws.ToString(s.FailureCode)}
	}
	return replicas, nil
}

// Policy implements handler.Replicas.
func (r Replicas) Policy(ctx context.Context, region, repository string) (string, error) {
	out, err := r.Client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: &repository}, in(region))
	switch {
	case is(err, "RepositoryPolicyNotFoundException"):
		return "", nil
	case err != nil:
		return "", problem("read the policy of the repository in "+region, repository, err)
	}
	return aws.ToString(out.PolicyText), nil
}

// SetPolicy implements handler.Replicas.
func (r Replicas) SetPolicy(ctx context.Context, region, repository, policy string) error {
	_, err := r.Client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &repository, PolicyText: &policy}, in(region))
	if err != nil {
		return problem("set the policy of the repository in "+region, repository, err)
	}
	return nil
}
