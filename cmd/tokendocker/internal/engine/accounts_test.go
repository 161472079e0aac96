package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
)

const (
	near = "111122223333"
	far  = "444455556666"
)

// border is an engine of two accounts, with clients in each.
type border struct {
	t         *testing.T
	near, far aws.Config
}

func newBorder(t *testing.T) *border {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Options{StateDir: t.TempDir(), Account: near, Accounts: []string{far}, Region: "us-east-1", Scale: 1,
		Clients: true, Log: slog.New(slog.DiscardHandler), Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	environment := map[string]string{}
	for _, v := range e.Environment() {
		environment[v.Name] = v.Value
	}
	b := &border{t: t, near: aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(environment["AWS_ENDPOINT_URL"]), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], "")}}
	if b.far, err = b.assume(b.near, far, "OrganizationAccountAccessRole"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *border) assume(c aws.Config, account, role string) (aws.Config, error) {
	out, err := sts.NewFromConfig(c).AssumeRole(b.t.Context(), &sts.AssumeRoleInput{RoleSessionName: aws.String("test"),
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + role)})
	if err == nil {
		c.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	}
	return c, err
}

// role makes a role that an account trusts and that may do some actions on everything.
func (b *border) role(c aws.Config, name, trusts string, actions ...string) {
	b.t.Helper()
	client := iam.NewFromConfig(c)
	_, err := client.CreateRole(b.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(allow(trusts, "sts:AssumeRole"))})
	if err == nil && len(actions) > 0 {
		list, _ := json.Marshal(actions)
		_, err = client.PutRolePolicy(b.t.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"),
			PolicyDocument: aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":%s,"Resource":"*"}}`, list))})
	}
	b.must(err)
}

