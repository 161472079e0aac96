package secretsmanager_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// TestResourcePolicies is the marked case table of secrets with a policy of their own.
func TestResourcePolicies(t *testing.T) {
	const page = "AWS Secrets Manager User Guide, Resource-based policies, 2026-11"
	const read = `{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}`
	const none = `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`
	to := func(effect, principal, more string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Principal":{"AWS":"` + principal + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"` + more + `}}`
	}
	const reader, account = "arn:aws:iam::111122223333:role/Reader", "arn:aws:iam::111122223333:root"
	cases := []struct {
		name, source, limit string
		reader              string // statements of its policy
		policy              string // of the secret; empty: none
		want                string
	}{
		{name: "none", source: page, reader: read},
		{name: "names the reader", source: page, reader: none, policy: to("Allow", reader, "")},
		{name: "names the account", source: page, reader: none, policy: to("Allow", account, ""), want: "AccessDeniedException"},
		{name: "denies the reader", source: page, reader: read, policy: to("Deny", reader, ""), want: "AccessDeniedException"},
		{name: "denies everybody else", source: page, reader: read, want: "AccessDeniedException",
			policy: to("Deny", "*", `,"Condition":{"StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/Other"}}`)},
		{name: "is about this version", source: "Service Authorization Reference, AWS Secrets Manager, 2026-11", reader: none,
			policy: to("Allow", reader, `,"Condition":{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}`)},
		{name: "is about another version", source: "Service Authorization Reference, AWS Secrets Manager, 2026-11", reader: none, want: "AccessDeniedException",
			policy: to("Allow", reader, `,"Condition":{"StringEquals":{"secretsmanager:VersionStage":"AWSPREVIOUS"}}`)},
		{name: "lets everybody in", source: "AWS Secrets Manager API Reference, PutResourcePolicy, BlockPublicPolicy, 2026-11", limit: "BlockPublicPolicy is accepted: nobody checks whether a policy lets the public in",
			reader: none, policy: to("Allow", "*", "")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.front.Register(w.room)
			arn := w.create(map[string]any{"Name": "a", "SecretString": "one"})
			if c.policy != "" {
				r := resource.Request{Stack: resource.Stack{Region: region}, Properties: map[string]any{"SecretId": arn, "ResourcePolicy": c.policy, "BlockPublicPolicy": true}}
				if _, err := w.room.Resources()["AWS::SecretsManager::ResourcePolicy"].Create(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			as := w.front.Role("Reader", `{"Version":"2012-10-17","Statement":[`+c.reader+`]}`)
			config := w.front.Config(as)
			config.Region = region
			_, err := awssecrets.NewFromConfig(config).GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: aws.String("a")})
			api, got := smithy.APIError(nil), ""
			if errors.As(err, &api) {
				got = api.ErrorCode()
			}
			if got != c.want {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

// TestPolicyOfASecret: it comes and goes by template and by API.
func TestPolicyOfASecret(t *testing.T) {
	w := newWorld(t, nil)
	arn := w.create(map[string]any{"Name": "a", "SecretString": "one"})
	provider := w.room.Resources()["AWS::SecretsManager::ResourcePolicy"]
	r := resource.Request{Stack: resource.Stack{Region: region, Account: doortest.Account}, Properties: map[string]any{"SecretId": arn, "ResourcePolicy": map[string]any{
		"Statement": map[string]any{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}}}}
	made, err := provider.Create(t.Context(), r)
	if err != nil || made.PhysicalID != arn {
		t.Fatal(made, err)
	}
	if _, out, _ := w.call("GetResourcePolicy", map[string]string{"SecretId": "a"}); !strings.Contains(out["ResourcePolicy"].(string), "DeleteSecret") {
		t.Errorf("the policy is %v", out)
	}
	r.PhysicalID = arn
	if err := provider.Delete(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := w.call("GetResourcePolicy", map[string]string{"SecretId": "a"}); out["ResourcePolicy"] != nil || out["Name"] != "a" {
		t.Errorf("after its end the policy is %v", out)
	}
	for text, want := range map[string]string{"{": "MalformedPolicyDocumentException", "": "InvalidParameterException", `{"Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}}`: ""} {
		if _, _, code := w.call("PutResourcePolicy", map[string]string{"SecretId": "a", "ResourcePolicy": text}); code != want {
			t.Errorf("%q: %q, want %q", text, code, want)
		}
	}
	if _, _, code := w.call("DeleteResourcePolicy", map[string]string{"SecretId": "a"}); code != "" {
		t.Error(code)
	}
	if _, _, code := w.call("DeleteResourcePolicy", map[string]string{"SecretId": "b"}); code != "ResourceNotFoundException" {
		t.Error(code)
	}
}
