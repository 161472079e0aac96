package iam_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const (
	pageErrors     = "IAM User Guide, Troubleshoot access denied error messages, 2026-11"
	pageDenier     = "AWS What's New, Additional policy details in access denied error messages, 2026-01"
	pageBoundary   = "IAM User Guide, Permissions boundaries for IAM entities, 2026-11"
	pageAssume     = "AWS STS API Reference, AssumeRole, 2026-11"
	pageTags       = "IAM User Guide, Pass session tags in AWS STS, 2026-11"
	pageSource     = "IAM User Guide, Monitor and control actions taken with assumed roles, 2026-11"
	pageRole       = "AWS CloudFormation Template Reference, AWS::IAM::Role, 2026-11"
	pagePolicy     = "AWS CloudFormation Template Reference, AWS::IAM::Policy, 2026-11"
	pageReference  = "AWS Managed Policy Reference Guide, 2026-11"
	pageKeys       = "IAM User Guide, AWS global condition context keys, 2026-11"
	pageDeputy     = "IAM User Guide, The confused deputy problem, 2026-11"
	pagePrincipals = "IAM User Guide, AWS JSON policy elements: Principal, 2026-11"
)

const trustAll = `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws-us-gov:iam::111122223333:root","Service":"lambda.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`

// first is the role of the caller that cases of chains have: it may do everything.
const first = `{"RoleName":"First","AssumeRolePolicyDocument":` + trustAll + `,"Policies":[{"PolicyName":"all","PolicyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}]}`

// roleOf is the properties of role R.
func roleOf(trust, statements, extra string) string {
	return `{"RoleName":"R","AssumeRolePolicyDocument":` + trust + `,"Policies":[{"PolicyName":"own","PolicyDocument":{"Version":"2012-10-17","Statement":[` + statements + `]}}]` + extra + `}`
}

func trusting(action, condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":` + action + `,"Condition":{` + condition + `}}}`
}

const (
	allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	tagged   = `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws-us-gov:s3:::${aws:PrincipalTag/team}/*"}`
)

