package stackpolicy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackpolicy"
)

const (
	guide    = "CloudFormation User Guide, Prevent updates to stack resources, 2026-11"
	recorded = "recorded from CloudFormation, 2022-11 (localstack/localstack#7159)"
)

func statements(all ...string) string { return `{"Statement": [` + strings.Join(all, ", ") + `]}` }

func TestCheck(t *testing.T) {
	const allow = `{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}`
	cases := []struct {
		name, source, limit string
		policy              string
		action, id, kind    string
		denied              string // part of the reason; empty: it may
	}{
		{name: "allowed", source: guide, policy: statements(allow), action: stackpolicy.Modify, id: "A"},
		{name: "denied, whatever is allowed", source: guide, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/A"}`, allow),
			action: stackpolicy.Delete, id: "A", denied: "Action denied by stack policy: Statement [#1] does not allow [Update:*] for resource [LogicalResourceId/A]"},
		{name: "another resource is denied", source: guide, policy: statements(allow, `{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/A"}`),
			action: stackpolicy.Delete, id: "AB"},
		{name: "what nothing allows", source: guide, limit: "the rest of the message is ours", policy: statements(`{"Effect": "Allow", "Action": "Update:Modify", "Principal": "*", "Resource": "*"}`),
			action: stackpolicy.Replace, id: "A", denied: "Action not allowed by stack policy"},
		{name: "beginning of a name", source: guide, policy: statements(allow, `{"Effect": "Deny", "Action": ["Update:Modify", "Update:Delete"], "Principal": "*", "Resource": "LogicalResourceId/CriticalResource*"}`),
			action: stackpolicy.Modify, id: "CriticalResource7", denied: "does not allow [Update:Modify, Update:Delete]"},
		{name: "type", source: guide, policy: statements(allow, `{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::EC2::Instance", "AWS::RDS::DBInstance"]}}}`),
			action: stackpolicy.Modify, id: "A", kind: "AWS::RDS::DBInstance", denied: "Statement [#2]"},
		{name: "another type", source: guide, policy: statements(allow, `{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::EC2::Instance"]}}}`),
			action: stackpolicy.Modify, id: "A", kind: "AWS::EC2::InstanceProfile"},
		{name: "types by pattern", source: guide, policy: statements(allow, `{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"StringLike": {"ResourceType": ["AWS::EC2::*"]}}}`),
			action: stackpolicy.Modify, id: "A", kind: "AWS::EC2::Instance", denied: "Statement [#2]"},
		{name: "all actions but one", source: guide, policy: statements(`{"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "Resource": "*"}`),
			action: stackpolicy.Delete, id: "A", denied: "not allowed"},
		{name: "the others of all but one", source: guide, policy: statements(`{"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "Resource": "*"}`),
			action: stackpolicy.Replace, id: "A"},
		{name: "all resources but one", source: "public issue aws-cloudformation/cloudformation-coverage-roadmap#788, 2021-02",
			policy: statements(`{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/CloudFront"}`), action: stackpolicy.Modify, id: "CloudFront", denied: "not allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := stackpolicy.Parse(c.policy)
			if err != nil {
				t.Fatal(err)
			}
			err = p.Check(c.action, c.id, c.kind)
			if (err == nil) != (c.denied == "") || err != nil && !strings.Contains(err.Error(), c.denied) {
				t.Errorf("%v, want %q", err, c.denied)
			}
		})
	}
}

func TestParse(t *testing.T) {
	cases := []struct {
		name, source, limit string
		policy              string
		ok                  bool
	}{
		{name: "no JSON", source: recorded, policy: "abc"},
		{name: "another principal", source: recorded, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Principal": "someone", "Resource": "*"}`)},
		{name: "another action", source: recorded, policy: statements(`{"Effect": "Deny", "Action": "Delete:*", "Principal": "*", "Resource": "*"}`)},
		{name: "no statements", source: recorded, limit: "counts as no policy; what CloudFormation does then is not documented", policy: "{}", ok: true},
		{name: "no principal", source: guide, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Resource": "*"}`)},
		{name: "principal of all accounts", source: guide, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Principal": {"AWS": "*"}, "Resource": "*"}`), ok: true},
		{name: "no resource", source: guide, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Principal": "*"}`)},
		{name: "another condition", source: guide, policy: statements(`{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*", "Condition": {"Bool": {"ResourceType": "x"}}}`)},
		{name: "16,385 bytes", source: "CloudFormation API Reference, SetStackPolicy, 2026-11", policy: "{}" + strings.Repeat(" ", 16_383)},
		{name: "more after it", source: guide, policy: "{} {}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := stackpolicy.Parse(c.policy); (err == nil) != c.ok || err != nil && !errors.Is(err, stackpolicy.ErrInvalid) {
				t.Errorf("%v, want ok %v", err, c.ok)
			}
		})
	}
}

// FuzzParse: no text breaks the parser, or a check by what it has read.
func FuzzParse(f *testing.F) {
	f.Add(statements(`{"Effect": "Deny", "Action": ["Update:*"], "Principal": {"AWS": "*"}, "NotResource": "LogicalResourceId/[", "Condition": {"StringLike": {"ResourceType": "*"}}}`))
	f.Fuzz(func(_ *testing.T, text string) {
		if p, err := stackpolicy.Parse(text); err == nil && p != nil {
			_ = p.Check(stackpolicy.Modify, "A", "AWS::S3::Bucket")
		}
	})
}
