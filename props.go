package tokendocker

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
)

// TokenInjectableDockerBuilderProps says what image to build. Only Path is required.
//
// Values that decide what is staged or which resources there are must be known when the app is synthesized. Deploy-time
// tokens may stand anywhere in the text of BuildArgs, InstallCommands, PreBuildCommands, CommandEnvironment, ExtraHash,
// DockerLoginSecretArn, DockerLogin and EcrPullThroughCachePrefixes.
type TokenInjectableDockerBuilderProps struct {
	// Path is the folder of the build context, as in `docker build PATH`; relative to the working directory of the
	// app. Uploaded is what docker would send: the files that .dockerignore, or the ignore file named after the
	// Dockerfile, leaves, with links, modes and empty folders as they are. A folder that is not there, or holds no
	// Dockerfile, is an error at synth.
	Path *string `field:"required"`

	// BuildArgs are the values of the Dockerfile's ARG instructions. Each value reaches `docker buildx build` byte
	// for byte, whatever it holds, and an empty value is an empty value. Names consist of letters, digits, "_", "." and
	// "-", and begin with a letter or "_". Other names, NUL bytes and invalid UTF-8 are errors: at synth where they are
	// known there, else in the answer of the deploy. Default: none.
	//
	// Build arguments are no place for secrets: they stand in the template and in the image's history. The value of a
	// secret of Secrets Manager is an error at synth, as in all text that may hold tokens: CloudFormation gives secrets
	// to no custom resource.
	BuildArgs *map[string]*string `field:"optional"`

	// File is the path of the Dockerfile inside Path, with slashes, as in `docker build --file`: several images can come
	// from one folder. A path that leads out of Path is an error at synth. Default: "Dockerfile".
	File *string `field:"optional"`

	// Exclude holds further patterns in the syntax of .dockerignore, which count after those of the ignore file. What
	// they leave out is not uploaded, so the build does not see it; an exception ("!") among them brings back only
	// what Exclude itself leaves out, since docker reads the ignore file again. Default: none.
	Exclude *[]*string `field:"optional"`

	// StageExtra names files and folders inside Path that are uploaded although the ignore rules leave them out: for
	// InstallCommands and PreBuildCommands, which run beside the context. Docker itself still ignores them. No
	// patterns. Default: none.
	StageExtra *[]*string `field:"optional"`

	// Platform is "linux/amd64" or "linux/arm64"; the build runs on a machine of that kind, without emulation.
	// What runs the image must be of the same kind. Anything else is an error at synth. Default: "linux/amd64".
	Platform *string `field:"optional"`

	// InstallCommands are shell commands (bash) that CodeBuild runs in its phase "install", in the folder of the build
	// context, before the image is built. A command that fails fails the build. Each build argument and all of
	// CommandEnvironment are in their environment, so that `curl "$API_URL/config"` needs no token in a command; a
	// token in a command is shell text like the rest of it, and gets a warning. Default: none.
	InstallCommands *[]*string `field:"optional"`

	// PreBuildCommands are as InstallCommands, for the phase "pre_build", which comes next. What they write into the
	// context is there for the Dockerfile, unless docker ignores it. Default: none.
	PreBuildCommands *[]*string `field:"optional"`

	// CommandEnvironment are environment variables of InstallCommands and PreBuildCommands, beside the build arguments
	// and before them. They reach the commands byte for byte and the Dockerfile not at all. Names are those of shell
	// variables, without those that change the shell, docker or CodeBuild itself. Default: none.
	CommandEnvironment *map[string]*string `field:"optional"`

	// DockerLoginSecretArn is the ARN, full or without the six random characters at its end, of a secret in Secrets
	// Manager with the keys "username" and "password" for Docker Hub. CodeBuild itself reads it when the build runs;
	// its values are in no template, log or image. The build may read this one secret. Text that is no such ARN is an
	// error at synth; a secret that cannot be read fails the build. Default: no login.
	//
	// For another registry, or a secret with a key of your own, give DockerLogin instead.
	DockerLoginSecretArn *string `field:"optional"`

	// DockerLogin logs in to a registry before the build. Default: no login.
	DockerLogin *DockerLogin `field:"optional"`

	// EcrPullThroughCachePrefixes are the prefixes of pull-through cache rules of this account's registry, such as
	// "docker-hub", from whose repositories the Dockerfile takes images. The build may pull from repositories below
	// each of them, and may make the ones that a first pull makes. The rules themselves are yours to create, and so is
	// the registry's policy where it has one. A prefix has no slash at its end. Default: none.
	EcrPullThroughCachePrefixes *[]*string `field:"optional"`

	// Vpc is the network that builds run in, to reach what only it reaches. The build then waits for the network's
	// routes, gateways and endpoints, and its role may make network interfaces there. Default: CodeBuild's own network,
	// which reaches the internet.
	Vpc awsec2.IVpc `field:"optional"`

	// SubnetSelection chooses the subnets of Vpc, at most 16. They need a way to ECR, S3 and CloudWatch Logs: a NAT
	// gateway or endpoints. Public subnets are an error at synth, since builds get no public address there; isolated ones
	// get a warning that names the endpoints they need. It is an error without Vpc. Default: the private subnets.
	SubnetSelection *awsec2.SubnetSelection `field:"optional"`

	// SecurityGroups are those of the builds, at most 5; the build waits for their rules. They are an error without Vpc.
	// Default: with Vpc, a new one that lets everything out and nothing in.
	SecurityGroups *[]awsec2.ISecurityGroup `field:"optional"`

	// ComputeType is the size of the machine that builds: SMALL, MEDIUM, LARGE, X_LARGE or X2_LARGE. Default: SMALL.
	ComputeType awscodebuild.ComputeType `field:"optional"`

	// BuildImage is the image that CodeBuild runs the build in. It needs bash, the AWS CLI, docker with buildx, gzip,
	// tar and base64, as CodeBuild's own images have them, and must be of the kind that Platform asks for, or it is an
	// error at synth. It counts among what identifies the image. Default: CodeBuild's newest Amazon Linux image.
	BuildImage awscodebuild.IBuildImage `field:"optional"`

	// BuildkitImage is the image of the BuildKit daemon that builds with a layer cache. Where it cannot be pulled or
	// started within 90 seconds the build goes on without the cache, and its log says so. Default: a release of
	// moby/buildkit, by digest.
	BuildkitImage *string `field:"optional"`

	// CacheDisabled builds without a layer cache: none is read and none is written. It is part of the image's
	// identity, so setting it makes one new build; unchanged inputs are not built again. To force a build, change
	// ExtraHash. Default: false.
	CacheDisabled *bool `field:"optional"`

	// BuildTimeout ends a build that takes longer: 5 to 50 whole minutes, or 25 with ReplicaRegions, since a custom
	// resource has one hour in all. The deploy then fails, and says so. Default: 30 minutes, or 25 with ReplicaRegions.
	BuildTimeout awscdk.Duration `field:"optional"`

	// BuildLogGroup is the log group of the builds; whether it outlives the stack is up to its removal policy.
	// It cannot stand beside RetainBuildLogs. Default: CodeBuild's own group, /aws/codebuild/PROJECT, which CodeBuild
	// makes with the first build and nobody deletes.
	BuildLogGroup awslogs.ILogGroup `field:"optional"`

	// RetainBuildLogs sends the logs of builds to the group /docker-builder/PROJECT, which is no resource of the stack:
	// it is made before the first build, keeps what it gets for seven days, and outlives roll-back and deletion.
	// Default: false.
	RetainBuildLogs *bool `field:"optional"`

	// ReplicaRegions are regions that hold the image too, for consumers there. ECR replicates it, and the stack goes on
	// when every replica is complete, in rare cases half an hour later; it fails with ECR's code where one fails. A region
	// that is added later gets the image too. Default: none.
	//
	// The registry's replication rules are extended by ones for this repository; rules of others stay as they are. A
	// registry takes 10 rules and 25 regions: builders with the same ReplicaRegions share a rule, and what is too much in
	// one stack is an error at synth. So are the stack's own region, one that CDK does not know, and one of another
	// partition.
	//
	// Replicas are encrypted with AES-256 and have no lifecycle rules, unless a repository creation template of yours says
	// otherwise. They stay when the stack is deleted, and go with
	// `aws ecr delete-repository --force --region REGION --repository-name NAME`.
	ReplicaRegions *[]*string `field:"optional"`

	// KmsEncryption encrypts the repository, and what CodeBuild may keep of a build, with a KMS key of the builder's own,
	// which rotates every year. Nobody who pulls or pushes needs a permission on the key. Changing it replaces the
	// repository; the old one is kept, with its images. Default: false, AES-256.
	KmsEncryption *bool `field:"optional"`

	// RemovalPolicy says what becomes of the repository, and of its key, when the stack is deleted or the builder is
	// removed. SNAPSHOT is an error at synth. Default: RETAIN_ON_UPDATE_OR_DELETE: they stay, unless the deployment that
	// makes them fails.
	RemovalPolicy awscdk.RemovalPolicy `field:"optional"`

	// EmptyOnDelete lets CloudFormation delete the repository although it holds images, where RemovalPolicy deletes it
	// at all. Default: true.
	EmptyOnDelete *bool `field:"optional"`

	// ExtraHash is text of your own that counts among what identifies the image. The same inputs give the same image
	// and no second build; another ExtraHash gives a build although nothing else has changed. Default: none.
	ExtraHash *string `field:"optional"`

	// Provider is the provider of the builder's stack. Default: the one that
	// TokenInjectableDockerBuilderProvider_GetOrCreate gives, which is the only one a stack can have. That of another
	// stack is an error at synth.
	Provider TokenInjectableDockerBuilderProvider `field:"optional"`
}

