package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
)

// TestNotifications: what CDK's own function for bucket notifications puts and reads.
func TestNotifications(t *testing.T) {
	queue := types.QueueConfiguration{QueueArn: aws.String("arn:aws:sqs:us-east-1:123456789012:q"), Events: []types.Event{"s3:ObjectCreated:*"}}
	cases := []struct {
		name, source, limit string
		put                 types.NotificationConfiguration
		queues              int
	}{
		{name: "queue", source: "API Reference, PutBucketNotificationConfiguration, 2026-11", put: types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{queue}}, queues: 1,
			limit: "a configuration is kept; its destinations are not looked at, and nobody is notified"},
		{name: "none", source: "API Reference, PutBucketNotificationConfiguration, 2026-11"},
	}
	f := newFixture(t, doortest.Store(t), 1)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := f.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: box, NotificationConfiguration: &c.put}); err != nil {
				t.Fatal(err)
			}
			got, err := f.GetBucketNotificationConfiguration(ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: box})
			if err != nil || len(got.QueueConfigurations) != c.queues || c.queues > 0 && *got.QueueConfigurations[0].QueueArn != *queue.QueueArn {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	_, err := f.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: aws.String("nobodys"), NotificationConfiguration: &types.NotificationConfiguration{}})
	wantCode(t, err, "NoSuchBucket")
}
