package ecr_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"
)

// TestTagsAreConditions: what CDK's function that empties repositories may do depends on a tag of the repository.
// Source: Service Authorization Reference, Amazon Elastic Container Registry, condition keys, 2026-11.
func TestTagsAreConditions(t *testing.T) {
	w := newWorld(t)
	ok(w.CreateRepository(t.Context(), &client.CreateRepositoryInput{RepositoryName: aws.String("app"), Tags: []types.Tag{{Key: aws.String("aws-cdk:auto-delete-images"), Value: aws.String("true")}}}))
	ok(w.DescribeRepositories(t.Context(), &client.DescribeRepositoriesInput{RepositoryNames: []string{"app"}}))
	want := map[string][]string{"aws:ResourceTag/aws-cdk:auto-delete-images": {"true"}, "ecr:ResourceTag/aws-cdk:auto-delete-images": {"true"}}
	if diff := cmp.Diff(want, w.needs[0].Conditions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ok(w.ListTagsForResource(t.Context(), &client.ListTagsForResourceInput{ResourceArn: aws.String("arn:aws:ecr:eu-west-1:111122223333:repository/app")}))
	if diff := cmp.Diff(want, w.needs[0].Conditions); diff != "" {
		t.Errorf("by ARN (-want +got):\n%s", diff)
	}
}