// cases are what roles are allowed, each with the page that says so. The operator assumes role R, or First and then R;
// the session does s3:GetObject on the object.
var cases = []struct {
	name, source, limit string
	role                string // properties of R
	chained             bool   // by way of role First
	in                  iam.Assumption
	want                string // part of the error; empty: allowed
}{
	{name: "no statement", source: pageErrors, role: roleOf(trustAll, `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, ""),
		want: "assumed-role/R/run is not authorized to perform: s3:GetObject on resource: " + shown + " because no identity-based policy allows the s3:GetObject action"},
	{name: "identity policy denies", source: pageErrors, role: roleOf(trustAll, allowAll+`,{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, ""),
		want: shown + " with an explicit deny in an identity-based policy"},
	{name: "managed policy denies", source: pageDenier, role: roleOf(trustAll, allowAll, `,"ManagedPolicyArns":["arn:aws-us-gov:iam::111122223333:policy/NoS3"]`),
		want: shown + " with an explicit deny in an identity-based policy: arn:aws-us-gov:iam::111122223333:policy/NoS3"},
	{name: "boundary denies", source: pageDenier, role: roleOf(trustAll, allowAll, `,"PermissionsBoundary":"arn:aws-us-gov:iam::111122223333:policy/NoS3"`),
		want: shown + " with an explicit deny in a permissions boundary: arn:aws-us-gov:iam::111122223333:policy/NoS3"},
	{name: "within the boundary", source: pageBoundary, role: roleOf(trustAll, allowAll, `,"PermissionsBoundary":"arn:aws-us-gov:iam::aws:policy/AmazonS3ReadOnlyAccess"`)},
	{name: "outside of the boundary", source: pageErrors, role: roleOf(trustAll, allowAll, `,"PermissionsBoundary":"arn:aws-us-gov:iam::aws:policy/CloudWatchLogsFullAccess"`),
		want: shown + " because no permissions boundary allows the s3:GetObject action"},
	{name: "boundary that we do not know", source: pageReference, limit: "of AWS's managed policies those are known that CDK's constructs and functions use; another one does not limit as a boundary",
		role: roleOf(trustAll, allowAll, `,"PermissionsBoundary":"arn:aws-us-gov:iam::aws:policy/AmazonBraketFullAccess"`)},
	{name: "managed policy that we do not know", source: pageReference, limit: "of AWS's managed policies those are known that CDK's constructs and functions use; another one gives no rights, and the report and each denial name it",
		role: roleOf(trustAll, `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, `,"ManagedPolicyArns":["arn:aws-us-gov:iam::aws:policy/AmazonBraketFullAccess"]`),
		want: "does not know what arn:aws-us-gov:iam::aws:policy/AmazonBraketFullAccess allows"},
	{name: "session policy", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{Policy: `{"Version":"2012-10-17","Statement":[` + allowAll + `]}`}},
	{name: "session policy without a statement", source: pageErrors, role: roleOf(trustAll, allowAll, ""),
		in:   iam.Assumption{Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"}]}`},
		want: shown + " because no session policy allows the s3:GetObject action"},
	{name: "session policy denies", source: pageErrors, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`},
		want: shown + " with an explicit deny in a session policy"},
	{name: "session policy that is malformed", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{Policy: `{}`}, want: "MalformedPolicyDocument: "},
	{name: "session policy that is too long", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{Policy: strings.Repeat(" ", 2049)}, want: "length less than or equal to 2048"},
	{name: "managed session policy", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{PolicyARNs: []string{"arn:aws-us-gov:iam::aws:policy/AmazonS3ReadOnlyAccess"}}},
	{name: "managed session policy without a statement", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{PolicyARNs: []string{"arn:aws-us-gov:iam::aws:policy/CloudWatchLogsFullAccess"}},
		want: "because no session policy allows"},

	{name: "external id", source: pageAssume, role: roleOf(trusting(`"sts:AssumeRole"`, `"StringEquals":{"sts:ExternalId":"x"}`), allowAll, ""), in: iam.Assumption{ExternalID: "x"}},
	{name: "no external id", source: pageAssume, role: roleOf(trusting(`"sts:AssumeRole"`, `"StringEquals":{"sts:ExternalId":"x"}`), allowAll, ""),
		want: "AccessDenied: User: arn:aws-us-gov:iam::111122223333:root is not authorized to perform: sts:AssumeRole on resource: arn:aws-us-gov:iam::111122223333:role/R"},
	{name: "name of the session", source: pageAssume, role: roleOf(trusting(`"sts:AssumeRole"`, `"StringLike":{"sts:RoleSessionName":"other*"}`), allowAll, ""), want: "sts:AssumeRole"},
	{name: "the account's root user assumes a role", source: pageAssume, limit: "the operator signs as the account's root user, and may assume roles, which AWS refuses", role: roleOf(trustAll, allowAll, "")},
	{name: "longer than the role's sessions", source: pageAssume, role: roleOf(trustAll, allowAll, ""), in: iam.Assumption{Duration: 2 * time.Hour}, want: "exceeds the MaxSessionDuration set for this role"},
	{name: "as long as the role's sessions", source: pageAssume, role: roleOf(trustAll, allowAll, `,"MaxSessionDuration":"7200"`), in: iam.Assumption{Duration: 2 * time.Hour}},
	{name: "chain", source: pageAssume, chained: true, role: roleOf(trustAll, allowAll, "")},
	{name: "chain that is longer than an hour", source: pageAssume, chained: true, role: roleOf(trustAll, allowAll, `,"MaxSessionDuration":7200`), in: iam.Assumption{Duration: 2 * time.Hour}, want: "1 hour session limit for roles assumed by role chaining"},

	{name: "session tag", source: pageTags, role: roleOf(trustAll, tagged, ""), in: iam.Assumption{Tags: map[string]string{"team": "a"}}},
	{name: "another session tag", source: pageTags, role: roleOf(trustAll, tagged, ""), in: iam.Assumption{Tags: map[string]string{"team": "b"}}, want: "identity-based"},
	{name: "tag of the role", source: pageTags, role: roleOf(trustAll, tagged, `,"Tags":[{"Key":"team","Value":"a"}]`)},
	{name: "session tag comes before the role's", source: pageTags, role: roleOf(trustAll, tagged, `,"Tags":[{"Key":"team","Value":"b"}]`), in: iam.Assumption{Tags: map[string]string{"team": "a"}}},
	{name: "session tags without the right to tag", source: pageTags, role: roleOf(trusting(`"sts:AssumeRole"`, ""), allowAll, ""), in: iam.Assumption{Tags: map[string]string{"team": "a"}}, want: "perform: sts:TagSession on"},
	{name: "session tag that the trust policy does not allow", source: pageTags, role: roleOf(trusting(`["sts:AssumeRole","sts:TagSession"]`, `"StringEquals":{"aws:RequestTag/team":"b"}`), allowAll, ""), in: iam.Assumption{Tags: map[string]string{"team": "a"}}, want: "sts:AssumeRole on"},
	{name: "transitive tag", source: pageTags, chained: true, role: roleOf(trustAll, tagged, "")},
	{name: "transitive tag that is set again", source: pageTags, chained: true, role: roleOf(trustAll, tagged, ""), in: iam.Assumption{Tags: map[string]string{"team": "a"}}, want: "conflicts with a transitive tag key from the calling session"},
	{name: "source identity", source: pageSource, in: iam.Assumption{SourceIdentity: "me"}, role: roleOf(trustAll, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"me"}}}`, "")},
	{name: "source identity without the right", source: pageSource, in: iam.Assumption{SourceIdentity: "me"}, role: roleOf(trusting(`"sts:AssumeRole"`, ""), allowAll, ""), want: "perform: sts:SetSourceIdentity on"},
	{name: "without a second factor", source: pageKeys, role: roleOf(trustAll, allowAll+`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}`, ""), want: "explicit deny in an identity-based"},
	{name: "condition on the resource's tags", source: pageKeys, limit: "aws:ResourceTag, aws:RequestTag (but of sessions) and the services' own keys of tags are not there: such a condition does not hold, unless it is negated or ends in IfExists",
		role: roleOf(trustAll, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}`, ""), want: "identity-based"},
	{name: "condition on the address", source: pageKeys, limit: "every call comes from 127.0.0.1, and from no VPC: aws:SourceVpc, aws:SourceVpce and aws:VpcSourceIp are not there",
		role: roleOf(trustAll, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}`, "")},
	{name: "condition on the organization", source: pageKeys, limit: "the account is in no organization, and there are no service control policies",
		role: roleOf(trustAll, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`, ""), want: "identity-based"},
}

const (
	object = "arn:aws-us-gov:s3:::a/key"
	shown  = `"` + object + `"` // in S3's messages
)

func TestSessions(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil, 1)
			f.create("AWS::IAM::ManagedPolicy", "NoS3", `{"ManagedPolicyName":"NoS3","PolicyDocument":{"Statement":[`+allowAll+`,{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}}`)
			f.create("AWS::IAM::Role", "First", first)
			f.create("AWS::IAM::Role", "R", c.role)
			caller := f.Sessions.Add(&session.Session{Account: account, ARN: "arn:aws-us-gov:iam::111122223333:root"})
			if c.chained {
				var err error
				caller, err = f.Assume(t.Context(), caller, "eu-west-1", iam.Assumption{RoleARN: "arn:aws-us-gov:iam::111122223333:role/First", Name: "one",
					Duration: time.Hour, Tags: map[string]string{"team": "a"}, Transitive: []string{"team"}})
				if err != nil {
					t.Fatal(err)
				}
			}
			in := c.in
			in.RoleARN, in.Name = "arn:aws-us-gov:iam::111122223333:role/R", "run"
			if in.Duration == 0 {
				in.Duration = time.Hour
			}
			s, err := f.Assume(t.Context(), caller, "eu-west-1", in)
			if err == nil {
				err = f.may(s, "s3:GetObject", object)
			}
			said := fmt.Sprint(err)
			if e := (*protocol.Error)(nil); errors.As(err, &e) {
				said += e.Hint
			}
			if (err == nil) != (c.want == "") || !strings.Contains(said, c.want) {
				t.Errorf("got %s, want %q (%s)", said, c.want, c.source)
			}
		})
	}
}

// TestServicesWriteDenialsTheirWay: the beginning of the message.
func TestServicesWriteDenialsTheirWay(t *testing.T) {
	f := newFixture(t, nil, 1)
	_, arn := f.role("")
	as := f.session(arn)
	const user = "User: arn:aws-us-gov:sts::111122223333:assumed-role/"
	for _, c := range []struct{ action, arn, before, after string }{
		{"ecr:GetAuthorizationToken", "*", user, "perform: ecr:GetAuthorizationToken on resource: * because no"},
		{"s3:GetObject", object, user, "perform: s3:GetObject on resource: " + shown + " because no"},
		{"ec2:DescribeVpcs", "*", "You are not authorized to perform this operation. " + user, "perform: ec2:DescribeVpcs because no"},
		{"ec2:CreateNetworkInterface", "arn:x", "You are not authorized to perform this operation. " + user, "perform: ec2:CreateNetworkInterface on resource: arn:x because no"},
	} {
		var e *protocol.Error
		if err := f.may(as, c.action, c.arn); !errors.As(err, &e) || !strings.HasPrefix(e.Message, c.before) || !strings.Contains(e.Message, c.after) {
			t.Errorf("%s: %v", c.action, err)
		}
	}
}

func TestRoleProperties(t *testing.T) {
	cases := []struct{ name, source, limit, kind, properties, want string }{
		{"boundary that is not there", pageRole, "", "AWS::IAM::Role", roleOf(trustAll, allowAll, `,"PermissionsBoundary":"arn:aws-us-gov:iam::111122223333:policy/no"`),
			"Scope ARN: arn:aws-us-gov:iam::111122223333:policy/no does not exist or is not attachable."},
		{"session of a minute", pageRole, "", "AWS::IAM::Role", roleOf(trustAll, allowAll, `,"MaxSessionDuration":60`), "between 3600 and 43200"},
		{"trust of another action", pageRole, "", "AWS::IAM::Role", roleOf(allow("s3:GetObject", "*"), allowAll, ""), "MalformedPolicyDocument"},
		{"policy of nobody", pagePolicy, "", "AWS::IAM::Policy", `{"PolicyName":"p","PolicyDocument":` + allow("a:b", "*") + `}`, "At least one of [Groups,Roles,Users] must be non-empty."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil, 1)
			_, err := f.Resources()[c.kind].Create(t.Context(), f.request(c.kind, "R", c.properties))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s (%s)", err, c.want, c.source)
			}
		})
	}
	accepted := []struct{ name, source, limit, kind, properties string }{
		{name: "policy of a user", source: pagePolicy, limit: "policies of users and groups are checked and give nobody rights, since nobody signs as a user",
			kind: "AWS::IAM::Policy", properties: `{"PolicyName":"p","Users":["u"],"PolicyDocument":` + allow("a:b", "*") + `}`},
		{name: "principal that nobody made", source: pagePrincipals, limit: "a principal that no stack made counts as one of the account that is there; AWS refuses a policy whose principal is not",
			kind: "AWS::IAM::Role", properties: roleOf(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws-us-gov:iam::111122223333:role/unknown"},"Action":"sts:AssumeRole"}}`, allowAll, "")},
	}
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			newFixture(t, nil, 1).create(c.kind, "R", c.properties)
		})
	}
}

