// Package tokendocker builds Docker images while an AWS CDK stack deploys, with build arguments that exist only then:
// the URL of an API, the ARN of a queue.
//
//	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)
//
//	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
//		Path:      jsii.String("./web"),
//		BuildArgs: &map[string]*string{"API_URL": api.Url()},
//	})
//
//	awslambda.NewDockerImageFunction(stack, jsii.String("Site"), &awslambda.DockerImageFunctionProps{
//		Code: web.DockerImageCode(),
//	})
//
// # What happens
//
// At synth the build context is staged by Docker's own ignore rules and uploaded as an asset. While the stack deploys,
// CloudFormation resolves the tokens, a custom resource hands them to a Lambda function, and a state machine has
// CodeBuild run docker buildx and push to an ECR repository of the builder's own. Consumers in the stack read the
// image's tag from the custom resource, so that they wait for the image and change with it.
//
// The tag is a hash of all inputs: the context, the resolved arguments, the platform. Same inputs, same tag: there is
// no second build, on a roll-back neither. One changed value: another tag, a build, and updated consumers.
//
// # What it costs
//
// A stack with builders has one [TokenInjectableDockerBuilderProvider], which is made with the first builder: six
// resources, among them one function and one state machine. Each builder adds four: repository, CodeBuild project, the
// build's role, custom resource. A builder with many siblings shares policies that grow with them.
//
// # Values
//
// Build arguments reach docker byte for byte: spaces, quotes, newlines, $(...), backticks, emoji, the empty string.
// No value is ever shell text. They must not be secrets, since they stand in the template and in the image's history.
// All arguments of a builder together travel compressed in a recipe of at most 25,600 characters; what does not fit is
// an error at synth where it is known there, and else the answer of the deploy.
//
// InstallCommands and PreBuildCommands run in the build before docker does, beside the context, and find the arguments
// in their environment:
//
//	PreBuildCommands: jsii.Strings(`curl --fail "$API_URL/config" > config.json`),
//
// # Speed
//
// Layers are cached in ECR, so that a build repeats only the steps that change; the cache can never fail a build. Both
// platforms have machines of their own kind, without emulation. ComputeType chooses larger ones.
//
// # Other stacks, other regions
//
// ContainerImage, DockerImageCode and the other outputs work in every stack of the account in the builder's region, and
// in the regions that ReplicaRegions adds; for those, both stacks need an Env with account and region. The consumer's
// stack reads what changes from Systems Manager parameters and is deployed after the builder's. There are no exports, so
// that nothing is refused as in use. Another account pulls from the builder's repository, as examples/cross-account
// shows.
//
// # What stays
//
// Repositories outlive the stack, with the tagged images that functions and tasks may still run; RemovalPolicy and
// EmptyOnDelete say otherwise. A first deploy that fails leaves none. Build logs stay in CloudWatch Logs; those of
// RetainBuildLogs end after seven days. Replicas stay until you delete them.
//
// # Permissions
//
// A builder is a grantable: a grant to it is a grant to its builds, whose role can otherwise read its own context, push
// to its own repository and write its own log.
//
//	bucket.GrantRead(web, nil)
//
// The page docs/security.md of the repository lists every permission with its reason.
//
// A builder is a dependency, too. A service that names the image by other means than [TokenInjectableDockerBuilder]'s
// methods waits for it so:
//
//	service.Node().AddDependency(web)
//
// # Errors
//
// A wrong property does not panic where it is given. All that is wrong is said when the app is synthesized, each with
// the construct's path and what to do. A build that fails fails the deploy, with the failing step of the Dockerfile,
// its exit code and its last lines as the reason.
//
// Pass the stack itself as scope, not a struct of yours that embeds awscdk.Stack: jsii does not know such a struct
// unless it was made with awscdk.NewStack_Override.
package tokendocker
