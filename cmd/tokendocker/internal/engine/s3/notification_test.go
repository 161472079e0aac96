package s3_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const (
	function  = "arn:aws:lambda:eu-west-1:111122223333:function:f"
	forbidden = "arn:aws:lambda:eu-west-1:111122223333:function:forbidden"
)

// functions is a Lambda that remembers its invocations.
type functions struct{ invoked chan invocation }

type invocation struct {
	as *session.Session
	FunctionName,
	InvocationType string
	Payload json.RawMessage
}

func (functions) Name() string { return "lambda" }

func (functions) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	var in invocation
	err := json.Unmarshal(call.Body, &in)
	return []protocol.Need{{Action: "lambda:InvokeFunction", Resources: []string{in.FunctionName}}}, err
}

func (f functions) Serve(_ context.Context, call *protocol.Call) (any, error) {
	in := invocation{as: call.Session}
	if err := json.Unmarshal(call.Body, &in); err != nil {
		return nil, err
	}
	if in.InvocationType == "Event" {
		f.invoked <- in
	}
	return nil, nil
}

// withFunctions puts a Lambda beside the room, in which one function does not let S3 in.
func withFunctions(t *testing.T) (*fixture, functions, chan protocol.Event) {
	t.Helper()
	f, l, events := newFixture(t, doortest.Store(t), 1), functions{make(chan invocation, 10)}, make(chan protocol.Event, 10)
	f.front.Register(l)
	f.room.Publish = func(e protocol.Event) { events <- e }
	f.front.Denied = func(as *session.Session, need protocol.Need) error {
		if as.Service == "s3.amazonaws.com" && (need.Resources[0] == forbidden || as.SourceARN != "arn:aws:s3:::box") {
			return protocol.Errorf("AccessDeniedException", "no")
		}
		return nil
	}
	return f, l, events
}

func (f *fixture) notify(c types.NotificationConfiguration) error {
	_, err := f.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: box, NotificationConfiguration: &c})
	return err
}

func toFunction(arn string, events []types.Event, ends ...string) types.LambdaFunctionConfiguration {
	c := types.LambdaFunctionConfiguration{LambdaFunctionArn: &arn, Events: events}
	if len(ends) == 2 {
		c.Filter = &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleNamePrefix, Value: &ends[0]}, {Name: types.FilterRuleNameSuffix, Value: &ends[1]}}}}
	}
	return c
}

var created = []types.Event{"s3:ObjectCreated:*"}

