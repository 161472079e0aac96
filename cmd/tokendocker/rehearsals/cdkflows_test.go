package rehearsals

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// keepsakes is an app of resources with fixed names that outlive their stack. The stack's name and what changes are in
// how.json.
const keepsakes = `
const cdk = require('aws-cdk-lib');
const { aws_ecr: ecr, aws_iam: iam, aws_lambda: lambda, aws_logs: logs, aws_s3: s3, aws_ssm: ssm } = cdk;
const how = JSON.parse(require('fs').readFileSync('how.json'));
const app = new cdk.App();
const stack = new cdk.Stack(app, how.stack);
const keep = (r) => { r.applyRemovalPolicy(cdk.RemovalPolicy.RETAIN); return r; };
keep(new s3.CfnBucket(stack, 'Bucket', { bucketName: 'keepsakes-bucket', tags: [{ key: 'kind', value: 'kept' }] }));
keep(new ecr.CfnRepository(stack, 'Repository', { repositoryName: 'keepsakes', imageTagMutability: 'IMMUTABLE' }));
keep(new logs.CfnLogGroup(stack, 'Group', { logGroupName: '/keepsakes', retentionInDays: how.days || 7 }));
keep(new ssm.CfnParameter(stack, 'Parameter', { name: '/keepsakes', type: 'String', value: 'kept' }));
const role = keep(new iam.CfnRole(stack, 'Role', { roleName: 'keepsakes', assumeRolePolicyDocument: { Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }] } }));
keep(new lambda.CfnFunction(stack, 'Function', { functionName: 'keepsakes', runtime: 'nodejs22.x', handler: 'index.handler', role: role.attrArn,
  code: { zipFile: 'exports.handler = async () => "kept";' } }));
if (how.output) new cdk.CfnOutput(stack, 'Uri', { value: cdk.Fn.getAtt('Repository', 'RepositoryUri').toString() });
`

// TestCDKImport: what a stack has left behind is imported into another one, by hand or as it is deployed, and is watched for
// drift.
func TestCDKImport(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": keepsakes, "how.json": `{"stack": "Old"}`,
		"map.json": `{"Bucket": {"BucketName": "keepsakes-bucket"}, "Repository": {"RepositoryName": "keepsakes"}, "Group": {"LogGroupName": "/keepsakes"},
			"Parameter": {"Name": "/keepsakes"}, "Role": {"RoleName": "keepsakes"}, "Function": {"FunctionName": "keepsakes"}}`})
	p.cdk(0, "bootstrap")
	p.deploy("Old")
	p.cdk(0, "destroy", "--force")

	p.write("how.json", `{"stack": "New"}`)
	p.says(p.cdk(0, "import", "--resource-mapping", "map.json"), "New/Bucket: importing using BucketName=keepsakes-bucket", "IMPORT_COMPLETE")
	if status := p.status("New"); status != "IMPORT_COMPLETE" {
		t.Errorf("after the import the stack is %s", status)
	}
	p.write("how.json", `{"stack": "New", "output": true, "days": 14}`)
	if outputs, _ := p.deploy("New"); outputs["Uri"] != "123456789012.dkr.ecr.us-east-1.amazonaws.com/keepsakes" {
		t.Errorf("the imported repository is %v", outputs)
	}

	p.says(p.cdk(0, "drift", "--fail"), "No drift detected")
	_, err := ssm.NewFromConfig(p.config()).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/keepsakes"), Value: aws.String("changed"), Overwrite: aws.Bool(true)})
	must(t, err)
	_, err = cloudwatchlogs.NewFromConfig(p.config()).DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/keepsakes")})
	must(t, err)
	p.says(p.cdk(1, "drift", "--fail"), "AWS::SSM::Parameter", "changed", "AWS::Logs::LogGroup", "2 resources have drifted")
	p.cdk(0, "destroy", "--force")

	p.write("how.json", `{"stack": "Third"}`)
	_, said := p.deploy("Third", "--import-existing-resources")
	p.says(said, "IMPORT_COMPLETE", "CREATE_COMPLETE")
	p.says(p.cdk(1, "drift", "--fail"), "1 resource has drifted")
	p.deploy("Third", "--revert-drift")
	p.says(p.cdk(0, "drift", "--fail"), "No drift detected")
}