// DockerLogin is a login to a registry with a secret: a JSON object with the keys "username" and "password" in Secrets
// Manager, which CodeBuild reads when the build runs. Give either Secret or SecretArn.
type DockerLogin struct {
	// Secret is the secret. Its EncryptionKey is known from it.
	Secret awssecretsmanager.ISecret `field:"optional"`

	// SecretArn is the secret's ARN, full or without the six random characters at its end. It may be a token.
	SecretArn *string `field:"optional"`

	// EncryptionKey is the customer-managed key that encrypts the secret, where SecretArn names one that has such a
	// key. Default: that of Secret, or the account's AWS-managed key, which needs no permission.
	EncryptionKey awskms.IKey `field:"optional"`

	// Registry is the registry's host, such as "ghcr.io". Default: Docker Hub.
	Registry *string `field:"optional"`
}

// DockerImageCodeProps is what a Lambda function can set about an image.
type DockerImageCodeProps struct {
	// Cmd takes the place of the image's CMD. Default: the image's.
	Cmd *[]*string `field:"optional"`

	// Entrypoint takes the place of the image's ENTRYPOINT, as a list of the program and its arguments. Default: the
	// image's.
	Entrypoint *[]*string `field:"optional"`

	// WorkingDirectory takes the place of the image's WORKDIR. Default: the image's.
	WorkingDirectory *string `field:"optional"`
}

