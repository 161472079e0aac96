package iam

import "strings"

func awsManaged(arn string) bool { return strings.Contains(arn, ":iam::aws:policy/") }

func awsPolicyName(arn string) string {
	_, name, _ := strings.Cut(arn, ":policy/")
	return name
}

// awsPolicies are the AWS managed policies that CDK's constructs attach to the roles of functions, tasks and builds,
// by path and name.
// Source: AWS Managed Policy Reference Guide, the page of each policy.
var awsPolicies = map[string]string{
	"AdministratorAccess": statement(`"*"`),
	"PowerUserAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles"],"Resource":"*"}]}`,
	"service-role/AWSLambdaBasicExecutionRole": statement(
		`"logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"`),
	"service-role/AWSLambdaVPCAccessExecutionRole": statement(
		`"logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","ec2:CreateNetworkInterface",` +
			`"ec2:DescribeNetworkInterfaces","ec2:DescribeSubnets","ec2:DeleteNetworkInterface",` +
			`"ec2:AssignPrivateIpAddresses","ec2:UnassignPrivateIpAddresses"`),
	"service-role/AWSLambdaBasicDurableExecutionRolePolicy": statement(
		`"logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","lambda:CheckpointDurableExecution","lambda:GetDurableExecutionState"`),
	"service-role/AWSLambdaRole": statement(`"lambda:InvokeFunction"`),
	"service-role/AWSLambdaDynamoDBExecutionRole": statement(
		`"dynamodb:DescribeStream","dynamodb:GetRecords","dynamodb:GetShardIterator","dynamodb:ListStreams","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"`),
	"service-role/AWSLambdaKinesisExecutionRole": statement(
		`"kinesis:DescribeStream","kinesis:DescribeStreamSummary","kinesis:GetRecords","kinesis:GetShardIterator","kinesis:ListShards",` +
			`"kinesis:ListStreams","kinesis:SubscribeToShard","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"`),
	"CloudWatchLambdaInsightsExecutionRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:CreateLogGroup","Resource":"*"},` +
		`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:/aws/lambda-insights:*"}]}`,
	"service-role/AWSLambdaSQSQueueExecutionRole": statement(
		`"sqs:ReceiveMessage","sqs:DeleteMessage","sqs:GetQueueAttributes","logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"`),
	"service-role/AmazonECSTaskExecutionRolePolicy": statement(
		`"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage",` +
			`"logs:CreateLogStream","logs:PutLogEvents"`),
	"service-role/AmazonAPIGatewayPushToCloudWatchLogs": statement(
		`"logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams",` +
			`"logs:PutLogEvents","logs:GetLogEvents","logs:FilterLogEvents"`),
	"AWSCloudFormationReadOnlyAccess": statement(
		`"cloudformation:Describe*","cloudformation:EstimateTemplateCost","cloudformation:Get*","cloudformation:List*",` +
			`"cloudformation:ValidateTemplate","cloudformation:Detect*"`),
	// Of its more than a thousand actions, those of services that there are here.
	"ReadOnlyAccess": statement(readRepositories + `,"ecr:BatchGet*","ecr:Describe*","ecr:Get*","ecr:List*",` +
		`"cloudformation:Describe*","cloudformation:Detect*","cloudformation:Get*","cloudformation:List*","cloudformation:ValidateTemplate",` +
		`"codebuild:BatchGet*","codebuild:List*","ec2:Describe*","iam:Get*","iam:List*","kms:Describe*","kms:Get*","kms:List*",` +
		`"lambda:Get*","lambda:List*","logs:Describe*","logs:FilterLogEvents","logs:Get*","s3:Describe*","s3:Get*","s3:List*",` +
		`"secretsmanager:Describe*","secretsmanager:GetResourcePolicy","secretsmanager:List*","ssm:Describe*","ssm:Get*","ssm:List*",` +
		`"states:Describe*","states:GetExecutionHistory","states:List*","sts:GetCallerIdentity"`),
	"AmazonEC2ContainerRegistryReadOnly": statement(readRepositories),
	"AmazonEC2ContainerRegistryPowerUser": statement(readRepositories +
		`,"ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload","ecr:PutImage"`),
	"AmazonEC2ContainerRegistryPullOnly": statement(
		`"ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage"`),
	"AmazonEC2ContainerRegistryFullAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:*","cloudtrail:LookupEvents"],"Resource":"*"},` +
		`{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"StringEquals":{"iam:AWSServiceName":"replication.ecr.amazonaws.com"}}}]}`,
	"AmazonElasticContainerRegistryPublicReadOnly": statement(
		`"ecr-public:GetAuthorizationToken","sts:GetServiceBearerToken","ecr-public:BatchCheckLayerAvailability",` +
			`"ecr-public:GetRepositoryPolicy","ecr-public:DescribeRepositories","ecr-public:DescribeRegistries","ecr-public:DescribeImages",` +
			`"ecr-public:DescribeImageTags","ecr-public:GetRepositoryCatalogData","ecr-public:GetRegistryCatalogData"`),
	"AmazonS3ReadOnlyAccess":  statement(`"s3:Get*","s3:List*","s3:Describe*"`),
	"AmazonS3FullAccess":      statement(`"s3:*","s3-object-lambda:*"`),
	"AmazonSSMReadOnlyAccess": statement(`"ssm:Describe*","ssm:Get*","ssm:List*"`),
	// Of the next three, the statements about services that there are here.
	"AmazonSSMFullAccess":     statement(`"logs:*","ssm:*","ec2messages:*","cloudwatch:PutMetricData","ec2:DescribeInstanceStatus"`),
	"AmazonEC2ReadOnlyAccess": statement(`"ec2:Describe*","ec2:Get*"`),
	"SecretsManagerReadWrite": statement(`"secretsmanager:*","cloudformation:CreateChangeSet","cloudformation:DescribeChangeSet",` +
		`"cloudformation:DescribeStackResource","cloudformation:DescribeStacks","cloudformation:ExecuteChangeSet",` +
		`"ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","kms:DescribeKey","kms:ListAliases","kms:ListKeys","lambda:ListFunctions"`),
	"CloudWatchLogsReadOnlyAccess": statement(`"logs:Describe*","logs:Get*","logs:List*","logs:StartQuery","logs:StopQuery",` +
		`"logs:TestMetricFilter","logs:FilterLogEvents","logs:StartLiveTail","logs:StopLiveTail","cloudwatch:GenerateQuery"`),
	"CloudWatchLogsFullAccess": statement(`"logs:*","cloudwatch:GenerateQuery"`),
	"AWSXRayDaemonWriteAccess": statement(
		`"xray:PutTraceSegments","xray:PutTelemetryRecords","xray:GetSamplingRules","xray:GetSamplingTargets","xray:GetSamplingStatisticSummaries"`),
}

const readRepositories = `"ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer",` +
	`"ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages","ecr:DescribeImages","ecr:BatchGetImage",` +
	`"ecr:GetLifecyclePolicy","ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource","ecr:DescribeImageScanFindings"`

func statement(actions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
}