// swaps is an app of two functions and a state machine, all of which say what is in how.json, with a nested stack.
const swaps = `
const cdk = require('aws-cdk-lib');
const { aws_lambda: lambda, aws_ssm: ssm, aws_stepfunctions: sfn } = cdk;
const fs = require('fs');
const how = JSON.parse(fs.readFileSync('how.json'));
fs.mkdirSync('code', { recursive: true });
fs.writeFileSync('code/index.js', 'exports.handler = async () => "asset ' + how.says + ' " + process.env.SAYS;');
const app = new cdk.App();
const stack = new cdk.Stack(app, 'Swaps');
const common = { runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler' };
new lambda.Function(stack, 'Asset', { ...common, functionName: 'asset', code: lambda.Code.fromAsset('code'), environment: { SAYS: how.says } });
new lambda.Function(stack, 'Inline', { ...common, functionName: 'inline', code: lambda.Code.fromInline('exports.handler = async () => "inline ' + how.says + '";') });
const machine = new sfn.StateMachine(stack, 'Machine', { stateMachineName: 'machine',
  definitionBody: sfn.DefinitionBody.fromChainable(new sfn.Pass(stack, 'Pass', { result: sfn.Result.fromString(how.says) })) });
new cdk.CfnOutput(stack, 'Arn', { value: machine.stateMachineArn });
new ssm.StringParameter(new cdk.NestedStack(stack, 'Nested'), 'Inner', { stringValue: 'v' });
`

// TestCDKDevelopment: the events of nested stacks are shown from the first deployment on; code and definitions are swapped
// past CloudFormation, which finds the drift and goes on; assets that nobody needs any more are collected.
func TestCDKDevelopment(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": swaps, "how.json": `{"says": "one"}`})
	p.cdk(0, "bootstrap")
	outputs, said := p.deploy("Swaps")
	p.says(said, "Nested/Inner", "Resource creation Initiated")
	answers := func(want string) {
		t.Helper()
		machine := sfn.NewFromConfig(p.config())
		begun, err := machine.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String(outputs["Arn"])})
		must(t, err)
		out, err := machine.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: begun.ExecutionArn})
		for err == nil && out.Status == types.ExecutionStatusRunning {
			time.Sleep(10 * time.Millisecond)
			out, err = machine.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: begun.ExecutionArn})
		}
		must(t, err)
		got := []string{p.invoke("asset"), p.invoke("inline"), aws.ToString(out.Output)}
		if strings.Join(got, ", ") != want {
			t.Errorf("they say %q, not %s", got, want)
		}
	}
	answers(`"asset one one", "inline one", "one"`)

	p.write("how.json", `{"says": "two"}`)
	p.says(p.cdk(0, "deploy", "--hotswap", "--require-approval=never"), "AWS::Lambda::Function 'asset' hotswapped!", "AWS::Lambda::Function 'inline' hotswapped!",
		"AWS::StepFunctions::StateMachine '"+outputs["Arn"]+"' hotswapped!")
	answers(`"asset two two", "inline two", "two"`)
	p.says(p.cdk(1, "drift", "--fail"), "/Environment/Variables/SAYS", "/DefinitionString", "2 resources have drifted")
	p.deploy("Swaps")
	p.says(p.cdk(0, "drift", "--fail"), "No drift detected")
	answers(`"asset two two", "inline two", "two"`)

	p.says(p.cdk(0, "gc", "--unstable=gc", "--type=s3", "--confirm=false", "--rollback-buffer-days=1", "--created-buffer-days=0"), "assets (0.01 MiB) tagged, 0 assets")
	p.says(p.cdk(0, "gc", "--unstable=gc", "--type=s3", "--confirm=false", "--rollback-buffer-days=0", "--created-buffer-days=0"), "assets (0.01 MiB) deleted")
	p.write("how.json", `{"says": "three"}`)
	p.deploy("Swaps")
	answers(`"asset three three", "inline three", "three"`)
	p.cdk(0, "destroy", "--force")
}

// invoke calls a function and returns its answer.
func (p *project) invoke(function string) string {
	p.t.Helper()
	out, err := lambda.NewFromConfig(p.config()).Invoke(p.t.Context(), &lambda.InvokeInput{FunctionName: &function})
	must(p.t, err)
	return string(out.Payload)
}