// TestNotificationConfigurations: what S3 takes, and what it refuses.
func TestNotificationConfigurations(t *testing.T) {
	const (
		put     = "API Reference, PutBucketNotificationConfiguration, 2026-11"
		filters = "Amazon S3 User Guide, Configuring event notifications using object key name filtering, 2026-11"
	)
	queue := types.QueueConfiguration{QueueArn: aws.String("arn:aws:sqs:eu-west-1:111122223333:q"), Events: created}
	cases := []struct {
		name, source, limit string
		put                 types.NotificationConfiguration
		message             string // of InvalidArgument; empty: it is taken
	}{
		{name: "nothing", source: put},
		{name: "function", source: put, put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, created, "in/", ".jpg")}}},
		{name: "EventBridge", source: put, put: types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}}},
		{name: "queues and topics", source: put, put: types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{queue}},
			limit: "kept, and not looked at: queues and topics are not notified"},
		{name: "function that does not let S3 in", source: "aws/aws-cdk#18090", message: "Unable to validate the following destination configurations",
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(forbidden, created)}}},
		{name: "function of another region", source: put, message: "The notification destination service region is not valid for the bucket location constraint",
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(strings.Replace(function, "eu-west-1", "us-east-1", 1), created)}}},
		{name: "no such event", source: put, message: "A specified event is not supported for notifications.",
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, []types.Event{"s3:ObjectEaten:*"})}}},
		{name: "two for one event", source: filters, message: "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, created)},
				QueueConfigurations: []types.QueueConfiguration{{QueueArn: queue.QueueArn, Events: []types.Event{"s3:ObjectCreated:Put"}}}}},
		{name: "two for one key", source: filters, message: "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, created, "in/", ".jpg"), toFunction(function, created, "in/a", "g")}}},
		{name: "two for other keys", source: filters,
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, created, "in/", ".jpg"), toFunction(function, created, "in/", ".png")}}},
		{name: "two for other events", source: filters,
			put: types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(function, created), toFunction(function, []types.Event{"s3:ObjectRemoved:*"})}}},
	}
	f, _, _ := withFunctions(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := f.notify(c.put)
			if c.message != "" {
				wantCode(t, err, "InvalidArgument")
				if err == nil || !strings.Contains(err.Error(), c.message) {
					t.Errorf("%v, want %s", err, c.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.GetBucketNotificationConfiguration(ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: box})
			if err != nil || len(got.QueueConfigurations) != len(c.put.QueueConfigurations) || len(got.LambdaFunctionConfigurations) != len(c.put.LambdaFunctionConfigurations) ||
				(got.EventBridgeConfiguration == nil) != (c.put.EventBridgeConfiguration == nil) {
				t.Fatalf("%+v, %v", got, err)
			}
			for i, one := range got.LambdaFunctionConfigurations {
				if aws.ToString(one.Id) == "" {
					t.Error("no id")
				}
				one.Id = nil
				if *one.LambdaFunctionArn != function || !cmp.Equal(one.Events, c.put.LambdaFunctionConfigurations[i].Events) {
					t.Errorf("%+v", one)
				}
			}
		})
	}
	_, err := f.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: aws.String("nobodys"), NotificationConfiguration: &types.NotificationConfiguration{}})
	wantCode(t, err, "NoSuchBucket")
	_, err = f.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: box, SkipDestinationValidation: aws.Bool(true),
		NotificationConfiguration: &types.NotificationConfiguration{LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{toFunction(forbidden, created)}}})
	if err != nil {
		t.Errorf("destinations are not to be looked at: %v", err)
	}
}

// TestNotifications: which changes of objects a function hears of, and EventBridge.
func TestNotifications(t *testing.T) {
	const kinds = "Amazon S3 User Guide, Event notification types and destinations, 2026-11"
	cases := []struct {
		name, source string
		do           func(*fixture) error
		event        string // empty: none
		key, reason  string
	}{
		{name: "put", source: kinds, do: func(f *fixture) error { f.put("in/a b.jpg", "body"); return nil }, event: "ObjectCreated:Put", key: "in/a+b.jpg", reason: "PutObject"},
		{name: "copy", source: kinds, do: func(f *fixture) error {
			_, err := f.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: box, Key: aws.String("in/c.jpg"), CopySource: aws.String("box/other")})
			return err
		}, event: "ObjectCreated:Copy", key: "in/c.jpg", reason: "CopyObject"},
		{name: "upload in parts", source: kinds, do: uploadParts, event: "ObjectCreated:CompleteMultipartUpload", key: "in/p.jpg", reason: "CompleteMultipartUpload"},
		{name: "deletion", source: kinds, do: func(f *fixture) error {
			_, err := f.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: box, Key: aws.String("in/old.jpg")})
			return err
		}, event: "ObjectRemoved:Delete", key: "in/old.jpg", reason: "DeleteObject"},
		{name: "deletion of several", source: kinds, do: func(f *fixture) error {
			_, err := f.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("in/old.jpg")}, {Key: aws.String("in/none.jpg")}}}})
			return err
		}, event: "ObjectRemoved:Delete", key: "in/old.jpg", reason: "DeleteObject"},
		{name: "put by the engine", source: kinds, do: func(f *fixture) error { return f.room.Put("box", "in/e.jpg", "", strings.NewReader("x")) },
			event: "ObjectCreated:Put", key: "in/e.jpg", reason: "PutObject"},
		{name: "another prefix", source: kinds, do: func(f *fixture) error { f.put("out/a.jpg", "body"); return nil }},
		{name: "another suffix", source: kinds, do: func(f *fixture) error { f.put("in/a.png", "body"); return nil }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, l, events := withFunctions(t)
			f.put("other", "x")
			f.put("in/old.jpg", "x")
			if err := f.notify(types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}, LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{
				toFunction(function, []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"}, "in/", ".jpg")}}); err != nil {
				t.Fatal(err)
			}
			if err := c.do(f); err != nil {
				t.Fatal(err)
			}
			e := <-events
			if c.event == "" {
				select {
				case got := <-l.invoked:
					t.Errorf("%s", got.Payload)
				case <-time.After(50 * time.Millisecond):
				}
				return
			}
			got := <-l.invoked
			var payload struct {
				Records []struct {
					EventName, AwsRegion string
					S3                   struct{ Object struct{ Key, ETag string } }
				}
			}
			if err := json.Unmarshal(got.Payload, &payload); err != nil || len(payload.Records) != 1 {
				t.Fatalf("%s: %v", got.Payload, err)
			}
			one := payload.Records[0]
			if one.EventName != c.event || one.S3.Object.Key != c.key || one.AwsRegion != doortest.Region || (one.S3.Object.ETag == "") != strings.HasPrefix(c.event, "ObjectRemoved") {
				t.Errorf("%s", got.Payload)
			}
			detail, _ := e.Detail.(map[string]any)
			if want := map[bool]string{true: "Object Created", false: "Object Deleted"}[strings.HasPrefix(c.event, "ObjectCreated")]; e.DetailType != want || detail["reason"] != c.reason || e.Resources[0] != "arn:aws:s3:::box" {
				t.Errorf("%+v", e)
			}
		})
	}
}

