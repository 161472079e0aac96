package rehearsals

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// regions is an app of two stacks in two regions, with CDK's own functions for references between them and for a bucket
// that is emptied before it is deleted. The far stack reads a parameter that somebody else keeps.
const regions = `
const cdk = require('aws-cdk-lib');
const ssm = require('aws-cdk-lib/aws-ssm');
const s3 = require('aws-cdk-lib/aws-s3');
const app = new cdk.App();
const account = process.env.CDK_DEFAULT_ACCOUNT;
const near = new cdk.Stack(app, 'Near', { env: { account, region: 'us-east-1' }, crossRegionReferences: true });
const far = new cdk.Stack(app, 'Far', { env: { account, region: 'eu-west-1' }, crossRegionReferences: true });
const bucket = new s3.Bucket(near, 'Bucket', { autoDeleteObjects: true, removalPolicy: cdk.RemovalPolicy.DESTROY });
new cdk.CfnOutput(near, 'Name', { value: bucket.bucketName });
const kept = ssm.StringParameter.valueForStringParameter(far, '/kept/by/hand');
new ssm.StringParameter(far, 'Copy', { parameterName: '/copy', stringValue: bucket.bucketArn + ' ' + kept });
`

// TestCDKRegions deploys stacks of two regions, and again when only a parameter's value has changed.
func TestCDKRegions(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": regions})
	far := p.config()
	far.Region = "eu-west-1"
	parameters := ssm.NewFromConfig(far)
	keep := func(value string) {
		t.Helper()
		_, err := parameters.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/kept/by/hand"), Value: &value, Type: "String", Overwrite: aws.Bool(true)})
		must(t, err)
	}
	copied := func() string {
		t.Helper()
		out, err := parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/copy")})
		must(t, err)
		return *out.Parameter.Value
	}
	keep("first")
	p.says(p.cdk(0, "bootstrap"), "us-east-1 bootstrapped", "eu-west-1 bootstrapped")
	outputs, _ := p.deploy("Near", "--all", "--concurrency=2")
	if got, want := copied(), "arn:aws:s3:::"+outputs["Name"]+" first"; got != want {
		t.Errorf("the far stack has %q, not %q", got, want)
	}
	_, said := p.deploy("Near", "--all")
	p.says(said, "Near (no changes)", "Far (no changes)")
	keep("second")
	p.deploy("Near", "--all")
	if got := copied(); !strings.HasSuffix(got, " second") {
		t.Errorf("after the parameter's change the far stack has %q", got)
	}
	_, err := s3.NewFromConfig(p.config(), func(o *s3.Options) { o.UsePathStyle = true }).PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: aws.String(outputs["Name"]), Key: aws.String("left/behind"), Body: strings.NewReader("text")})
	must(t, err)
	p.cdk(0, "destroy", "--all", "--force")
	if near, far := p.status("Near"), p.status("Far"); near != "" || far != "" {
		t.Errorf("the stacks are %q and %q", near, far)
	}
}

// nested is an app of a stack within another.
const nested = `
const cdk = require('aws-cdk-lib');
const ssm = require('aws-cdk-lib/aws-ssm');
const app = new cdk.App();
const outer = new cdk.Stack(app, 'Outer');
const inner = new cdk.NestedStack(outer, 'Inner');
const value = new ssm.StringParameter(inner, 'Value', { stringValue: require('fs').readFileSync('value.txt', 'utf8') });
new ssm.StringParameter(outer, 'Copy', { parameterName: '/copy', stringValue: value.stringValue });
`

// TestCDKNestedStacks: the CDK's command sees through a stack to the one within it.
func TestCDKNestedStacks(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": nested, "value.txt": "one"})
	p.cdk(0, "bootstrap")
	p.deploy("Outer")
	p.says(p.cdk(0, "diff", "--fail"), "Number of stacks with differences: 0")
	p.write("value.txt", "two")
	p.says(p.cdk(1, "diff", "--fail"), "[~] AWS::SSM::Parameter Inner/Value", "[+] two", "Number of stacks with differences: 2")
	_, said := p.deploy("Outer")
	p.says(said, "AWS::SSM::Parameter        | Inner/Value")
	out, err := ssm.NewFromConfig(p.config()).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/copy")})
	if err != nil || *out.Parameter.Value != "two" {
		t.Errorf("the outer stack's copy is %+v (%v)", out, err)
	}
	p.cdk(0, "destroy", "--force")
}