// orphans is an app of a log group and of a parameter that may be wrong.
const orphans = `
const cdk = require('aws-cdk-lib');
const { aws_logs: logs, aws_ssm: ssm } = cdk;
const how = JSON.parse(require('fs').readFileSync('how.json'));
const stack = new cdk.Stack(new cdk.App(), 'Orphans');
const group = new logs.CfnLogGroup(stack, 'Group', { logGroupName: '/orphans', retentionInDays: how.days || 7 });
new ssm.CfnParameter(stack, how.name || 'Parameter', { type: 'String', value: how.value || 'a', allowedPattern: '^[a-z]+$' }).node.addDependency(group);
`

// TestCDKOrphans: a roll-back that cannot bring a resource back goes on without it when its user says so. Resources of a
// stack are renamed as the CDK's command sees it without changing them.
func TestCDKOrphans(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": orphans, "how.json": "{}"})
	p.cdk(0, "bootstrap")
	p.deploy("Orphans")
	p.write("how.json", `{"name": "Renamed"}`)
	p.says(p.cdk(0, "refactor", "--unstable=refactor", "--dry-run"), "Orphans/Parameter", "Orphans/Renamed")

	stuck := func(days string) {
		t.Helper()
		p.write("how.json", `{"days": `+days+`, "value": "9"}`)
		p.cdk(1, "deploy", "--require-approval=never", "--no-rollback")
		_, err := cloudwatchlogs.NewFromConfig(p.config()).DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/orphans")})
		must(t, err)
		p.says(p.cdk(1, "rollback"), "using --orphan or --force")
		if status := p.status("Orphans"); status != "UPDATE_ROLLBACK_FAILED" {
			t.Errorf("after a roll-back that fails the stack is %s", status)
		}
	}
	back := func(args ...string) {
		t.Helper()
		p.says(p.cdk(0, append([]string{"rollback"}, args...)...), "Resource skipped during UpdateRollback")
		if status := p.status("Orphans"); status != "UPDATE_ROLLBACK_COMPLETE" {
			t.Errorf("after a roll-back without the group the stack is %s", status)
		}
		_, err := cloudwatchlogs.NewFromConfig(p.config()).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/orphans")})
		must(t, err)
	}
	stuck("14")
	back("--orphan", "Group")
	stuck("30")
	back("--force")
	p.write("how.json", `{"days": 60}`)
	p.deploy("Orphans")
	p.cdk(0, "destroy", "--force")
}

// TestCDKBoundary: the roles of the bootstrap stack stay within a permissions boundary. The CDK's command would make the
// example's policy itself, but stops where AWS says that there is none yet: it looks for NoSuchEntity and gets
// NoSuchEntityException.
func TestCDKBoundary(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": letters, "how.json": "{}"})
	client := iam.NewFromConfig(p.config())
	policy, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("cdk-hnb659fds-permissions-boundary"), PolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "ssm:DeleteParameter", "Resource": "*"}]}`)})
	must(t, err)
	p.says(p.cdk(0, "bootstrap", "--example-permissions-boundary"), "Adding new permissions boundary cdk-hnb659fds-permissions-boundary")
	role, err := client.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("cdk-hnb659fds-cfn-exec-role-123456789012-us-east-1")})
	must(t, err)
	if b := role.Role.PermissionsBoundary; b == nil || *b.PermissionsBoundaryArn != *policy.Policy.Arn {
		t.Errorf("the role's boundary is %v", b)
	}
	p.deploy("Letters")
	p.says(p.cdk(1, "destroy", "--force"), "not authorized to perform: ssm:DeleteParameter", "with an explicit deny in a permissions boundary")
	if status := p.status("Letters"); status != "DELETE_FAILED" {
		t.Errorf("the stack is %s", status)
	}
}

// session makes a role with a policy and returns a configuration of its session "me".
func (p *project) session(role, policy string) aws.Config {
	p.t.Helper()
	client := iam.NewFromConfig(p.config())
	made, err := client.CreateRole(p.t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]}`)})
	must(p.t, err)
	_, err = client.PutRolePolicy(p.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("some"), PolicyDocument: &policy})
	must(p.t, err)
	out, err := sts.NewFromConfig(p.config()).AssumeRole(p.t.Context(), &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("me")})
	must(p.t, err)
	c := p.config()
	c.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return c
}

