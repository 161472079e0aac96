package ssm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ssm"
)

var ctx = context.Background()

func newRoom(t *testing.T) (*awsssm.Client, *ssm.Room, *doortest.Front) {
	t.Helper()
	front := doortest.New(t, 1)
	room, err := ssm.New(ssm.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: doortest.Store(t)})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	return awsssm.NewFromConfig(front.Config(front.Operator)), room, front
}

func put(c *awsssm.Client, in awsssm.PutParameterInput) error {
	if in.Type == "" {
		in.Type = types.ParameterTypeString
	}
	_, err := c.PutParameter(ctx, &in)
	return err
}

func TestRefusals(t *testing.T) {
	const page = "AWS Systems Manager API Reference, PutParameter, 2026-11"
	cases := []struct {
		name, source, limit string
		in                  awsssm.PutParameterInput
		want                string
	}{
		{name: "exists", source: page, in: awsssm.PutParameterInput{Name: aws.String("/there"), Value: aws.String("v")}, want: "ParameterAlreadyExists"},
		{name: "exists under its other name", source: page, in: awsssm.PutParameterInput{Name: aws.String("there"), Value: aws.String("v")}, want: "ParameterAlreadyExists"},
		{name: "overwrite", source: page, in: awsssm.PutParameterInput{Name: aws.String("/there"), Value: aws.String("v"), Overwrite: aws.Bool(true)}},
		{name: "4 KB", source: page, in: awsssm.PutParameterInput{Name: aws.String("a"), Value: aws.String(strings.Repeat("x", 4096))}},
		{name: "over 4 KB", source: page, in: awsssm.PutParameterInput{Name: aws.String("b"), Value: aws.String(strings.Repeat("x", 4097))}, want: "ValidationException"},
		{name: "advanced", source: page, in: awsssm.PutParameterInput{Name: aws.String("c"), Value: aws.String(strings.Repeat("x", 8192)), Tier: types.ParameterTierAdvanced}},
		{name: "over 8 KB", source: page, in: awsssm.PutParameterInput{Name: aws.String("d"), Value: aws.String(strings.Repeat("x", 8193)), Tier: types.ParameterTierAdvanced}, want: "ValidationException"},
		{name: "not fully qualified", source: page, in: awsssm.PutParameterInput{Name: aws.String("a/b"), Value: aws.String("v")}, want: "ValidationException"},
		{name: "reserved", source: page, in: awsssm.PutParameterInput{Name: aws.String("/aws/x"), Value: aws.String("v")}, want: "ValidationException"},
		{name: "16 levels", source: page, in: awsssm.PutParameterInput{Name: aws.String(strings.Repeat("/a", 16)), Value: aws.String("v")}, want: "HierarchyLevelLimitExceededException"},
		{name: "pattern", source: page, in: awsssm.PutParameterInput{Name: aws.String("e"), Value: aws.String("v"), AllowedPattern: aws.String("^[0-9]+$")}, want: "ParameterPatternMismatchException"},
	}
	client, _, _ := newRoom(t)
	if err := put(client, awsssm.PutParameterInput{Name: aws.String("/there"), Value: aws.String("v")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := code(put(client, c.in)); got != c.want {
				t.Errorf("got %q, want %q (%s)", got, c.want, c.source)
			}
		})
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestReadAndDelete(t *testing.T) {
	client, room, _ := newRoom(t)
	for name, value := range map[string]string{"/app/a": "1", "/app/deep/b": "2", "/application/c": "3"} {
		if err := put(client, awsssm.PutParameterInput{Name: &name, Value: &value}); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(client, awsssm.PutParameterInput{Name: aws.String("/app/a"), Value: aws.String("new"), Overwrite: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/app/a")})
	if err != nil || *got.Parameter.Value != "new" || got.Parameter.Version != 2 || *got.Parameter.ARN != "arn:aws:ssm:eu-west-1:111122223333:parameter/app/a" {
		t.Errorf("got %+v, %v", got, err)
	}
	if old, err := room.Value(doortest.Region, "/app/a:1"); err != nil || old != "1" {
		t.Errorf("version 1: %q, %v", old, err)
	}
	for recursive, want := range map[bool]int{false: 1, true: 2} {
		out, err := client.GetParametersByPath(ctx, &awsssm.GetParametersByPathInput{Path: aws.String("/app"), Recursive: &recursive})
		if err != nil || len(out.Parameters) != want {
			t.Errorf("by path, recursive %v: %v, %v", recursive, out, err)
		}
	}
	many, err := client.GetParameters(ctx, &awsssm.GetParametersInput{Names: []string{"/app/a", "/no"}})
	if err != nil || len(many.Parameters) != 1 || cmp.Diff([]string{"/no"}, many.InvalidParameters) != "" {
		t.Errorf("got %+v, %v", many, err)
	}
	if _, err := client.DeleteParameter(ctx, &awsssm.DeleteParameterInput{Name: aws.String("/app/a")}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/app/a")})
	if code(err) != "ParameterNotFound" {
		t.Errorf("after deletion: %v", err)
	}
}

func TestSecureStringsAreSealed(t *testing.T) {
	client, _, _ := newRoom(t)
	if err := put(client, awsssm.PutParameterInput{Name: aws.String("s"), Value: aws.String("secret"), Type: types.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	for decrypt, want := range map[bool]bool{false: false, true: true} {
		out, err := client.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("s"), WithDecryption: &decrypt})
		if err != nil || (*out.Parameter.Value == "secret") != want {
			t.Errorf("with decryption %v: %v", decrypt, err)
		}
	}
}

func TestNeedsNameEachParameter(t *testing.T) {
	client, _, front := newRoom(t)
	var got []string
	front.Denied = func(_ *session.Session, need protocol.Need) error { got = need.Resources; return nil }
	if _, err := client.GetParameters(ctx, &awsssm.GetParametersInput{Names: []string{"/a/b:3", "c"}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"arn:aws:ssm:eu-west-1:111122223333:parameter/a/b", "arn:aws:ssm:eu-west-1:111122223333:parameter/c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParameterResource(t *testing.T) {
	_, room, _ := newRoom(t)
	p := room.Resources()["AWS::SSM::Parameter"]
	r := resource.Request{Stack: resource.Stack{Region: doortest.Region}, LogicalID: "P", Token: "1", Properties: map[string]any{"Type": "String", "Value": "v"}}
	made, err := p.Create(ctx, r)
	if err != nil || !strings.HasPrefix(made.PhysicalID, "CFN-P-") || made.Attributes["Value"] != "v" {
		t.Fatal(made, err)
	}
	if _, err := p.Create(ctx, r); err != nil {
		t.Errorf("a repeated try: %v", err)
	}
	r.PhysicalID, r.Token, r.Properties = made.PhysicalID, "2", map[string]any{"Type": "String", "Value": "w"}
	if _, err := p.Update(ctx, r); err != nil {
		t.Error(err)
	}
	if got, err := room.Value(doortest.Region, made.PhysicalID); err != nil || got != "w" {
		t.Errorf("got %q, %v", got, err)
	}
	for range 2 {
		if err := p.Delete(ctx, r); err != nil {
			t.Error(err)
		}
	}
}

func TestTags(t *testing.T) {
	client, room, _ := newRoom(t)
	tags := func(name string) string {
		t.Helper()
		out, err := client.ListTagsForResource(ctx, &awsssm.ListTagsForResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: &name})
		if err != nil {
			return code(err)
		}
		text := ""
		for _, tag := range out.TagList {
			text += *tag.Key + "=" + *tag.Value + ";"
		}
		return text
	}
	first := []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}
	if err := put(client, awsssm.PutParameterInput{Name: aws.String("/p"), Value: aws.String("v"), Tags: first}); err != nil {
		t.Fatal(err)
	}
	more := &awsssm.AddTagsToResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/p"),
		Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("2")}}}
	if _, err := client.AddTagsToResource(ctx, more); err != nil || tags("/p") != "a=1;b=2;" {
		t.Errorf("added: %s (%v)", tags("/p"), err)
	}
	less := &awsssm.RemoveTagsFromResourceInput{ResourceType: types.ResourceTypeForTaggingParameter, ResourceId: aws.String("/p"), TagKeys: []string{"a"}}
	if _, err := client.RemoveTagsFromResource(ctx, less); err != nil || tags("/p") != "b=2;" {
		t.Errorf("removed: %s (%v)", tags("/p"), err)
	}
	if got := tags("/no"); got != "InvalidResourceId" {
		t.Errorf("no such parameter: %s", got)
	}
	err := put(client, awsssm.PutParameterInput{Name: aws.String("/p"), Value: aws.String("v"), Tags: first, Overwrite: aws.Bool(true)})
	if code(err) != "ValidationException" {
		t.Errorf("tags while overwriting: %v", err)
	}
	provider := room.Resources()["AWS::SSM::Parameter"]
	r := resource.Request{Stack: resource.Stack{Region: doortest.Region}, Properties: map[string]any{"Name": "/q", "Type": "String", "Value": "v", "Tags": map[string]any{"c": "3"}}}
	made, err := provider.Create(ctx, r)
	if err != nil || tags("/q") != "c=3;" {
		t.Errorf("by CloudFormation: %s (%v)", tags("/q"), err)
	}
	r.PhysicalID, r.Properties["Tags"] = made.PhysicalID, map[string]any{"d": "4"}
	if _, err := provider.Update(ctx, r); err != nil || tags("/q") != "d=4;" {
		t.Errorf("updated by CloudFormation: %s (%v)", tags("/q"), err)
	}
}
