// Command private-registry takes its base image from a registry that asks for a login. The login is a secret in Secrets
// Manager, which CodeBuild itself reads when the build runs: it is in no template, log or image.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newPrivateStack(app)
	app.Synth(nil)
}

func newPrivateStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("PrivateRegistry"), nil)

	// Where the base image is: see cdk.json.
	registry := stack.Node().GetContext(jsii.String("registry")).(string)
	base := stack.Node().GetContext(jsii.String("base")).(string)

	// A secret with the keys "username" and "password", made beforehand and not by this stack.
	login := awssecretsmanager.Secret_FromSecretNameV2(stack, jsii.String("Login"), jsii.String("registry-login"))

	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./web"),
		BuildArgs: &map[string]*string{"BASE": jsii.String(registry + "/" + base)},
		DockerLogin: &tokendocker.DockerLogin{
			Secret:   login,
			Registry: jsii.String(registry), // Docker Hub without it
		},
	})

	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: web.ContainerImage()})
}
