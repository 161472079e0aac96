package logs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

func document(principal, group string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":["logs:CreateLogStream","logs:PutLogEvents"],
		"Resource":"arn:aws:logs:eu-west-1:111122223333:log-group:%s:*"}]}`, principal, group)
}

// TestResourcePolicies: which services may write into which groups.
func TestResourcePolicies(t *testing.T) {
	const page = "CloudWatch Logs API Reference, PutResourcePolicy, 2026-11"
	cases := []struct {
		name, source, document string
		want                   bool
	}{
		{name: "none", source: page},
		{name: "the service", source: page, document: document("events.amazonaws.com", "/g"), want: true},
		{name: "groups of that form", source: page, document: document("events.amazonaws.com", "/*"), want: true},
		{name: "another service", source: page, document: document("delivery.logs.amazonaws.com", "/g")},
		{name: "another group", source: page, document: document("events.amazonaws.com", "/h")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, doortest.Store(t), nil, 1)
			f.stream()
			f.front.Denied = func(as *session.Session, need protocol.Need) error { return byPolicy(as, need) }
			if c.document != "" {
				if _, err := f.PutResourcePolicy(ctx, &cloudwatchlogs.PutResourcePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &c.document}); err != nil {
					t.Fatal(err)
				}
			}
			as := &session.Session{Account: doortest.Account, Service: "events.amazonaws.com", ARN: "events.amazonaws.com"}
			err := f.front.Call(ctx, as, doortest.Region, "logs", "PutLogEvents", map[string]any{"logGroupName": *groupG, "logStreamName": *streamS,
				"logEvents": []any{map[string]any{"timestamp": f.front.Clock.Now().UnixMilli(), "message": "m"}}}, nil)
			if (err == nil) != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// byPolicy lets services do what the resource's policy says.
func byPolicy(as *session.Session, need protocol.Need) error {
	if as.Service == "" {
		return nil
	}
	own := &policy.Policy{}
	if need.ResourcePolicy != "" {
		var err error
		if own, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry); err != nil {
			return err
		}
	}
	if !(policy.Policies{Resource: own}).Decide(&policy.Request{Action: need.Action, Resource: need.Resources[0], Account: as.Account,
		Caller: policy.Caller{Service: as.Service}}).Allowed {
		return protocol.Errorf("AccessDeniedException", "no")
	}
	return nil
}

// TestResourcePolicyLife: policies as clients and templates make and remove them.
func TestResourcePolicyLife(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	put := func(name, text string) error {
		_, err := f.PutResourcePolicy(ctx, &cloudwatchlogs.PutResourcePolicyInput{PolicyName: &name, PolicyDocument: &text})
		return err
	}
	for i := range 10 {
		if err := put(fmt.Sprint(i), document("events.amazonaws.com", "/g")); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, put("more", document("events.amazonaws.com", "/g")), "LimitExceededException")
	wantCode(t, put("0", "{"), "InvalidParameterException")
	if err := put("0", document("events.amazonaws.com", "/h")); err != nil {
		t.Errorf("to change one of ten: %v", err)
	}
	if _, err := f.DeleteResourcePolicy(ctx, &cloudwatchlogs.DeleteResourcePolicyInput{PolicyName: aws.String("0")}); err != nil {
		t.Error(err)
	}
	_, err := f.DeleteResourcePolicy(ctx, &cloudwatchlogs.DeleteResourcePolicyInput{PolicyName: aws.String("0")})
	wantCode(t, err, "ResourceNotFoundException")
	r := resource.Request{Type: "AWS::Logs::ResourcePolicy", Stack: resource.Stack{Region: doortest.Region}, Properties: map[string]any{"PolicyName": "made", "PolicyDocument": document("events.amazonaws.com", "/g")}}
	made, err := f.room.Resources()[r.Type].Create(ctx, r)
	if err != nil || made.PhysicalID != "made" {
		t.Fatalf("%+v, %v", made, err)
	}
	list, err := f.DescribeResourcePolicies(ctx, &cloudwatchlogs.DescribeResourcePoliciesInput{})
	if err != nil || len(list.ResourcePolicies) != 10 || !strings.Contains(aws.ToString(list.ResourcePolicies[9].PolicyDocument), "events.amazonaws.com") {
		t.Errorf("%+v, %v", list, err)
	}
	r.PhysicalID = "made"
	for range 2 {
		if err := f.room.Resources()[r.Type].Delete(ctx, r); err != nil {
			t.Error(err)
		}
	}
}
