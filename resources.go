package tokendocker

import (
	"cmp"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawskms"
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

// retention is what becomes of the repository and its key.
type retention struct {
	removal awscdk.RemovalPolicy
	empty   bool
	encrypt bool
}

// readRetention takes what becomes of the repository. By default it outlives the stack, as images in use must, but not
// a first deploy that fails.
func (b *builder) readRetention(props *TokenInjectableDockerBuilderProps) {
	b.retention = retention{
		removal: cmp.Or(props.RemovalPolicy, awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE),
		empty:   props.EmptyOnDelete == nil || *props.EmptyOnDelete,
		encrypt: isTrue(props.KmsEncryption),
	}
	if b.retention.removal == awscdk.RemovalPolicy_SNAPSHOT {
		b.problems.add("RemovalPolicy is SNAPSHOT, which neither a repository nor a key has: give RETAIN, RETAIN_ON_UPDATE_OR_DELETE or DESTROY")
		b.retention.removal = awscdk.RemovalPolicy_RETAIN
	}
}

// addRepository makes the image's repository, and its key. EmptyOnDelete acts only where CloudFormation deletes the
// repository at all; the L2 construct would have it with RemovalPolicy_DESTROY only.
func (b *builder) addRepository() {
	if b.retention.encrypt {
		b.key = awskms.NewKey(b, jsii.String("EcrEncryptionKey"), &awskms.KeyProps{
			Description:       jsii.String("Encrypts the images of " + *b.Node().Path()),
			EnableKeyRotation: jsii.Bool(true),
			RemovalPolicy:     b.retention.removal,
		})
	}
	b.repository = awsecr.NewRepository(b, jsii.String("ECRRepository"), &awsecr.RepositoryProps{
		ImageScanOnPush:    jsii.Bool(true),
		ImageTagMutability: awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION,
		ImageTagMutabilityExclusionFilters: &[]awsecr.ImageTagMutabilityExclusionFilter{
			awsecr.ImageTagMutabilityExclusionFilter_Wildcard(jsii.String(cacheTag)),
		},
		EncryptionKey: b.encryptionKey(),
		LifecycleRules: &[]*awsecr.LifecycleRule{{
			Description: jsii.String("untagged images; tagged ones are never expired"),
			TagStatus:   awsecr.TagStatus_UNTAGGED,
			MaxImageAge: awscdk.Duration_Days(jsii.Number(untaggedDays)),
		}},
		RemovalPolicy: b.retention.removal,
	})
	b.repository.Node().DefaultChild().(awsecr.CfnRepository).SetEmptyOnDelete(jsii.Bool(b.retention.empty))
}

// encryptionKey is the key of the builder's repositories; nil means AES-256. A nil Key in an interface would not be nil.
func (b *builder) encryptionKey() interfacesawskms.IKeyRef {
	if b.key == nil {
		return nil
	}
	return b.key
}

// repositoryURI is the repository's host and name. Unlike the L2 construct's it is one attribute.
func (b *builder) repositoryURI() *string {
	return b.repository.Node().DefaultChild().(awsecr.CfnRepository).AttrRepositoryUri()
}

// addSource stages the build context and returns the ARN of the object that it becomes.
func (b *builder) addSource() (objectARN string) {
	const nowhere = "*" // the template of an app that does not validate is never written
	if b.context.Folder == "" {
		return nowhere
	}
	asset, err := stage(b, b.context)
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
	b.image.grant(b.role)
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
			Image:                    jsii.String(b.image.id),
			ImagePullCredentialsType: jsii.String(b.image.credentials),
			RegistryCredential:       b.image.registryCredential(),
			ComputeType:              jsii.String(b.compute),
			PrivilegedMode:           jsii.Bool(true), // docker in a build (AWS CodeBuild User Guide, "Docker sample")
		},
		LogsConfig:             b.logs.config(name),
		VpcConfig:              b.vpcConfig(),
		EncryptionKey:          b.projectKey(),
		TimeoutInMinutes:       jsii.Number(b.minutes),
		QueuedTimeoutInMinutes: jsii.Number(queueMinutes),
	})
}

// projectKey is the key of what CodeBuild keeps of a build; nil means AWS's own. It encrypts output artifacts (AWS
// CodeBuild User Guide, "Data encryption"), of which our builds have none, so the role needs no permission on it.
func (b *builder) projectKey() *string {
	if b.key == nil {
		return nil
	}
	return b.key.KeyArn()
}

// buildPolicy is what a build may do: read its own context, push to and pull from its own repositories, log, and what
// the user's properties need.
func (b *builder) buildPolicy(project, sourceARN string) awsiam.PolicyDocument {
	stack := awscdk.Stack_Of(b)
	repositories := []string{*b.repository.RepositoryArn()}
	if b.cache != nil {
		repositories = append(repositories, *b.cache.RepositoryArn())
	}
	statements := []awsiam.PolicyStatement{
		statement([]string{"s3:GetObject", "s3:GetObjectVersion"}, sourceARN),
		statement([]string{"ecr:GetAuthorizationToken"}, "*"),
		statement([]string{
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
			"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage",
		}, repositories...),
		b.logs.statement(stack, project),
	}
	statements = append(statements, b.pullThrough(stack)...)
	statements = append(statements, b.login.statements(stack)...)
	statements = append(statements, b.network.statements(stack)...)
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// pullThrough lets the build pull through the registry's cache. The first pull of an image imports it, and may have
// to make its repository (Amazon ECR User Guide, "IAM permissions required to sync an upstream registry").
func (b *builder) pullThrough(stack awscdk.Stack) []awsiam.PolicyStatement {
	if len(b.prefixes) == 0 {
		return nil
	}
	var arns []string
	for _, prefix := range b.prefixes {
		arns = append(arns, fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s/*", *stack.Partition(), *stack.Region(), *stack.Account(), prefix))
	}
	return []awsiam.PolicyStatement{statement([]string{
		"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
		"ecr:BatchImportUpstreamImage", "ecr:CreateRepository",
	}, arns...)}
}