// TestStackRole: what the role of a stack may not do, CloudFormation does not do: neither its handlers nor what it reads nor
// the functions that it asks. Without a role that goes for whoever calls.
func TestStackRole(t *testing.T) {
	t.Parallel()
	p := newProject(t, "", nil)
	client := iam.NewFromConfig(p.config())
	role, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("stacks"), AssumeRolePolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "cloudformation.amazonaws.com"}}]}`)})
	must(t, err)
	_, err = client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("stacks"), PolicyName: aws.String("some"), PolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:*"], "Resource": "arn:aws:ssm:*:*:parameter/mine/*"}]}`)})
	must(t, err)
	for _, name := range []string{"/mine/value", "/theirs/value"} {
		_, err := ssm.NewFromConfig(p.config()).PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: aws.String("v"), Type: ssmtypes.ParameterTypeString})
		must(t, err)
	}
	parameter := func(name, value string) string {
		return `{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "` + name + `", "Type": "String", "Value": "` + value + `"}}}}`
	}
	stacks := cloudformation.NewFromConfig(p.config())
	_, err = stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("Bucket"),
		TemplateBody: aws.String(`{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "templates"}}}}`)})
	must(t, err)
	p.until("Bucket", "CREATE_COMPLETE")
	limited := cloudformation.NewFromConfig(p.session("people", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"},
		{"Effect": "Allow", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/mine/*"}]}`))
	for name, c := range map[string]struct{ template, denied string }{
		"ByMe":     {parameter("/mine/by", "v"), ""},
		"ByOther":  {parameter("/theirs/by", "v"), "assumed-role/people/me is not authorized to perform: ssm:PutParameter on resource: arn:aws:ssm:us-east-1:123456789012:parameter/theirs/by"},
		"Own":      {parameter("/mine/own", "v"), ""},
		"Other":    {parameter("/theirs/own", "v"), "assumed-role/stacks/AWSCloudFormation is not authorized to perform: ssm:PutParameter on resource: arn:aws:ssm:us-east-1:123456789012:parameter/theirs/own"},
		"Read":     {parameter("/mine/read", "{{resolve:ssm:/mine/value}}"), ""},
		"Peep":     {parameter("/mine/peep", "{{resolve:ssm:/theirs/value}}"), "is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:us-east-1:123456789012:parameter/theirs/value"},
		"Secret":   {parameter("/mine/secret", "{{resolve:secretsmanager:s}}"), "is not authorized to perform: secretsmanager:GetSecretValue"},
		"Function": {`{"Resources": {"C": {"Type": "Custom::C", "Properties": {"ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:f"}}}}`, "is not authorized to perform: lambda:InvokeFunction"},
		"Nested":   {`{"Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3.us-east-1.amazonaws.com/templates/k"}}}}`, "is not authorized to perform: s3:GetObject"},
	} {
		in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &c.template, RoleARN: role.Role.Arn, DisableRollback: aws.Bool(true)}
		by := stacks
		if strings.HasPrefix(name, "By") {
			by, in.RoleARN = limited, nil
		}
		_, err := by.CreateStack(t.Context(), in)
		must(t, err)
		status := "CREATE_COMPLETE"
		if c.denied != "" {
			status = "CREATE_FAILED"
		}
		p.until(name, status)
		events, err := stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name})
		must(t, err)
		var said []string
		for _, e := range events.StackEvents {
			said = append(said, aws.ToString(e.ResourceStatusReason))
		}
		p.says(strings.Join(said, "\n"), c.denied)
	}
}

// TestDriftOfTypes: of every type that can be read, a stack's resources are as the template says right after they were made,
// and what somebody else changes is found.
func TestDriftOfTypes(t *testing.T) {
	t.Parallel()
	p := newProject(t, "", nil)
	stacks := cloudformation.NewFromConfig(p.config())
	const everyone = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"%s}]}`
	tags := `"Tags": [{"Key": "a", "Value": "b"}]`
	trust := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "states.amazonaws.com"}}]}`
	resources := map[string]string{
		"KMS::Key":                    `{"Description": "d", "EnableKeyRotation": true, "KeyPolicy": ` + fmt.Sprintf(everyone, `, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}`) + `, ` + tags + `}`,
		"SecretsManager::Secret":      `{"Name": "drifting", "Description": "d", "GenerateSecretString": {}, ` + tags + `}`,
		"IAM::ManagedPolicy":          `{"PolicyDocument": ` + fmt.Sprintf(everyone, "") + `, "Path": "/a/"}`,
		"IAM::Role":                   `{"RoleName": "drifting", "AssumeRolePolicyDocument": ` + trust + `, "ManagedPolicyArns": [{"Ref": "R0"}], "MaxSessionDuration": 7200, ` + tags + `}`,
		"S3::Bucket":                  `{"BucketName": "drifting", ` + tags + `}`,
		"ECR::Repository":             `{"ImageScanningConfiguration": {"ScanOnPush": true}, "LifecyclePolicy": {"LifecyclePolicyText": "{\"rules\": [{\"rulePriority\": 1, \"selection\": {\"tagStatus\": \"untagged\", \"countType\": \"imageCountMoreThan\", \"countNumber\": 1}, \"action\": {\"type\": \"expire\"}}]}"}, ` + tags + `}`,
		"Logs::LogGroup":              `{"RetentionInDays": 7}`,
		"SSM::Parameter":              `{"Type": "String", "Value": "v", "Tier": "Standard", "Tags": {"a": "b"}}`,
		"StepFunctions::StateMachine": `{"RoleArn": {"Fn::GetAtt": ["R1", "Arn"]}, "DefinitionString": "{\"StartAt\": \"P\", \"States\": {\"P\": {\"Type\": \"Succeed\"}}}"}`,
	}
	var entries []string
	for i, kind := range slices.Sorted(maps.Keys(resources)) {
		id := fmt.Sprintf("X%d", i)
		switch kind {
		case "IAM::ManagedPolicy":
			id = "R0"
		case "IAM::Role":
			id = "R1"
		}
		entries = append(entries, fmt.Sprintf(`%q: {"Type": "AWS::%s", "Properties": %s}`, id, kind, resources[kind]))
	}
	_, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("Drifting"), TemplateBody: aws.String(`{"Resources": {` + strings.Join(entries, ",") + `}}`),
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam}})
	must(t, err)
	p.until("Drifting", "CREATE_COMPLETE")
	drifted := func() []string {
		t.Helper()
		_, err := stacks.DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: aws.String("Drifting")})
		must(t, err)
		out, err := stacks.DescribeStackResourceDrifts(t.Context(), &cloudformation.DescribeStackResourceDriftsInput{StackName: aws.String("Drifting")})
		must(t, err)
		if len(out.StackResourceDrifts) != len(resources) {
			t.Errorf("%d resources were compared, not %d", len(out.StackResourceDrifts), len(resources))
		}
		found := []string{}
		for _, d := range out.StackResourceDrifts {
			for _, diff := range d.PropertyDifferences {
				found = append(found, strings.TrimPrefix(*d.ResourceType, "AWS::")+*diff.PropertyPath)
			}
			if d.StackResourceDriftStatus == cfntypes.StackResourceDriftStatusDeleted || d.StackResourceDriftStatus == cfntypes.StackResourceDriftStatusUnknown {
				found = append(found, strings.TrimPrefix(*d.ResourceType, "AWS::")+" "+string(d.StackResourceDriftStatus)+aws.ToString(d.DriftStatusReason))
			}
		}
		slices.Sort(found)
		return found
	}
	if got := drifted(); len(got) > 0 {
		t.Errorf("right after the stack was made there is a drift of %q", got)
	}
	_, err = secretsmanager.NewFromConfig(p.config()).UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: aws.String("drifting"), Description: aws.String("e")})
	must(t, err)
	_, err = iam.NewFromConfig(p.config()).AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: aws.String("drifting"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	must(t, err)
	_, err = s3.NewFromConfig(p.config(), func(o *s3.Options) { o.UsePathStyle = true }).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("drifting")})
	must(t, err)
	want := []string{"IAM::Role/ManagedPolicyArns/1", "S3::Bucket DELETED", "SecretsManager::Secret/Description"}
	if got := drifted(); !slices.Equal(got, want) {
		t.Errorf("the drift is %q, not %q", got, want)
	}
}