func uploadParts(f *fixture) error {
	up, err := f.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: box, Key: aws.String("in/p.jpg")})
	if err != nil {
		return err
	}
	part, err := f.UploadPart(ctx, &awss3.UploadPartInput{Bucket: box, Key: up.Key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part")})
	if err != nil {
		return err
	}
	_, err = f.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: box, Key: up.Key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}}}})
	return err
}

// TestNotificationsOfATemplate: a bucket whose template says who is notified; one that no longer says it notifies nobody.
// Source: Template Reference, AWS::S3::Bucket NotificationConfiguration, 2026-11.
func TestNotificationsOfATemplate(t *testing.T) {
	f, l, events := withFunctions(t)
	r := resource.Request{Type: "AWS::S3::Bucket", LogicalID: "B", PhysicalID: "box", Stack: resource.Stack{Account: doortest.Account, Region: doortest.Region, URLSuffix: "amazonaws.com"},
		Properties: map[string]any{"NotificationConfiguration": map[string]any{"EventBridgeConfiguration": map[string]any{"EventBridgeEnabled": "true"},
			"LambdaConfigurations": []any{map[string]any{"Event": "s3:ObjectCreated:*", "Function": function, "Filter": map[string]any{"S3Key": map[string]any{
				"Rules": []any{map[string]any{"Name": "prefix", "Value": "in/"}}}}}}}}}
	provider := f.room.Resources()[r.Type]
	if _, err := provider.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	f.put("in/a", "x")
	f.put("out/a", "x")
	if got := <-l.invoked; got.FunctionName != function || len(l.invoked) != 0 || len(events) != 2 {
		t.Errorf("%+v, %d more, %d events", got, len(l.invoked), len(events))
	}
	refused := r
	refused.Properties = map[string]any{"NotificationConfiguration": map[string]any{"LambdaConfigurations": []any{map[string]any{"Event": "s3:ObjectCreated:*", "Function": forbidden}}}}
	if _, err := provider.Update(ctx, refused); err == nil || !strings.Contains(err.Error(), "Unable to validate the following destination configurations") {
		t.Errorf("%v", err)
	}
	fresh := r
	fresh.PhysicalID, fresh.Properties = "", map[string]any{"BucketName": "fresh-box", "NotificationConfiguration": refused.Properties["NotificationConfiguration"]}
	if made, err := provider.Create(ctx, fresh); err == nil || made.PhysicalID != "fresh-box" {
		t.Errorf("%+v, %v: a bucket that was made must be deleted by the roll-back", made, err)
	}
	r.Old, r.Properties = r.Properties, map[string]any{}
	if _, err := provider.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	f.put("in/b", "x")
	if len(l.invoked) != 0 || len(events) != 2 {
		t.Errorf("%d functions and %d events more", len(l.invoked), len(events)-2)
	}
}
