package sts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sts"
)

// account is a door with STS in front of a real IAM.
type account struct {
	*doortest.Front
	iam *iam.Room
	t   *testing.T
}

func newAccount(t *testing.T) *account {
	t.Helper()
	front := doortest.New(t, 1)
	room, err := iam.New(iam.Options{
		Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Sessions: front.Sessions, Store: doortest.Store(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(sts.New(func(ctx context.Context, as *session.Session, region string, a sts.Assumption) (*session.Session, error) {
		return room.Assume(ctx, as, region, iam.Assumption(a))
	}))
	return &account{front, room, t}
}

func (a *account) role(name string, principal map[string]any, condition map[string]any) {
	a.t.Helper()
	statement := map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
	if condition != nil {
		statement["Condition"] = condition
	}
	_, err := a.iam.Resources()["AWS::IAM::Role"].Create(context.Background(), resource.Request{LogicalID: name, Properties: map[string]any{
		"RoleName": name, "AssumeRolePolicyDocument": map[string]any{"Statement": statement},
	}})
	if err != nil {
		a.t.Fatal(err)
	}
}

func arn(name string) *string {
	return aws.String("arn:aws:iam::" + doortest.Account + ":role/" + name)
}

func TestAssumeRole(t *testing.T) {
	a := newAccount(t)
	root := map[string]any{"AWS": "arn:aws:iam::" + doortest.Account + ":root"}
	a.role("Open", root, nil)
	a.role("Next", map[string]any{"AWS": *arn("Open")}, nil)
	a.role("External", root, map[string]any{"StringEquals": map[string]any{"sts:ExternalId": "x"}})
	a.role("ForLambda", map[string]any{"Service": "lambda.amazonaws.com"}, nil)
	ctx := context.Background()
	operator := awssts.NewFromConfig(a.Config(a.Operator))
	assume := func(c *awssts.Client, name string, in awssts.AssumeRoleInput) (*awssts.AssumeRoleOutput, error) {
		in.RoleArn, in.RoleSessionName = arn(name), aws.String("run")
		return c.AssumeRole(ctx, &in)
	}
	out, err := assume(operator, "Open", awssts.AssumeRoleInput{DurationSeconds: aws.Int32(900)})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("the session ends in %v", left)
	}
	open := &session.Session{AccessKeyID: *out.Credentials.AccessKeyId, SecretKey: *out.Credentials.SecretAccessKey, Token: *out.Credentials.SessionToken}
	client := awssts.NewFromConfig(a.Config(open))
	me, err := client.GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	if want := "arn:aws:sts::111122223333:assumed-role/Open/run"; err != nil || *me.Arn != want || *me.Account != doortest.Account {
		t.Errorf("got %v (%v), want %s", me, err, want)
	}
	const page = "AWS STS API Reference, AssumeRole, 2026-11"
	cases := []struct {
		name, source string
		client       *awssts.Client
		role         string
		in           awssts.AssumeRoleInput
		want         string
	}{
		{"a role that names the caller", page, client, "Next", awssts.AssumeRoleInput{}, ""},
		{"a role that names the account, without a right", page, client, "Open", awssts.AssumeRoleInput{}, "AccessDenied"},
		{"a role that names another", page, operator, "Next", awssts.AssumeRoleInput{}, "AccessDenied"},
		{"a service's role", page, operator, "ForLambda", awssts.AssumeRoleInput{}, "AccessDenied"},
		{"no role", page, operator, "No", awssts.AssumeRoleInput{}, "AccessDenied"},
		{"external id", page, operator, "External", awssts.AssumeRoleInput{ExternalId: aws.String("x")}, ""},
		{"no external id", page, operator, "External", awssts.AssumeRoleInput{}, "AccessDenied"},
		{"too short", page, operator, "Open", awssts.AssumeRoleInput{DurationSeconds: aws.Int32(60)}, "ValidationError"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := assume(c.client, c.role, c.in)
			var api smithy.APIError
			got := ""
			if errors.As(err, &api) {
				got = api.ErrorCode()
			}
			if got != c.want {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

// TestSessionParameters passes all that AssumeRole takes through a real client.
func TestSessionParameters(t *testing.T) {
	a := newAccount(t)
	_, err := a.iam.Resources()["AWS::IAM::Role"].Create(t.Context(), resource.Request{LogicalID: "R", Properties: map[string]any{
		"RoleName": "R", "AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow",
			"Action": []any{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}, "Principal": map[string]any{"AWS": doortest.Account}}}}})
	if err != nil {
		t.Fatal(err)
	}
	client := awssts.NewFromConfig(a.Config(a.Operator))
	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	out, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: arn("R"), RoleSessionName: aws.String("run"), Policy: aws.String(document),
		PolicyArns:        []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}},
		Tags:              []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}, {Key: aws.String("cost"), Value: aws.String("b")}},
		TransitiveTagKeys: []string{"team"}, SourceIdentity: aws.String("me")})
	if err != nil {
		t.Fatal(err)
	}
	s, found := a.Sessions.Find(*out.Credentials.AccessKeyId)
	if !found {
		t.Fatal("there is no such session")
	}
	got := fmt.Sprint(s.Policies, s.Tags, s.Transitive, s.SourceIdentity)
	if want := fmt.Sprint([]string{"arn:aws:iam::aws:policy/ReadOnlyAccess", document}, map[string]string{"team": "a", "cost": "b"}, []string{"team"}, "me"); got != want {
		t.Errorf("the session has %s, want %s", got, want)
	}
}

// TestOtherOperations is the marked case table of what there is not.
func TestOtherOperations(t *testing.T) {
	a := newAccount(t)
	client := awssts.NewFromConfig(a.Config(a.Operator))
	cases := []struct {
		name, source, limit string
		do                  func() error
	}{
		{name: "credentials of one's own", source: "AWS STS API Reference, GetSessionToken, 2026-11", limit: "there are GetCallerIdentity and AssumeRole; nobody is federated", do: func() error {
			_, err := client.GetSessionToken(t.Context(), nil)
			return err
		}},
	}
	for _, c := range cases {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), "tokendocker has no sts:") {
			t.Errorf("%s: %v (%s)", c.name, err, c.source)
		}
	}
}
