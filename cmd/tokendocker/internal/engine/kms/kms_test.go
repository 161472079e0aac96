package kms_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

var ctx = context.Background()

type fixture struct {
	t     *testing.T
	front *doortest.Front
	room  *kms.Room
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	front := doortest.New(t, 1)
	room, err := kms.New(kms.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: doortest.Store(t), Caller: front.Door})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	return &fixture{t, front, room}
}

func (f *fixture) as(s *session.Session) *client.Client {
	return client.NewFromConfig(f.front.Config(s))
}

func request(properties map[string]any) resource.Request {
	return resource.Request{Stack: resource.Stack{ID: "stack", Region: doortest.Region}, LogicalID: "Key", Token: "1", Properties: properties}
}

// key makes a key with a policy, or with the default one.
func (f *fixture) key(properties map[string]any) resource.Result {
	f.t.Helper()
	made, err := f.room.Resources()["AWS::KMS::Key"].Create(ctx, request(properties))
	if err != nil {
		f.t.Fatal(err)
	}
	return made
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

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const (
	root     = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}`
	onlyUser = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/User"},"Action":"kms:Decrypt","Resource":"*"}`
	viaSM    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/User"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"secretsmanager.eu-west-1.amazonaws.com"}}}`
	bound    = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/User"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:SecretARN":"arn:x"}}}`
	all      = `{"Effect":"Allow","Action":"kms:*","Resource":"*"}`
	nothing  = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
)

// TestWhoMayUseAKey is the marked case table of decisions about keys.
func TestWhoMayUseAKey(t *testing.T) {
	const policies = "AWS KMS Developer Guide, Key policies in AWS KMS, 2026-11"
	cases := []struct {
		name, source, limit string
		key, identity       string
		id                  string // another identifier than the key's ARN
		via                 string
		want                string
	}{
		{name: "key policy delegates, identity allows", source: policies, key: root, identity: all},
		{name: "key policy delegates, identity is silent", source: policies, key: root, identity: nothing, want: "AccessDeniedException"},
		{name: "key policy is silent, identity allows", source: policies, key: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Other"},"Action":"kms:*","Resource":"*"}`, identity: all, want: "AccessDeniedException"},
		{name: "key policy names the role, identity is silent", source: policies, key: onlyUser, identity: nothing},
		{name: "only through a service, direct", source: "AWS KMS Developer Guide, kms:ViaService, 2026-11", key: viaSM, identity: nothing, via: "-", want: "AccessDeniedException"},
		{name: "only through a service, through it", source: "AWS KMS Developer Guide, kms:ViaService, 2026-11", key: viaSM, identity: nothing},
		{name: "only through a service, through another", source: "AWS KMS Developer Guide, kms:ViaService, 2026-11", key: viaSM, identity: nothing, via: "ssm.eu-west-1.amazonaws.com", want: "AccessDeniedException"},
		{name: "encryption context", source: "AWS KMS Developer Guide, kms:EncryptionContext:context-key, 2026-11", key: bound, identity: nothing},
		{name: "AWS managed key through its service", source: "AWS KMS Developer Guide, AWS managed keys, 2026-11", key: root, identity: nothing, id: "alias/aws/secretsmanager"},
		{name: "AWS managed key through another service", source: "AWS KMS Developer Guide, AWS managed keys, 2026-11", key: root, identity: nothing, id: "alias/aws/ssm", want: "AccessDeniedException"},
		{name: "no such alias", source: "AWS KMS API Reference, DescribeKey, 2026-11", key: root, identity: all, id: "alias/none", want: "NotFoundException"},
		{name: "no such key", source: "AWS KMS API Reference, DescribeKey, 2026-11", key: root, identity: all, id: "0f0f0f0f-0000-4000-8000-000000000000", want: "NotFoundException"},
		{name: "ARN of a key that nobody made", source: "AWS KMS Developer Guide, Default key policy, 2026-11", limit: "it is taken to be there, with the default key policy", key: onlyUser, identity: all, id: "arn:aws:kms:eu-west-1:111122223333:key/0f0f"},
		{name: "ARN of a key that nobody made, identity is silent", source: "AWS KMS Developer Guide, Default key policy, 2026-11", key: onlyUser, identity: nothing, id: "arn:aws:kms:eu-west-1:111122223333:key/0f0f", want: "AccessDeniedException"},
		{name: "ARN of another region", source: "AWS KMS API Reference, DescribeKey, 2026-11", key: root, identity: all, id: "arn:aws:kms:us-west-2:111122223333:key/0f0f", want: "NotFoundException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			id := f.key(map[string]any{"KeyPolicy": document(c.key)}).Attributes["Arn"].(string)
			if c.id != "" {
				id = c.id
			}
			as := f.front.Role("User", document(c.identity))
			use := protocol.KeyUse{Action: "kms:Decrypt", Key: id, Via: "secretsmanager.eu-west-1.amazonaws.com", Context: map[string]string{"SecretARN": "arn:x"}}
			if c.via != "" {
				use.Via = c.via
			}
			err := f.room.Allow(ctx, as, doortest.Region, use)
			if got, _, _ := strings.Cut(code(err), ":"); got != c.want {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

func TestEncryptAndDecrypt(t *testing.T) {
	f := newFixture(t)
	made := f.key(nil)
	alias := request(map[string]any{"AliasName": "alias/app", "TargetKeyId": made.Attributes["Arn"]})
	if _, err := f.room.Resources()["AWS::KMS::Alias"].Create(ctx, alias); err != nil {
		t.Fatal(err)
	}
	c := f.as(f.front.Role("User", document(all)))
	out, err := c.Encrypt(ctx, &client.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: []byte("hush"), EncryptionContext: map[string]string{"a": "b"}})
	if err != nil || strings.Contains(string(out.CiphertextBlob), "hush") || *out.KeyId != made.Attributes["Arn"] {
		t.Fatal(out, err)
	}
	plain, err := c.Decrypt(ctx, &client.DecryptInput{CiphertextBlob: out.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
	if err != nil || string(plain.Plaintext) != "hush" {
		t.Error(plain, err)
	}
	if _, err := c.Decrypt(ctx, &client.DecryptInput{CiphertextBlob: out.CiphertextBlob}); code(err) != "InvalidCiphertextException" {
		t.Errorf("without its context: %v", err)
	}
	if _, err := c.Decrypt(ctx, &client.DecryptInput{CiphertextBlob: []byte("no cipher text at all")}); code(err) != "InvalidCiphertextException" {
		t.Errorf("no cipher text: %v", err)
	}
	data, err := c.GenerateDataKey(ctx, &client.GenerateDataKeyInput{KeyId: aws.String("alias/app"), KeySpec: types.DataKeySpecAes256})
	if err != nil || len(data.Plaintext) != 32 {
		t.Fatal(data, err)
	}
	if plain, err := c.Decrypt(ctx, &client.DecryptInput{CiphertextBlob: data.CiphertextBlob}); err != nil || cmp.Diff(data.Plaintext, plain.Plaintext) != "" {
		t.Error("the data key is another one", err)
	}
	if _, err := c.Encrypt(ctx, &client.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: make([]byte, 4097)}); code(err) != "ValidationException" {
		t.Errorf("4,097 bytes: %v", err)
	}
	if aliases, err := c.ListAliases(ctx, &client.ListAliasesInput{}); err != nil || len(aliases.Aliases) != 1 || *aliases.Aliases[0].TargetKeyId != made.PhysicalID {
		t.Error(aliases, err)
	}
}

func TestGrant(t *testing.T) {
	f := newFixture(t)
	id := f.key(nil).Attributes["Arn"].(string)
	owner, other := f.as(f.front.Role("Owner", document(all))), f.front.Role("Other", document(nothing))
	encrypt := func() error {
		_, err := f.as(other).Encrypt(ctx, &client.EncryptInput{KeyId: &id, Plaintext: []byte("x")})
		return err
	}
	if code(encrypt()) != "AccessDeniedException" {
		t.Error("without a grant it may encrypt")
	}
	if _, err := owner.CreateGrant(ctx, &client.CreateGrantInput{KeyId: &id, GranteePrincipal: &other.RoleARN, Operations: []types.GrantOperation{types.GrantOperationEncrypt}}); err != nil {
		t.Fatal(err)
	}
	if err := encrypt(); err != nil {
		t.Errorf("with a grant: %v", err)
	}
	if _, err := f.as(other).DescribeKey(ctx, &client.DescribeKeyInput{KeyId: &id}); code(err) != "AccessDeniedException" {
		t.Errorf("the grant allows more than it says: %v", err)
	}
}

// TestResources is the marked case table of the resource types.
func TestResources(t *testing.T) {
	const page = "AWS CloudFormation Template Reference, AWS::KMS::Key, 2026-11"
	f := newFixture(t)
	f.key(nil)
	cases := []struct {
		name, source, limit string
		kind                string
		properties          map[string]any
		want                string
	}{
		{name: "policy that is none", source: page, kind: "AWS::KMS::Key", properties: map[string]any{"KeyPolicy": map[string]any{"Statement": []any{}}}, want: "MalformedPolicyDocumentException"},
		{name: "policy that locks everybody out", source: page + ", BypassPolicyLockoutSafetyCheck", limit: "accepted: nobody checks who may change the policy later", kind: "AWS::KMS::Key", properties: map[string]any{"KeyPolicy": document(onlyUser)}},
		{name: "asymmetric", source: page, limit: "it has an identifier and encrypts nothing", kind: "AWS::KMS::Key", properties: map[string]any{"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}},
		{name: "short pending window", source: page, kind: "AWS::KMS::Key", properties: map[string]any{"PendingWindowInDays": 6}, want: "ValidationException"},
		{name: "pending window and rotation", source: page, kind: "AWS::KMS::Key", properties: map[string]any{"PendingWindowInDays": "7", "EnableKeyRotation": true}},
		{name: "alias of a key that is not there", source: "AWS::KMS::Alias, 2026-11", kind: "AWS::KMS::Alias", properties: map[string]any{"AliasName": "alias/a", "TargetKeyId": "none"}, want: "NotFoundException"},
		{name: "alias of AWS", source: "AWS::KMS::Alias, 2026-11", kind: "AWS::KMS::Alias", properties: map[string]any{"AliasName": "alias/aws/a", "TargetKeyId": "none"}, want: "InvalidAliasNameException"},
		{name: "alias without its prefix", source: "AWS::KMS::Alias, 2026-11", kind: "AWS::KMS::Alias", properties: map[string]any{"AliasName": "a", "TargetKeyId": "none"}, want: "InvalidAliasNameException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.room.Resources()[c.kind].Create(ctx, request(c.properties))
			if got, _, _ := strings.Cut(code(err), ":"); got != c.want {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

func TestLifeOfAKey(t *testing.T) {
	f := newFixture(t)
	p := f.room.Resources()["AWS::KMS::Key"]
	made := f.key(map[string]any{"Description": "one", "EnableKeyRotation": true})
	if again := f.key(nil); again.PhysicalID != made.PhysicalID {
		t.Error("a repeated try made another key")
	}
	r := request(map[string]any{"Description": "two", "Enabled": false})
	r.PhysicalID = made.PhysicalID
	if _, err := p.Update(ctx, r); err != nil {
		t.Fatal(err)
	}
	c := f.as(f.front.Operator)
	got, err := c.DescribeKey(ctx, &client.DescribeKeyInput{KeyId: &made.PhysicalID})
	if err != nil || *got.KeyMetadata.Description != "two" || got.KeyMetadata.KeyState != types.KeyStateDisabled || got.KeyMetadata.CreationDate == nil {
		t.Fatal(got, err)
	}
	if status, err := c.GetKeyRotationStatus(ctx, &client.GetKeyRotationStatusInput{KeyId: &made.PhysicalID}); err != nil || status.KeyRotationEnabled {
		t.Error(status, err)
	}
	if _, err := c.Encrypt(ctx, &client.EncryptInput{KeyId: &made.PhysicalID, Plaintext: []byte("x")}); code(err) != "DisabledException" {
		t.Errorf("disabled: %v", err)
	}
	for range 2 {
		if err := p.Delete(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Encrypt(ctx, &client.EncryptInput{KeyId: &made.PhysicalID, Plaintext: []byte("x")}); code(err) != "KMSInvalidStateException" {
		t.Errorf("pending deletion: %v", err)
	}
}