func TestTrustOfServices(t *testing.T) {
	trust := func(service, condition string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole","Condition":{` + condition + `}}}`
	}
	cases := []struct {
		name, source, limit, trust string
		trusted                    bool
	}{
		{name: "service", source: pagePrincipals, trust: trust("lambda.amazonaws.com", ""), trusted: true},
		{name: "another service", source: pagePrincipals, trust: trust("ecs-tasks.amazonaws.com", "")},
		{name: "service of the account", source: pageDeputy, trust: trust("lambda.amazonaws.com", `"StringEquals":{"aws:SourceAccount":"111122223333"}`), trusted: true},
		{name: "service of another account", source: pageDeputy, trust: trust("lambda.amazonaws.com", `"StringEquals":{"aws:SourceAccount":"444455556666"}`)},
		{name: "service for a resource", source: pageDeputy, limit: "a condition on aws:SourceArn in a trust policy always holds for a service",
			trust: trust("lambda.amazonaws.com", `"ArnLike":{"aws:SourceArn":"arn:aws-us-gov:lambda:*:111122223333:function:other"}`), trusted: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil, 1)
			f.create("AWS::IAM::Role", "R", roleOf(c.trust, allowAll, ""))
			_, err := f.AssumeAsService(t.Context(), "arn:aws-us-gov:iam::111122223333:role/R", "lambda.amazonaws.com", "s", session.Cause{})
			if (err == nil) != c.trusted {
				t.Errorf("got %v, want trusted %v (%s)", err, c.trusted, c.source)
			}
		})
	}
}