// allow is a resource policy, or a trust policy if the action is to assume a role.
func allow(principal, action string) string {
	resource := `,"Resource":"*"`
	if action == "sts:AssumeRole" {
		resource = ""
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s"},"Action":"%s"%s}]}`, principal, action, resource)
}

func (b *border) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestOverTheBorder: what one account's roles may do with another account's resources. Both accounts must allow it.
func TestOverTheBorder(t *testing.T) {
	b := newBorder(t)
	ctx := t.Context()
	all := []string{"sts:AssumeRole", "secretsmanager:GetSecretValue", "kms:Encrypt", "s3:PutObject", "ecr:DescribeImages", "ecr:ListImages"}
	b.role(b.near, "Able", near+":root", all...)
	b.role(b.near, "Unable", near+":root")
	b.role(b.far, "Open", near+":root")
	b.role(b.far, "Closed", far+":root")

	secrets := map[string]string{}
	for _, name := range []string{"lent", "kept"} {
		out, err := secretsmanager.NewFromConfig(b.far).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v")})
		b.must(err)
		secrets[name] = *out.ARN
	}
	_, err := secretsmanager.NewFromConfig(b.far).PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: aws.String("lent"),
		ResourcePolicy: aws.String(allow(near+":root", "secretsmanager:GetSecretValue"))})
	b.must(err)
	for name, policy := range map[string]string{"lent-over-the-border": allow(near+":root", "s3:PutObject"), "kept-at-home": allow(far+":root", "s3:PutObject")} {
		client := s3.NewFromConfig(b.far, pathStyle)
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		b.must(err)
		_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
		b.must(err)
	}
	_, err = ecr.NewFromConfig(b.far).CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("lent")})
	b.must(err)
	_, err = ecr.NewFromConfig(b.far).SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: aws.String("lent"),
		PolicyText: aws.String(strings.Replace(allow(near+":root", "ecr:ListImages"), `,"Resource":"*"`, "", 1))})
	b.must(err)

	getSecret := func(id string) func(aws.Config) error {
		return func(c aws.Config) error {
			_, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
			return err
		}
	}
	put := func(bucket string) func(aws.Config) error {
		return func(c aws.Config) error {
			_, err := s3.NewFromConfig(c, pathStyle).PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("v")})
			return err
		}
	}
	become := func(role string) func(aws.Config) error {
		return func(c aws.Config) error { _, err := b.assume(c, far, role); return err }
	}
	list := func(c aws.Config) error {
		_, err := ecr.NewFromConfig(c).ListImages(ctx, &ecr.ListImagesInput{RegistryId: aws.String(far), RepositoryName: aws.String("lent")})
		return err
	}
	describe := func(c aws.Config) error {
		_, err := ecr.NewFromConfig(c).DescribeImages(ctx, &ecr.DescribeImagesInput{RegistryId: aws.String(far), RepositoryName: aws.String("lent")})
		return err
	}
	key := b.farKey()
	encrypt := func(c aws.Config) error {
		_, err := kms.NewFromConfig(c).Encrypt(ctx, &kms.EncryptInput{KeyId: &key, Plaintext: []byte("v")})
		return err
	}
	const logic = "IAM User Guide, Cross-account policy evaluation logic, 2026-11"
	cases := []struct {
		name, source, limit string
		as                  string
		call                func(aws.Config) error
		want                string // in the error; empty: none
	}{
		{name: "role that trusts", source: logic, as: "Able", call: become("Open")},
		{name: "role that trusts, by who may not", source: logic, as: "Unable", call: become("Open"), want: "not authorized to perform: sts:AssumeRole"},
		{name: "role that does not trust", source: logic, as: "Able", call: become("Closed"), want: "not authorized to perform: sts:AssumeRole"},
		{name: "secret lent", source: logic, as: "Able", call: getSecret(secrets["lent"])},
		{name: "secret lent, to who may not", source: logic, as: "Unable", call: getSecret(secrets["lent"]), want: "no identity-based policy allows"},
		{name: "secret kept", source: logic, as: "Able", call: getSecret(secrets["kept"]), want: "no resource-based policy allows"},
		{name: "secret by its name", source: "AWS Secrets Manager API Reference, GetSecretValue, 2026-11: the ARN in another account", as: "Able", call: getSecret("lent"), want: "ResourceNotFoundException"},
		{name: "bucket lent", source: logic, as: "Able", call: put("lent-over-the-border")},
		{name: "bucket lent, to who may not", source: logic, as: "Unable", call: put("lent-over-the-border"), want: "no identity-based policy allows"},
		{name: "bucket kept", source: logic, as: "Able", call: put("kept-at-home"), want: "no resource-based policy allows"},
		{name: "repository lent", source: "Amazon ECR API Reference, ListImages, registryId, 2026-11", as: "Able", call: list},
		{name: "repository lent for something else", source: logic, as: "Able", call: describe, want: "no resource-based policy allows the ecr:DescribeImages action"},
		{name: "key whose policy has the other account only", source: "AWS KMS Developer Guide, Allowing users in other accounts to use a KMS key, 2026-11", as: "Able",
			call: encrypt, want: "no resource-based policy allows the kms:Encrypt action"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			as, err := b.assume(b.near, near, c.as)
			b.must(err)
			err = c.call(as)
			if code := smithy.APIError(nil); err != nil && !errors.As(err, &code) {
				t.Fatal(err)
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

// farKey makes a key of the far account, for nobody else.
func (b *border) farKey() string {
	b.t.Helper()
	out, err := kms.NewFromConfig(b.far).CreateKey(b.t.Context(), &kms.CreateKeyInput{})
	b.must(err)
	return *out.KeyMetadata.Arn
}

// TestNamesOfBuckets: the names of buckets are everybody's, and each account lists its own.
func TestNamesOfBuckets(t *testing.T) {
	b := newBorder(t)
	mine, theirs := s3.NewFromConfig(b.near, pathStyle), s3.NewFromConfig(b.far, pathStyle)
	_, err := mine.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("taken")})
	b.must(err)
	_, err = theirs.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("taken")})
	if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != "BucketAlreadyExists" {
		t.Errorf("the other account's bucket of the same name: %v", err)
	}
	for name, c := range map[string]struct {
		client *s3.Client
		want   int
	}{"near": {mine, 1}, "far": {theirs, 0}} {
		out, err := c.client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		b.must(err)
		if len(out.Buckets) != c.want {
			t.Errorf("%s lists %d buckets, want %d", name, len(out.Buckets), c.want)
		}
	}
}
