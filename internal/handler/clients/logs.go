package clients

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Logs is CloudWatch Logs.
type Logs struct{ Client *cloudwatchlogs.Client }

// Page implements handler.Logs. The oldest page is the one whose token leads to itself (API Reference,
// GetLogEvents).
func (l Logs) Page(ctx context.Context, group, stream, token string) ([]string, string, error) {
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream, StartFromHead: aws.Bool(false)}
	if token != "" {
		in.NextToken = &token
	}
	out, err := l.Client.GetLogEvents(ctx, in)
	switch {
	case is(err, "ResourceNotFoundException"):
		return nil, "", nil // the stream comes with its first event
	case err != nil:
		return nil, "", problem("read log", group+"/"+stream, err)
	}
	messages := make([]string, 0, len(out.Events))
	for _, e := range out.Events {
		messages = append(messages, aws.ToString(e.Message))
	}
	older := aws.ToString(out.NextBackwardToken)
	if older == token || len(messages) == 0 {
		older = ""
	}
	return messages, older, nil
}

// Make implements handler.Logs.
func (l Logs) Make(ctx context.Context, group string, days int) error {
	_, err := l.Client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	if err != nil && !is(err, "ResourceAlreadyExistsException") {
		return problem("make log group", group, err)
	}
	_, err = l.Client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: &group, RetentionInDays: aws.Int32(int32(days)),
	})
	if err != nil {
		return problem("set the retention of log group", group, err)
	}
	return nil
}
