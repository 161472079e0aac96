package tokendocker

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
)

const (
	// cacheTag is the one tag that moves: BuildKit's layer cache.
	cacheTag = "cache"

	// untaggedDays is how long an image without a tag is kept: caches that were overwritten, for the most part.
	untaggedDays = 30

	// placeholder is the recipe of a build that somebody starts by hand. The builder gives each build its own.
	placeholder = `{"version":"0.2","phases":{"build":{"commands":["echo 'This project is run by its CloudFormation stack: deploy the stack instead.'","exit 1"]}}}`

	// queueMinutes is how long a build may wait for a machine. The builder gives each build what is left of its time.
	queueMinutes = 30
)

// addRepository makes the image's repository. It outlives the stack as images in use must, but not a first deploy
// that fails. EmptyOnDelete acts only where CloudFormation deletes the repository at all; the L2 construct would have
// it with RemovalPolicy_DESTROY only.
func (b *builder) addRepository() {
	b.repository = awsecr.NewRepository(b, jsii.String("ECRRepository"), &awsecr.RepositoryProps{
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION,
		ImageTagMutabilityExclusionFilters: &[]awsecr.ImageTagMutabilityExclusionFilter{
			awsecr.ImageTagMutabilityExclusionFilter_Wildcard(jsii.String(cacheTag)),
		},
		LifecycleRules: &[]*awsecr.LifecycleRule{{
			Description: jsii.String("untagged images; tagged ones are never expired"),
			TagStatus:   awsecr.TagStatus_UNTAGGED,
			MaxImageAge: awscdk.Duration_Days(jsii.Number(untaggedDays)),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	cfn := b.repository.Node().DefaultChild().(awsecr.CfnRepository)
	cfn.SetEmptyOnDelete(jsii.Bool(true))
	b.repositoryURI = cfn.AttrRepositoryUri()
}

// addSource stages the build context and returns the ARN of the object that it becomes.
func (b *builder) addSource() (objectARN string) {
	const nowhere = "*" // the template of an app that does not validate is never written
	if b.context.folder == "" {
		return nowhere
	}
	asset, err := b.context.stage(b)
	if err != nil {
		b.problems.add("%s", err)
		return nowhere
	}
	b.source = contract.Source{Bucket: *asset.S3BucketName(), Key: *asset.S3ObjectKey(), Hash: *asset.AssetHash()}
	return *asset.Bucket().ArnForObjects(asset.S3ObjectKey())
}

// addProject makes the CodeBuild project and the role of its builds. The project is an L1 resource: the L2 one adds
// permissions that no build of ours needs.
func (b *builder) addProject(sourceARN string) {
	scope := constructs.NewConstruct(b, jsii.String("CodeBuildProject"))
	name := projectName(*b.Node().Path())
	b.role = awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:      awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
		Description:    jsii.String("tokendocker: builds one image"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"Build": b.buildPolicy(name, sourceARN)},
	})
	b.project = awscodebuild.NewCfnProject(scope, jsii.String("Resource"), &awscodebuild.CfnProjectProps{
		Name:        jsii.String(name),
		Description: jsii.String("Builds the image of " + *b.Node().Path()),
		ServiceRole: b.role.RoleArn(),
		Source: &awscodebuild.CfnProject_SourceProperty{
			Type:      jsii.String("S3"),
			Location:  jsii.String(b.source.Bucket + "/" + b.source.Key),
			BuildSpec: jsii.String(placeholder),
		},
		Artifacts: &awscodebuild.CfnProject_ArtifactsProperty{Type: jsii.String("NO_ARTIFACTS")},
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type:                     jsii.String(b.platform.environment),
			Image:                    jsii.String(b.platform.image),
			ImagePullCredentialsType: jsii.String("CODEBUILD"),
			ComputeType:              jsii.String("BUILD_GENERAL1_SMALL"),
			PrivilegedMode:           jsii.Bool(true), // docker in a build (AWS CodeBuild User Guide, "Docker sample")
		},
		TimeoutInMinutes:       jsii.Number(b.minutes),
		QueuedTimeoutInMinutes: jsii.Number(queueMinutes),
	})
}

// buildPolicy is what a build may do: read its own context, push to and pull from its own repository, log.
func (b *builder) buildPolicy(project, sourceARN string) awsiam.PolicyDocument {
	stack := awscdk.Stack_Of(b)
	logs := *stack.FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("logs"),
		Resource:     jsii.String("log-group"),
		ResourceName: jsii.String(buildLogs + project),
		ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
		statement([]string{"s3:GetObject", "s3:GetObjectVersion"}, sourceARN),
		statement([]string{"ecr:GetAuthorizationToken"}, "*"),
		statement([]string{
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
			"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
		}, *b.repository.RepositoryArn()),
		statement([]string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}, logs, logs+":*"),
	}})
}
