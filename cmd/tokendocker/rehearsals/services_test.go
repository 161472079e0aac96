package rehearsals

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// serviceMachine is a stack whose state machine calls services of all protocols, logs what it does, and may read its
// data only with its key.
const serviceMachine = `{"Resources":{
	"Bucket":{"Type":"AWS::S3::Bucket"},
	"Key":{"Type":"AWS::KMS::Key","Properties":{"KeyPolicy":{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":{"Fn::Sub":"arn:aws:iam::${AWS::AccountId}:root"}},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}]}}},
	"Net":{"Type":"AWS::EC2::VPC","Properties":{"CidrBlock":"10.0.0.0/16"}},
	"Group":{"Type":"AWS::Logs::LogGroup","Properties":{"LogGroupName":"/aws/vendedlogs/states/m"}},
	"Role":{"Type":"AWS::IAM::Role","Properties":{
		"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole"}]},
		"Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":{"Fn::Sub":"${Bucket.Arn}/*"}},
			{"Effect":"Allow","Action":"s3:ListBucket","Resource":{"Fn::GetAtt":["Bucket","Arn"]}},
			{"Effect":"Allow","Action":"ec2:DescribeVpcs","Resource":"*"},
			{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":{"Fn::GetAtt":["Key","Arn"]}},
			{"Effect":"Allow","Action":["logs:CreateLogDelivery","logs:GetLogDelivery","logs:UpdateLogDelivery","logs:DeleteLogDelivery",
				"logs:ListLogDeliveries","logs:PutResourcePolicy","logs:DescribeResourcePolicies","logs:DescribeLogGroups"],"Resource":"*"}]}}]}},
	"Machine":{"Type":"AWS::StepFunctions::StateMachine","Properties":{"RoleArn":{"Fn::GetAtt":["Role","Arn"]},
		"LoggingConfiguration":{"Level":"ALL","IncludeExecutionData":false,"Destinations":[{"CloudWatchLogsLogGroup":{"LogGroupArn":{"Fn::GetAtt":["Group","Arn"]}}}]},
		"EncryptionConfiguration":{"Type":"CUSTOMER_MANAGED_KMS_KEY","KmsKeyId":{"Fn::GetAtt":["Key","Arn"]}},
		"DefinitionSubstitutions":{"bucket":{"Ref":"Bucket"},"net":{"Ref":"Net"}},
		"DefinitionString":"{\"StartAt\":\"Put\",\"States\":{` +
	`\"Put\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:s3:putObject\",\"Parameters\":{\"Bucket\":\"${bucket}\",\"Key\":\"a b/c\",\"Body\":\"hello\"},\"ResultPath\":null,\"Next\":\"Get\"},` +
	`\"Get\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:s3:getObject\",\"Parameters\":{\"Bucket\":\"${bucket}\",\"Key\":\"a b/c\"},\"ResultSelector\":{\"text.$\":\"$.Body\"},\"ResultPath\":\"$.get\",\"Next\":\"List\"},` +
	`\"List\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:s3:listObjectsV2\",\"Parameters\":{\"Bucket\":\"${bucket}\",\"Prefix\":\"a\"},\"ResultSelector\":{\"key.$\":\"$.Contents[0].Key\",\"size.$\":\"$.Contents[0].Size\"},\"ResultPath\":\"$.list\",\"Next\":\"Who\"},` +
	`\"Who\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:sts:getCallerIdentity\",\"ResultSelector\":{\"account.$\":\"$.Account\"},\"ResultPath\":\"$.who\",\"Next\":\"Nets\"},` +
	`\"Nets\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:ec2:describeVpcs\",\"Parameters\":{\"VpcIds\":[\"${net}\"]},\"ResultSelector\":{\"cidr.$\":\"$.Vpcs[0].CidrBlock\"},\"ResultPath\":\"$.net\",\"Next\":\"None\"},` +
	`\"None\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:states:::aws-sdk:s3:getObject\",\"Parameters\":{\"Bucket\":\"${bucket}\",\"Key\":\"none\"},\"Catch\":[{\"ErrorEquals\":[\"S3.NoSuchKeyException\"],\"ResultPath\":null,\"Next\":\"End\"}],\"Next\":\"End\"},` +
	`\"End\":{\"Type\":\"Succeed\"}}}"}}}}`

