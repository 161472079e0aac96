package tokendocker

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"
)

// random is text that does not become shorter by compression.
func random(size int) string {
	var text strings.Builder
	for state := uint32(1); text.Len() < size; {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		text.WriteByte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[state%64])
	}
	return text.String()
}

// hubSecret is a full ARN of a secret.
const hubSecret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-a1B2c3"

// TestProblems: whatever is wrong is one sentence at synth that says what, where and what to do.
func TestProblems(t *testing.T) {
	type props = TokenInjectableDockerBuilderProps
	text := jsii.String
	args := func(name, value string) *map[string]*string { return &map[string]*string{name: &value} }
	cases := []struct {
		name  string
		props *props
		want  []string
	}{
		{"no properties", nil, []string{"Path is missing: give the folder of the build context"}},
		{"path does not exist", &props{Path: text("testdata/nowhere")}, []string{`Path "testdata/nowhere" does not exist: give the folder that holds the Dockerfile`}},
		{"path is a file", &props{Path: text("testdata/context/Dockerfile")}, []string{`Path "testdata/context/Dockerfile" is a file`}},
		{"path is a token", &props{Path: awscdk.Aws_REGION()}, []string{"Path is a deploy-time token, but must be known at synth"}},
		{"no Dockerfile", &props{Path: text("testdata")}, []string{`Dockerfile "Dockerfile" does not exist in "testdata": add it, or name another one with File`}},
		{"another Dockerfile", &props{Path: text(smallContext), File: text("web/Dockerfile")}, []string{`Dockerfile "web/Dockerfile" does not exist`}},
		{"Dockerfile outside", &props{Path: text(smallContext), File: text("../Dockerfile")}, []string{`File "../Dockerfile" is not inside Path`}},
		{"Dockerfile like a pattern", &props{Path: text(smallContext), File: text("[a]")}, []string{`File "[a]" holds characters of patterns`}},
		{"illegal pattern", &props{Path: text(smallContext), Exclude: jsii.Strings("a", "[")}, []string{`ignore pattern "[" is not legal`}},
		{"empty exception", &props{Path: text(smallContext), Exclude: jsii.Strings("!")}, []string{`ignore pattern "!" is not legal`}},
		{"platform", &props{Path: text(smallContext), Platform: text("linux/riscv64")}, []string{`Platform is "linux/riscv64": give "linux/amd64" or "linux/arm64"`}},
		{"time-out too short", &props{Path: text(smallContext), BuildTimeout: awscdk.Duration_Minutes(jsii.Number(4))}, []string{"BuildTimeout is 4 minutes: give 5 to 50 whole minutes"}},
		{"time-out too long", &props{Path: text(smallContext), BuildTimeout: awscdk.Duration_Hours(jsii.Number(1))}, []string{"BuildTimeout is 60 minutes: give 5 to 50 whole minutes"}},
		{"time-out with seconds", &props{Path: text(smallContext), BuildTimeout: awscdk.Duration_Seconds(jsii.Number(630))}, []string{"BuildTimeout is 10.5 minutes: give 5 to 50 whole minutes"}},
		{"argument too long", &props{Path: text(smallContext), BuildArgs: args("A", strings.Repeat("x", 131_070))},
			[]string{`BuildArgs["A"] has 131072 bytes with its name, and Linux passes at most 131071 in one argument`}},
		{"variable too long", &props{Path: text(smallContext), CommandEnvironment: args("A", strings.Repeat("x", 131_070))},
			[]string{`CommandEnvironment["A"] has 131072 bytes with its name`}},
		{"pattern is nil", &props{Path: text(smallContext), Exclude: &[]*string{nil}, StageExtra: &[]*string{nil}},
			[]string{"Exclude[0] is nil: give a text", "StageExtra[0] is nil: give a text"}},
		{"argument's name", &props{Path: text(smallContext), BuildArgs: args("1 N", "x")}, []string{`BuildArgs has the name "1 N"`}},
		{"argument is nil", &props{Path: text(smallContext), BuildArgs: &map[string]*string{"A": nil}}, []string{`BuildArgs["A"] is nil: give a text, "" for an empty one`}},
		{"argument has NUL", &props{Path: text(smallContext), BuildArgs: args("A", "x\x00y")}, []string{`BuildArgs["A"] holds a NUL byte at offset 1`}},
		{"argument is not UTF-8", &props{Path: text(smallContext), BuildArgs: args("A", "x\xff")}, []string{`BuildArgs["A"] is not valid UTF-8`}},
		{"argument is a list's token", &props{Path: text(smallContext), BuildArgs: args("A", *(*awscdk.Fn_GetAzs(nil))[0])}, []string{`BuildArgs["A"] holds a token of a list`}},
		{"arguments too big", &props{Path: text(smallContext), BuildArgs: args("BIG", random(40_000))}, []string{"the build's recipe has "}},
		{"time-out with replicas", &props{Path: text(smallContext), BuildTimeout: awscdk.Duration_Minutes(jsii.Number(30)), ReplicaRegions: jsii.Strings("eu-west-1")},
			[]string{"BuildTimeout is 30 minutes: give 5 to 25 whole minutes, since replicas need the rest of the hour"}},
		{"command is nil", &props{Path: text(smallContext), InstallCommands: &[]*string{nil}}, []string{"InstallCommands[0] is nil"}},
		{"command has NUL", &props{Path: text(smallContext), PreBuildCommands: jsii.Strings("a", "b\x00")}, []string{"PreBuildCommands[1] holds a NUL byte"}},
		{"environment's name", &props{Path: text(smallContext), CommandEnvironment: args("a.b", "x")}, []string{`CommandEnvironment has the name "a.b"`}},
		{"environment changes the build", &props{Path: text(smallContext), CommandEnvironment: args("PATH", "x")}, []string{`CommandEnvironment has the name "PATH", which would change the build itself`}},
		{"two logins", &props{Path: text(smallContext), DockerLoginSecretArn: text(hubSecret), DockerLogin: &DockerLogin{SecretArn: text(hubSecret)}},
			[]string{"DockerLoginSecretArn and DockerLogin are both given"}},
		{"login without secret", &props{Path: text(smallContext), DockerLogin: &DockerLogin{}}, []string{"DockerLogin names no secret"}},
		{"login with a name", &props{Path: text(smallContext), DockerLoginSecretArn: text("hub")}, []string{`the docker login's secret is "hub": give its ARN`}},
		{"login at a URL", &props{Path: text(smallContext), DockerLogin: &DockerLogin{SecretArn: text(hubSecret), Registry: text("https://ghcr.io/")}},
			[]string{`DockerLogin.Registry is "https://ghcr.io/": give a host`}},
		{"subnets without network", &props{Path: text(smallContext), SubnetSelection: &awsec2.SubnetSelection{}}, []string{"SubnetSelection and SecurityGroups belong to a Vpc"}},
		{"two kinds of logs", &props{Path: text(smallContext), RetainBuildLogs: jsii.Bool(true), BuildLogGroup: awslogs.LogGroup_FromLogGroupName(awscdk.NewStack(nil, text("L"), nil), text("G"), text("g"))},
			[]string{"RetainBuildLogs and BuildLogGroup are both given"}},
		{"size", &props{Path: text(smallContext), ComputeType: awscodebuild.ComputeType_LAMBDA_1GB}, []string{`ComputeType is "LAMBDA_1GB", where docker cannot build: give one of LARGE, MEDIUM, SMALL, X2_LARGE, X_LARGE`}},
		{"image of another kind", &props{Path: text(smallContext), BuildImage: awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2023_STANDARD_3_0()},
			[]string{"BuildImage is of type ARM_CONTAINER, and Platform linux/amd64 needs LINUX_CONTAINER"}},
		{"BuildKit", &props{Path: text(smallContext), BuildkitImage: text("-x")}, []string{`BuildkitImage is "-x": give the name of an image`}},
		{"prefix", &props{Path: text(smallContext), EcrPullThroughCachePrefixes: jsii.Strings("docker-hub/")}, []string{`EcrPullThroughCachePrefixes[0] is "docker-hub/"`}},
		{"no prefix", &props{Path: text(smallContext), EcrPullThroughCachePrefixes: jsii.Strings("")}, []string{"EcrPullThroughCachePrefixes[0] is empty"}},
		{"region", &props{Path: text(smallContext), ReplicaRegions: jsii.Strings("eu-west-9")}, []string{`ReplicaRegions[0] is "eu-west-9", which is no region that CDK knows`}},
		{"region is a token", &props{Path: text(smallContext), ReplicaRegions: &[]*string{awscdk.Aws_REGION()}}, []string{"ReplicaRegions[0] is a deploy-time token"}},
		{"snapshot", &props{Path: text(smallContext), RemovalPolicy: awscdk.RemovalPolicy_SNAPSHOT}, []string{"RemovalPolicy is SNAPSHOT"}},
		{"several", &props{Path: text("testdata/nowhere"), Platform: text("x"), BuildArgs: args("-", "")}, []string{"Path ", "Platform ", "BuildArgs "}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			stack := newStack(t)
			b := NewTokenInjectableDockerBuilder(stack, text("B"), c.props)
			b.ContainerImage() // a builder with a problem can be used like any other
			got := synthError(t, stack)
			for _, want := range c.want {
				one(t, got, "[S/B] "+want)
			}
			if n := strings.Count(got, "[S/B]"); n != len(c.want) {
				t.Errorf("%d problems, want %d:\n%s", n, len(c.want), got)
			}
		})
	}
}