// TestNeeded asks for what the role did as a policy, and gives a second role that policy.
func TestNeeded(t *testing.T) {
	f := newFixture(t, nil, 1)
	wide := `{"Effect":"Allow","Action":["s3:*","states:*"],"Resource":"*"},{"Effect":"Allow","Action":"ecr:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1"]}}}`
	f.create("AWS::IAM::Role", "R", roleOf(trustLambda, wide, ""))
	s := f.session("arn:aws-us-gov:iam::111122223333:role/R")
	calls := [][2]string{
		{"s3:GetObject", "arn:aws-us-gov:s3:::a/k"}, {"s3:PutObject", "arn:aws-us-gov:s3:::a/k"}, {"s3:ListBucket", "arn:aws-us-gov:s3:::a"},
		{"states:StopExecution", "arn:aws-us-gov:states:eu-west-1:111122223333:execution:m:one"}, {"ecr:GetAuthorizationToken", "*"},
	}
	for _, c := range calls {
		if err := f.may(s, c[0], c[1]); err != nil {
			t.Fatal(err)
		}
	}
	if f.may(s, "kms:Decrypt", "arn:aws-us-gov:kms:eu-west-1:111122223333:key/1") == nil {
		t.Fatal("a call that nobody allows")
	}
	roles, err := f.Roles()
	if err != nil || len(roles) != 1 {
		t.Fatal(roles, err)
	}
	want := `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["ecr:GetAuthorizationToken"],"Resource":["*"],"Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1"]}}},` +
		`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws-us-gov:s3:::a/k"]},` +
		`{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws-us-gov:s3:::a"]},` +
		`{"Effect":"Allow","Action":["states:StopExecution"],"Resource":["arn:aws-us-gov:states:eu-west-1:111122223333:execution:m:*"]}]}`
	if got := string(roles[0].Needed); got != want {
		t.Errorf("needed is\n%s\nwant\n%s", got, want)
	}
	if !json.Valid(roles[0].Needed) || len(roles[0].Calls) != len(calls)+1 {
		t.Errorf("calls %v", roles[0].Calls)
	}
	f.create("AWS::IAM::Role", "Second", `{"RoleName":"Second","AssumeRolePolicyDocument":`+trustLambda+`,"Policies":[{"PolicyName":"needed","PolicyDocument":`+string(roles[0].Needed)+`}]}`)
	second := f.session("arn:aws-us-gov:iam::111122223333:role/Second")
	for _, c := range calls {
		if err := f.may(second, c[0], c[1]); err != nil {
			t.Errorf("with the policy that is needed: %v", err)
		}
	}
}

// TestDeletedRoleIsForgotten: a role that gets the name of a deleted one has done nothing yet.
func TestDeletedRoleIsForgotten(t *testing.T) {
	f := newFixture(t, nil, 1)
	properties := roleOf(trustLambda, allowAll, "")
	r, _ := f.create("AWS::IAM::Role", "R", properties)
	if err := f.may(f.session("arn:aws-us-gov:iam::111122223333:role/R"), "s3:GetObject", object); err != nil {
		t.Fatal(err)
	}
	if err := f.Resources()[r.Type].Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	f.create("AWS::IAM::Role", "R", properties)
	roles, err := f.Roles()
	if err != nil || len(roles) != 1 || len(roles[0].Calls) > 0 || len(roles[0].Unused) == 0 {
		t.Errorf("a new role of the same name did %+v (%v)", roles, err)
	}
}
