package logs_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
)

// TestTags: a group's tags are those that it was made with, and what calls of both kinds change.
// Source: CloudWatch Logs API Reference, TagResource and TagLogGroup, 2026-11.
func TestTags(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	arn := aws.String("arn:aws:logs:eu-west-1:111122223333:log-group:/g")
	for _, do := range []func() error{
		func() error {
			_, err := f.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: groupG, Tags: map[string]string{"a": "1", "b": "2"}})
			return err
		},
		func() error {
			_, err := f.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"c": "3", "a": "0"}})
			return err
		},
		func() error {
			_, err := f.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"b"}})
			return err
		},
		func() error {
			_, err := f.UntagLogGroup(ctx, &cloudwatchlogs.UntagLogGroupInput{LogGroupName: groupG, Tags: []string{"c"}}) //nolint:staticcheck // old clients call it
			return err
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "0"}, out.Tags); diff != "" {
		t.Error(diff)
	}
}