func TestProviderProblems(t *testing.T) {
	every := func(seconds float64) *TokenInjectableDockerBuilderProviderProps {
		return &TokenInjectableDockerBuilderProviderProps{QueryInterval: awscdk.Duration_Seconds(jsii.Number(seconds))}
	}
	const path = "[S/TokenInjectableDockerBuilderProvider] "
	t.Run("two intervals", func(t *testing.T) {
		stack := newStack(t)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, every(15))
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, every(15))
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, every(20))
		one(t, synthError(t, stack), path+"QueryInterval is 20 seconds here and 15 seconds elsewhere")
	})
	t.Run("interval", func(t *testing.T) {
		stack := newStack(t)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, every(1))
		one(t, synthError(t, stack), path+"QueryInterval is 1 seconds: give 5 to 300 whole seconds")
	})
	t.Run("provider of another stack", func(t *testing.T) {
		stack := newStack(t)
		other := awscdk.NewStack(stack.Node().Root().(awscdk.App), jsii.String("Other"), nil)
		NewTokenInjectableDockerBuilder(stack, jsii.String("B"), &TokenInjectableDockerBuilderProps{
			Path: jsii.String(smallContext), Provider: TokenInjectableDockerBuilderProvider_GetOrCreate(other, nil),
		})
		one(t, synthError(t, stack), "[S/B] Provider is Other/TokenInjectableDockerBuilderProvider, but the builder is in S")
	})
	t.Run("id is taken", func(t *testing.T) {
		stack := newStack(t)
		awscdk.NewNestedStack(stack, jsii.String(providerID), nil)
		defer func() {
			if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "give it another id") {
				t.Errorf("panic with %v", err)
			}
		}()
		newBuilder(stack, "B", nil)
	})
}