// TokenInjectableDockerBuilderProviderProps tunes what the builders of a stack share.
type TokenInjectableDockerBuilderProviderProps struct {
	// QueryInterval is the time between two looks at what AWS does not announce: a replica that has arrived. The end of
	// a build is an event and needs no looking. Whole seconds, 5 to 300. Default: 30 seconds.
	QueryInterval awscdk.Duration `field:"optional"`

	// EncryptionKey encrypts the history of the stack's builds, which Step Functions keeps for 90 days: the resolved
	// build arguments and CloudFormation's response URLs stand there. Who reads it then needs kms:Decrypt on the key
	// too. A symmetric key; the machine's role gets its permissions from the stack. Default: a key of AWS's own.
	EncryptionKey awskms.IKey `field:"optional"`

	// ExecutionLogGroup gets a line for each event of an execution, without inputs and outputs. Names that begin with
	// "/aws/vendedlogs/states/" save room in the account's one resource policy for logs. The machine's role may then
	// manage log deliveries of the account, since those actions have no resource. Default: no log.
	ExecutionLogGroup awslogs.ILogGroup `field:"optional"`

	// Tracing sends traces of executions to X-Ray. The machine's role may then write any trace of the account, since
	// those actions have no resource. Default: false.
	Tracing *bool `field:"optional"`
}
