package iam_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

const account = "111122223333"

type fixture struct {
	*iam.Room
	t     *testing.T
	token int
}

func newFixture(t *testing.T, s *switches.Switches, factor float64) *fixture {
	t.Helper()
	store, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	room, err := iam.New(iam.Options{
		Account: account, Partition: "aws-us-gov", Clock: clock.New(factor), Sessions: session.NewSessions(), Store: store, Switches: s,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{Room: room, t: t}
}

func properties(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func (f *fixture) request(kind, id, text string) resource.Request {
	f.token++
	return resource.Request{
		Stack: resource.Stack{ID: "arn:stack", Name: "App"}, Type: kind, LogicalID: id,
		Properties: properties(f.t, text), Token: fmt.Sprint(f.token),
	}
}

func (f *fixture) create(kind, id, text string) (resource.Request, resource.Result) {
	f.t.Helper()
	r := f.request(kind, id, text)
	result, err := f.Resources()[kind].Create(context.Background(), r)
	if err != nil {
		f.t.Fatal(err)
	}
	r.PhysicalID = result.PhysicalID
	return r, result
}

const trustLambda = `{"Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`

func (f *fixture) role(extra string) (resource.Request, string) {
	f.t.Helper()
	r, result := f.create("AWS::IAM::Role", "Role", `{"AssumeRolePolicyDocument":`+trustLambda+extra+`}`)
	return r, result.Attributes["Arn"].(string)
}

func (f *fixture) session(roleARN string) *session.Session {
	f.t.Helper()
	s, err := f.AssumeAsService(context.Background(), roleARN, "lambda.amazonaws.com", "run", session.Cause{Build: "b"})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) may(s *session.Session, action, arn string) error {
	return f.Authorize(context.Background(), s, "eu-west-1", protocol.Need{Action: action, Resources: []string{arn}})
}

func allow(action, arn string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":%q}]}`, action, arn)
}

func code(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestPoliciesGiveRights(t *testing.T) {
	f := newFixture(t, nil, 1)
	_, arn := f.role(`,"Policies":[{"PolicyName":"own","PolicyDocument":` + allow("s3:GetObject", "arn:aws:s3:::a/*") + `}]`)
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	if want := "arn:aws-us-gov:iam::111122223333:role/App-Role-"; !strings.HasPrefix(arn, want) {
		t.Errorf("ARN %s, want %s...", arn, want)
	}
	s := f.session(arn)
	if want := "arn:aws-us-gov:sts::111122223333:assumed-role/" + name + "/run"; s.ARN != want || s.Cause().Build != "b" {
		t.Errorf("session %s of %v, want %s", s, s.Cause(), want)
	}
	inline, _ := f.create("AWS::IAM::Policy", "Policy", `{"PolicyName":"p","Roles":["`+name+`"],"PolicyDocument":`+allow("ecr:GetAuthorizationToken", "*")+`}`)
	managed, result := f.create("AWS::IAM::ManagedPolicy", "Managed", `{"Roles":["`+name+`"],"PolicyDocument":`+allow("logs:*", "arn:aws:logs:*:*:*")+`}`)
	if !strings.HasPrefix(result.PhysicalID, "arn:aws-us-gov:iam::111122223333:policy/App-Managed-") {
		t.Errorf("managed policy is %s", result.PhysicalID)
	}
	steps := []struct {
		action, arn string
	}{{"s3:GetObject", "arn:aws:s3:::a/b"}, {"ecr:GetAuthorizationToken", "*"}, {"logs:PutLogEvents", "arn:aws:logs:r:111122223333:log-group:g"}}
	for _, c := range steps {
		if err := f.may(s, c.action, c.arn); err != nil {
			t.Errorf("%s: %v", c.action, err)
		}
	}
	for _, r := range []resource.Request{inline, managed} {
		if err := f.Resources()[r.Type].Delete(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range steps[1:] {
		if got := code(f.may(s, c.action, c.arn)); got != "AccessDeniedException" {
			t.Errorf("%s after its policy is gone: %s", c.action, got)
		}
	}
}

func TestDenialNamesEverything(t *testing.T) {
	f := newFixture(t, nil, 1)
	_, arn := f.role("")
	s := f.session(arn)
	err := f.may(s, "codebuild:StartBuild", "arn:x:codebuild:r:111122223333:project/p")
	var e *protocol.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := "User: " + s.ARN + " is not authorized to perform: codebuild:StartBuild on resource: arn:x:codebuild:r:111122223333:project/p" +
		" because no identity-based policy allows the codebuild:StartBuild action"
	if e.Message != want {
		t.Errorf("got  %s\nwant %s", e.Message, want)
	}
	if want := `add to role ` + arn + `: {"Effect":"Allow","Action":"codebuild:StartBuild","Resource":"arn:x:codebuild:r:111122223333:project/p"}`; e.Hint != want {
		t.Errorf("hint %s\nwant %s", e.Hint, want)
	}
}

func TestQuotas(t *testing.T) {
	cases := []struct {
		name, source, kind, properties, want string
	}{
		{"managed policy", "IAM and AWS STS quotas, 2026-11", "AWS::IAM::ManagedPolicy", `{"PolicyDocument":` + allow("s3:Get", "arn:aws:s3:::"+strings.Repeat("a", 6100)) + `}`, "Cannot exceed quota for PolicySize: 6144"},
		{"inline policy", "IAM and AWS STS quotas, 2026-11", "AWS::IAM::Role", `{"RoleName":"big","AssumeRolePolicyDocument":` + trustLambda + `,"Policies":[{"PolicyName":"a","PolicyDocument":` + allow("s3:Get", "arn:aws:s3:::"+strings.Repeat("a", 10200)) + `}]}`, "Maximum policy size of 10240 bytes exceeded for role big"},
		{"managed policies per role", "IAM and AWS STS quotas, 2026-11", "AWS::IAM::Role", `{"AssumeRolePolicyDocument":` + trustLambda + `,"ManagedPolicyArns":[` + manyARNs(11) + `]}`, "Cannot exceed quota for PoliciesPerRole: 10"},
		{"malformed", "AWS::IAM::Role, 2026-11", "AWS::IAM::Role", `{"AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}}`, "Missing required field Principal"},
		{"no such policy", "AttachRolePolicy, 2026-11", "AWS::IAM::Role", `{"AssumeRolePolicyDocument":` + trustLambda + `,"ManagedPolicyArns":["arn:aws:iam::1:policy/no"]}`, "does not exist or is not attachable"},
		{"no such role", "PutRolePolicy, 2026-11", "AWS::IAM::Policy", `{"PolicyName":"p","Roles":["no"],"PolicyDocument":` + allow("a:b", "*") + `}`, "The role with name no cannot be found."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, nil, 1)
			_, err := f.Resources()[c.kind].Create(context.Background(), f.request(c.kind, "R", c.properties))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s (%s)", err, c.want, c.source)
			}
			if len(f.Unknown()) == 0 && c.name == "managed policies per role" {
				t.Error("made-up AWS managed policies are not listed as unknown")
			}
		})
	}
}

func manyARNs(n int) string {
	var arns []string
	for i := range n {
		arns = append(arns, fmt.Sprintf(`"arn:aws:iam::aws:policy/Made%d"`, i))
	}
	return strings.Join(arns, ",")
}

func TestTrust(t *testing.T) {
	f := newFixture(t, nil, 1)
	_, arn := f.role("")
	_, err := f.AssumeAsService(context.Background(), arn, "codebuild.amazonaws.com", "s", session.Cause{})
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "sts:AssumeRole on "+arn) {
		t.Errorf("a service that is not trusted got %v", err)
	}
	_, err = f.AssumeAsService(context.Background(), arn+"x", "lambda.amazonaws.com", "s", session.Cause{})
	if code(err) != "AccessDeniedException" {
		t.Errorf("a role that does not exist: %v", err)
	}
}

// TestServicesCredentialsEnd: with the switch, what a service gets ends on the engine's clock.
func TestServicesCredentialsEnd(t *testing.T) {
	for life, ends := range map[time.Duration]bool{0: false, 15 * time.Minute: true} {
		f := newFixture(t, &switches.Switches{CredentialsLife: life}, 1)
		_, arn := f.role("")
		s, err := f.AssumeAsService(t.Context(), arn, "lambda.amazonaws.com", "s", session.Cause{})
		if err != nil {
			t.Fatal(err)
		}
		now := f.Clock.Now()
		if s.Ended(now) || s.Ended(now.Add(15*time.Minute+time.Second)) != ends {
			t.Errorf("life %s: ends at %s", life, s.Ends)
		}
	}
}

func TestRetriedCreateFindsItsRole(t *testing.T) {
	f := newFixture(t, nil, 1)
	r, arn := f.role(`,"RoleName":"fixed"`)
	again, err := f.Resources()[r.Type].Create(context.Background(), r)
	if err != nil || again.Attributes["Arn"] != arn {
		t.Errorf("a repeated try got %v, %v", again, err)
	}
	r.Token = "another operation"
	if _, err := f.Resources()[r.Type].Create(context.Background(), r); code(err) != "EntityAlreadyExists" {
		t.Errorf("another operation got %v", err)
	}
}

func TestRoleWithForeignPolicyStays(t *testing.T) {
	f := newFixture(t, nil, 1)
	role, _ := f.role(`,"Policies":[{"PolicyName":"own","PolicyDocument":` + allow("a:b", "*") + `}]`)
	inline, _ := f.create("AWS::IAM::Policy", "P", `{"PolicyName":"p","Roles":["`+role.PhysicalID+`"],"PolicyDocument":`+allow("a:b", "*")+`}`)
	providers := f.Resources()
	if err := providers[role.Type].Delete(context.Background(), role); code(err) != "DeleteConflict" {
		t.Errorf("got %v, want DeleteConflict", err)
	}
	for _, r := range []resource.Request{inline, role, role, inline} { // deletes may be repeated
		if err := providers[r.Type].Delete(context.Background(), r); err != nil {
			t.Errorf("delete %s: %v", r.LogicalID, err)
		}
	}
}

func TestPropagationSwitch(t *testing.T) {
	const factor = 100
	s := &switches.Switches{}
	f := newFixture(t, s, factor)
	_, arn := f.role("")
	as := f.session(arn)
	s.PolicyDelay = 30 * time.Second
	time.Sleep(s.PolicyDelay / factor)
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	f.create("AWS::IAM::Policy", "P", `{"PolicyName":"p","Roles":["`+name+`"],"PolicyDocument":`+allow("a:b", "*")+`}`)
	if err := f.may(as, "a:b", "*"); code(err) != "AccessDeniedException" {
		t.Errorf("at once: %v", err)
	}
	time.Sleep(s.PolicyDelay/factor + 20*time.Millisecond)
	if err := f.may(as, "a:b", "*"); err != nil {
		t.Errorf("after the delay: %v", err)
	}
	_, fresh := f.create("AWS::IAM::Role", "New", `{"AssumeRolePolicyDocument":`+trustLambda+`}`)
	if _, err := f.AssumeAsService(context.Background(), fresh.Attributes["Arn"].(string), "lambda.amazonaws.com", "s", session.Cause{}); err != nil {
		t.Errorf("CloudFormation waits for a new role, and yet: %v", err)
	}
}

func TestUnused(t *testing.T) {
	f := newFixture(t, nil, 1)
	document := `{"Statement":[{"Sid":"S","Effect":"Allow","Action":["s3:Get*","s3:PutObject"],"Resource":["arn:aws:s3:::a/*","arn:aws:s3:::b/*"]}]}`
	_, arn := f.role(`,"ManagedPolicyArns":["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],"Policies":[{"PolicyName":"own","PolicyDocument":` + document + `}]`)
	s := f.session(arn)
	if err := f.may(s, "s3:GetObject", "arn:aws:s3:::a/k"); err != nil {
		t.Fatal(err)
	}
	_ = f.may(s, "s3:DeleteObject", "arn:aws:s3:::a/k")
	got, err := f.Unused()
	want := []iam.Use{
		{RoleARN: arn, Policy: "own", Sid: "S", Action: "s3:PutObject"},
		{RoleARN: arn, Policy: "own", Sid: "S", Resource: "arn:aws:s3:::b/*"},
	}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	wantSeen := []iam.Permission{
		{RoleARN: arn, Action: "s3:DeleteObject", Resource: "arn:aws:s3:::a/k"},
		{RoleARN: arn, Action: "s3:GetObject", Resource: "arn:aws:s3:::a/k", Allowed: true},
	}
	roles, err := f.Roles()
	if err != nil || len(roles) != 1 {
		t.Fatal(roles, err)
	}
	if diff := cmp.Diff(wantSeen, roles[0].Calls); diff != "" {
		t.Error(diff)
	}
}

func TestAWSPoliciesAreWellFormed(t *testing.T) {
	f := newFixture(t, nil, 1)
	for _, name := range []string{"AdministratorAccess", "service-role/AmazonECSTaskExecutionRolePolicy", "service-role/AWSLambdaVPCAccessExecutionRole", "AmazonEC2ContainerRegistryPowerUser"} {
		_, r := f.create("AWS::IAM::Role", "R", `{"AssumeRolePolicyDocument":`+trustLambda+`,"ManagedPolicyArns":["arn:aws:iam::aws:policy/`+name+`"]}`)
		if err := f.may(f.session(r.Attributes["Arn"].(string)), "logs:PutLogEvents", "*"); err != nil && name != "AmazonEC2ContainerRegistryPowerUser" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if unknown := f.Unknown(); len(unknown) > 0 {
		t.Errorf("unknown: %v", unknown)
	}
}
