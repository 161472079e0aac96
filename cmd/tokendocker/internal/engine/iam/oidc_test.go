package iam_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
)

// TestIdentityProviders does what CDK's own function for OpenID Connect providers does.
// Source: IAM API Reference, CreateOpenIDConnectProvider and the pages beside it, 2026-11.
func TestIdentityProviders(t *testing.T) {
	c, ctx := newAPI(t), t.Context()
	in := &awsiam.CreateOpenIDConnectProviderInput{Url: aws.String("https://token.example.com/a"), ClientIDList: []string{"one"}, ThumbprintList: []string{"1234"}}
	made, err := c.CreateOpenIDConnectProvider(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	arn := made.OpenIDConnectProviderArn
	if *arn != "arn:aws:iam::111122223333:oidc-provider/token.example.com/a" {
		t.Errorf("ARN %s", *arn)
	}
	refused := func(code string, err error) {
		t.Helper()
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	_, err = c.CreateOpenIDConnectProvider(ctx, in)
	refused("EntityAlreadyExists", err)
	_, err = c.CreateOpenIDConnectProvider(ctx, &awsiam.CreateOpenIDConnectProviderInput{Url: aws.String("http://token.example.com")})
	refused("InvalidInput", err)
	for _, step := range []func() error{
		func() error {
			_, err := c.AddClientIDToOpenIDConnectProvider(ctx, &awsiam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("two")})
			return err
		},
		func() error {
			_, err := c.RemoveClientIDFromOpenIDConnectProvider(ctx, &awsiam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn, ClientID: aws.String("one")})
			return err
		},
		func() error {
			_, err := c.UpdateOpenIDConnectProviderThumbprint(ctx, &awsiam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: arn, ThumbprintList: []string{"5678"}})
			return err
		},
	} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
	got, err := c.GetOpenIDConnectProvider(ctx, &awsiam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	if err != nil || *got.Url != "token.example.com/a" || len(got.ClientIDList) != 1 || got.ClientIDList[0] != "two" || got.ThumbprintList[0] != "5678" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := c.DeleteOpenIDConnectProvider(ctx, &awsiam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn}); err != nil {
		t.Error(err)
	}
	_, err = c.GetOpenIDConnectProvider(ctx, &awsiam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: arn})
	refused("NoSuchEntity", err)
}

// TestIdentityProviderOfAStack: AWS::IAM::OIDCProvider is made, changed and deleted.
// Source: AWS CloudFormation Template Reference, AWS::IAM::OIDCProvider, 2026-11.
func TestIdentityProviderOfAStack(t *testing.T) {
	f := newFixture(t, nil, 1)
	r, made := f.create("AWS::IAM::OIDCProvider", "GitHub", `{"Url":"https://token.actions.githubusercontent.com","ClientIDList":["sts.amazonaws.com"]}`)
	if want := "arn:aws-us-gov:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"; made.PhysicalID != want || made.Attributes["Arn"] != want {
		t.Errorf("%+v, want %s", made, want)
	}
	p := f.Resources()[r.Type]
	if _, err := p.Update(context.Background(), r); err != nil {
		t.Error(err)
	}
	if err := p.Delete(context.Background(), r); err != nil {
		t.Error(err)
	}
	if _, err := p.Update(context.Background(), r); err == nil {
		t.Error("a provider that is gone was changed")
	}
}
