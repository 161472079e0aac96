// Command pull-through-cache takes a base image through a cache of ECR's own: builds never meet Docker Hub's limits, and
// pull from the region that they run in.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// prefix begins the names of all repositories that the cache makes.
const prefix = "ecr-public"

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newCachedStack(app)
	app.Synth(nil)
}

func newCachedStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("PullThroughCache"), nil)

	// A rule belongs to the account's registry and a prefix has one rule, so that most accounts have it already. This
	// upstream, which holds Docker's official images too, asks for no login; Docker Hub itself needs a CredentialArn.
	rule := awsecr.NewCfnPullThroughCacheRule(stack, jsii.String("Cache"), &awsecr.CfnPullThroughCacheRuleProps{
		EcrRepositoryPrefix: jsii.String(prefix),
		UpstreamRegistryUrl: jsii.String("public.ecr.aws"),
	})

	// The registry's host has account, region and suffix that only the deploy knows: tokens, as any build argument.
	registry := *stack.Account() + ".dkr.ecr." + *stack.Region() + "." + *stack.UrlSuffix()

	api := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("ApiImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./src"),
		File:      jsii.String("api/Dockerfile"), // below the context, so that images can share what is in src
		Platform:  jsii.String("linux/arm64"),
		BuildArgs: &map[string]*string{"NODE": jsii.String(registry + "/" + prefix + "/docker/library/node:22-slim")},

		// The build may pull below this prefix, and may import what nobody has pulled before.
		EcrPullThroughCachePrefixes: jsii.Strings(prefix),
	})
	api.Node().AddDependency(rule)

	awslambda.NewDockerImageFunction(stack, jsii.String("Api"), &awslambda.DockerImageFunctionProps{
		Code:         api.DockerImageCode(),
		Architecture: awslambda.Architecture_ARM_64(),
	})
}