// TestTasksCallServices deploys a machine that calls S3, STS and EC2 as its role, and reads its log.
func TestTasksCallServices(t *testing.T) {
	t.Parallel()
	w := (&permissions{t: t}).start("Services")
	if said := w.deploy([]byte(serviceMachine), ""); said != "" {
		t.Fatal(said)
	}
	var list struct {
		StateMachines []struct{ StateMachineArn string }
	}
	w.call("states", "ListStateMachines", map[string]any{}, &list)
	var begun struct{ ExecutionArn string }
	w.call("states", "StartExecution", map[string]any{"stateMachineArn": list.StateMachines[0].StateMachineArn, "input": `{"secret":"hush"}`}, &begun)
	var end struct{ Status, Output, Error, Cause string }
	for range 100 {
		w.call("states", "DescribeExecution", map[string]any{"executionArn": begun.ExecutionArn}, &end)
		if end.Status != "RUNNING" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	const want = `{"get":{"text":"hello"},"list":{"key":"a b/c","size":5},"net":{"cidr":"10.0.0.0/16"},"secret":"hush","who":{"account":"123456789012"}}`
	if end.Status != "SUCCEEDED" || end.Output != want {
		t.Errorf("%+v", end)
	}
	var log struct {
		Events []struct{ Message, LogStreamName string }
	}
	w.call("logs", "FilterLogEvents", map[string]any{"logGroupName": "/aws/vendedlogs/states/m"}, &log)
	failed := 0
	for _, e := range log.Events {
		var event struct{ Type string }
		must(t, json.Unmarshal([]byte(e.Message), &event))
		if event.Type == "TaskFailed" {
			failed++
		}
		if strings.Contains(e.Message, "hush") || !strings.HasPrefix(e.LogStreamName, "states/") {
			t.Errorf("%s: %s", e.LogStreamName, e.Message)
		}
	}
	if len(log.Events) < 30 || failed != 1 {
		t.Errorf("%d events, %d failed tasks", len(log.Events), failed)
	}
}

// artifactProject is a stack whose project takes a source from S3 and puts a ZIP file there.
const artifactProject = `{"Resources":{
	"In":{"Type":"AWS::S3::Bucket"},"Out":{"Type":"AWS::S3::Bucket"},
	"Role":{"Type":"AWS::IAM::Role","Properties":{
		"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codebuild.amazonaws.com"},"Action":"sts:AssumeRole"}]},
		"Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"s3:PutObject","Resource":{"Fn::Sub":"${Out.Arn}/*"}},
			{"Effect":"Allow","Action":"s3:GetObject","Resource":{"Fn::Sub":"${In.Arn}/*"}},
			{"Effect":"Allow","Action":"s3:ListBucket","Resource":{"Fn::GetAtt":["In","Arn"]}},
			{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}}]}},
	"Project":{"Type":"AWS::CodeBuild::Project","Properties":{"Name":"kept","ServiceRole":{"Fn::GetAtt":["Role","Arn"]},
		"Environment":{"Type":"LINUX_CONTAINER","Image":"aws/codebuild/standard:7.0","ComputeType":"BUILD_GENERAL1_SMALL"},
		"Source":{"Type":"NO_SOURCE","BuildSpec":"{\"version\":\"0.2\",\"phases\":{\"build\":{\"commands\":[\"mkdir -p dist/a && cp $CODEBUILD_SRC_DIR_lib/f dist/a/f && ln -s f dist/a/l && aws sts get-caller-identity --query Account --output text > dist/who\"]}},\"artifacts\":{\"files\":[\"**/*\"],\"base-directory\":\"dist\",\"name\":\"n-$CODEBUILD_BUILD_NUMBER\"}}"},
		"SecondarySources":[{"Type":"S3","SourceIdentifier":"lib","Location":{"Fn::Sub":"${In}/lib/"}}],
		"Artifacts":{"Type":"S3","Location":{"Ref":"Out"},"OverrideArtifactName":true,"Packaging":"NONE"}}}},
	"Outputs":{"In":{"Value":{"Ref":"In"}},"Out":{"Value":{"Ref":"Out"}}}}`

// TestArtifactsOfABuild runs a build, in a container, whose input and output are objects.
func TestArtifactsOfABuild(t *testing.T) {
	t.Parallel()
	w := (&permissions{t: t}).start("Kept")
	if said := w.deploy([]byte(artifactProject), ""); said != "" {
		t.Fatal(said)
	}
	var buckets struct{ Buckets []struct{ Name string } }
	w.call("s3", "ListBuckets", map[string]any{}, &buckets)
	find := func(part string) string {
		for _, b := range buckets.Buckets {
			if strings.HasPrefix(b.Name, part) {
				return b.Name
			}
		}
		t.Fatalf("no bucket %s in %v", part, buckets)
		return ""
	}
	w.call("s3", "PutObject", map[string]any{"Bucket": find("kept-in"), "Key": "lib/f", "Body": "from afar"}, nil)
	w.call("codebuild", "StartBuild", map[string]any{"projectName": "kept"}, nil)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if b := w.builds(); b[0].BuildStatus != "IN_PROGRESS" {
			break
		}
	}
	w.wantBuilds("SUCCEEDED")
	for key, want := range map[string]string{"n-1/a/f": "from afar", "n-1/a/l": "from afar", "n-1/who": "123456789012\n"} {
		var object struct{ Body string }
		w.call("s3", "GetObject", map[string]any{"Bucket": find("kept-out"), "Key": key}, &object)
		if object.Body != want {
			t.Errorf("%s holds %q", key, object.Body)
		}
	}
}
