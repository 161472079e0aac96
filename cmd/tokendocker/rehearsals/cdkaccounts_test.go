package rehearsals

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// accounts is an app of two accounts, whose far stack may write into the bucket of the near one.
const accounts = `
const cdk = require('aws-cdk-lib');
const iam = require('aws-cdk-lib/aws-iam');
const s3 = require('aws-cdk-lib/aws-s3');
const app = new cdk.App();
const region = 'us-east-1';
const near = new cdk.Stack(app, 'Near', { env: { account: '111111111111', region } });
const far = new cdk.Stack(app, 'Far', { env: { account: '222222222222', region } });
const bucket = new s3.Bucket(near, 'Bucket', { bucketName: 'shared-over-the-border', removalPolicy: cdk.RemovalPolicy.DESTROY });
const writer = new iam.Role(far, 'Writer', { roleName: 'writer', assumedBy: new iam.AccountPrincipal('222222222222') });
new iam.Role(far, 'Stranger', { roleName: 'stranger', assumedBy: new iam.AccountPrincipal('222222222222') })
  .addToPolicy(new iam.PolicyStatement({ actions: ['s3:*'], resources: ['*'] }));
bucket.grantWrite(writer);
`

// TestCDKAccounts: the CDK's command deploys stacks of two accounts with the key of one, as it does where the other account
// was bootstrapped to trust it. Who may do what over the border is decided by both accounts' policies.
func TestCDKAccounts(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": accounts}, "--account", lender, "--account", borrower)
	p.says(p.cdk(0, "bootstrap", "aws://"+lender+"/us-east-1"), "bootstrapped")
	far := p.in(p.config(), "arn:aws:iam::"+borrower+":role/OrganizationAccountAccessRole")
	p.as(far, func() {
		p.says(p.cdk(0, "bootstrap", "aws://"+borrower+"/us-east-1", "--trust", lender,
			"--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess"), "bootstrapped")
	})
	p.deploy("Near", "--all")
	_, said := p.deploy("Near", "--all")
	p.says(said, "Near (no changes)", "Far (no changes)")
	put := func(role string) error {
		_, err := s3.NewFromConfig(p.in(far, "arn:aws:iam::"+borrower+":role/"+role), func(o *s3.Options) { o.UsePathStyle = true }).PutObject(t.Context(),
			&s3.PutObjectInput{Bucket: aws.String("shared-over-the-border"), Key: aws.String("key"), Body: strings.NewReader("text")})
		return err
	}
	must(t, put("writer"))
	if err := put("stranger"); err == nil || !strings.Contains(err.Error(), "no resource-based policy allows the s3:PutObject action") {
		t.Errorf("a role whom the bucket's policy does not name: %v", err)
	}
	_, err := s3.NewFromConfig(p.config(), func(o *s3.Options) { o.UsePathStyle = true }).DeleteObject(t.Context(),
		&s3.DeleteObjectInput{Bucket: aws.String("shared-over-the-border"), Key: aws.String("key")})
	must(t, err)
	p.cdk(0, "destroy", "--all", "--force")
}

// in returns a client's configuration with the credentials of a role.
func (p *project) in(c aws.Config, role string) aws.Config {
	p.t.Helper()
	out, err := sts.NewFromConfig(c).AssumeRole(p.t.Context(), &sts.AssumeRoleInput{RoleSessionName: aws.String("test"), RoleArn: &role})
	must(p.t, err)
	c.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return c
}

// as runs something with another one's credentials in the environment.
func (p *project) as(c aws.Config, do func()) {
	p.t.Helper()
	before := maps.Clone(p.environment)
	defer func() { p.environment = before }()
	key, err := c.Credentials.Retrieve(p.t.Context())
	must(p.t, err)
	p.environment = maps.Clone(before)
	p.environment["AWS_ACCESS_KEY_ID"], p.environment["AWS_SECRET_ACCESS_KEY"], p.environment["AWS_SESSION_TOKEN"] = key.AccessKeyID, key.SecretAccessKey, key.SessionToken
	do()
}