// TestLongPath: CloudFormation names the repository after stack and construct path, and docker does not take every name
// that ECR does.
func TestLongPath(t *testing.T) {
	builderIn := func(stack awscdk.Stack, length int) {
		NewTokenInjectableDockerBuilder(stack, jsii.String(strings.Repeat("A", length)), &TokenInjectableDockerBuilderProps{Path: jsii.String(smallContext)})
	}
	const fits = maxPath - len("S-") - len("ECRRepository01234567") - generatedSuffix
	stack := newStack(t)
	builderIn(stack, fits)
	stack.Node().Root().(awscdk.App).Synth(nil)

	stack = newStack(t)
	builderIn(stack, fits+1)
	one(t, synthError(t, stack), "the repository's name would have 256 characters")
}

// TestSecrets: CloudFormation would hand the handler a secret's reference as it stands in the template, and the image
// would hold that.
func TestSecrets(t *testing.T) {
	stack := newStack(t)
	secret := awssecretsmanager.NewSecret(stack, jsii.String("Token"), nil).SecretValue().UnsafeUnwrap()
	secure := awscdk.SecretValue_SsmSecure(jsii.String("/token"), nil).UnsafeUnwrap()
	plain := awscdk.NewCfnDynamicReference(awscdk.CfnDynamicReferenceService_SSM, jsii.String("/color")).ToString()
	NewTokenInjectableDockerBuilder(stack, jsii.String("B"), &TokenInjectableDockerBuilderProps{
		Path:               jsii.String(smallContext),
		BuildArgs:          &map[string]*string{"TOKEN": secret, "COLOR": plain, "TEXT": jsii.String("{{resolve:secretsmanager:x}}")},
		CommandEnvironment: &map[string]*string{"SECURE": jsii.String("a " + *secure)},
		PreBuildCommands:   &[]*string{jsii.String("true"), secret},
		ExtraHash:          secret,
	})
	got := synthError(t, stack)
	for _, property := range []string{`BuildArgs["TOKEN"]`, `CommandEnvironment["SECURE"]`, "PreBuildCommands[1]", "ExtraHash"} {
		one(t, got, "[S/B] "+property+" holds the value of a secret")
	}
	if n := strings.Count(got, "[S/B]"); n != 4 {
		t.Errorf("%d problems, want 4:\n%s", n, got)
	}
}
