package tokendocker

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// TestDockerLogin: the build may read exactly the secret, whichever form its ARN has, and the template holds nothing
// of what is in it.
func TestDockerLogin(t *testing.T) {
	const partial = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub"
	for name, c := range map[string]struct {
		props    func(stack awscdk.Stack) builderProps
		secrets  []string // what the build may read, as JSON
		registry string
		key      bool
	}{
		"full ARN": {func(awscdk.Stack) builderProps { return builderProps{DockerLoginSecretArn: jsii.String(hubSecret)} },
			[]string{`"` + hubSecret + `"`}, "", false},
		"ARN without the random characters": {func(awscdk.Stack) builderProps { return builderProps{DockerLoginSecretArn: jsii.String(partial)} },
			[]string{`"` + partial + `-??????"`}, "", false},
		"token": {func(stack awscdk.Stack) builderProps {
			p := awscdk.NewCfnParameter(stack, jsii.String("P"), nil)
			return builderProps{DockerLoginSecretArn: p.ValueAsString()}
		}, []string{`{"Ref":"P"}`, `{"Fn::Join":["",[{"Ref":"P"},"-??????"]]}`}, "", false},
		"another registry": {func(awscdk.Stack) builderProps {
			return builderProps{DockerLogin: &DockerLogin{SecretArn: jsii.String(hubSecret), Registry: jsii.String("ghcr.io")}}
		}, []string{`"` + hubSecret + `"`}, "ghcr.io", false},
		"customer-managed key": {func(stack awscdk.Stack) builderProps {
			return builderProps{DockerLogin: &DockerLogin{SecretArn: jsii.String(hubSecret), EncryptionKey: awskms.NewKey(stack, jsii.String("Key"), nil)}}
		}, []string{`"` + hubSecret + `"`}, "", true},
		"secret with its key": {func(stack awscdk.Stack) builderProps {
			return builderProps{DockerLogin: &DockerLogin{Secret: awssecretsmanager.NewSecret(stack, jsii.String("Secret"), &awssecretsmanager.SecretProps{
				EncryptionKey: awskms.NewKey(stack, jsii.String("Key"), nil),
			})}}
		}, []string{`{"Ref":"SecretA720EF05"}`, `{"Fn::Join":["",[{"Ref":"SecretA720EF05"},"-??????"]]}`}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			with(stack, "B", c.props(stack))
			resources, all := template(t, stack)
			may := mayBuild(t, resources)
			if got := single(t, may, "secretsmanager:GetSecretValue").resources; !slices.Equal(got, c.secrets) {
				t.Errorf("the build may read %v, want %v", got, c.secrets)
			}
			if keys := having(may, "kms:Decrypt"); c.key {
				one(t, keys[0].condition, `"kms:ViaService":{"Fn::Join":["",["secretsmanager.",{"Ref":"AWS::Region"},".",{"Ref":"AWS::URLSuffix"}]]}`)
				one(t, keys[0].resources[0], `{"Fn::GetAtt":["Key`)
			} else if len(keys) > 0 {
				t.Errorf("a secret with the account's own key needs no permission on a key: %v", keys)
			}
			login := requestIn(t, resources).Login
			if login == nil || login.Secret == "" || login.Registry != c.registry {
				t.Errorf("the build logs in with %+v, want registry %q", login, c.registry)
			}
			if strings.Contains(all, "{{resolve:") {
				t.Error("the template resolves a secret: its value would stand in the project")
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		resources, all := built(t, builderProps{})
		if requestIn(t, resources).Login != nil || strings.Contains(all, "secretsmanager") {
			t.Error("a builder without login has something of one")
		}
	})
}

// TestCommandsOfTheUser: commands and their environment reach the request byte for byte, and a token in one is told.
func TestCommandsOfTheUser(t *testing.T) {
	stack := newStack(t)
	topic := awssns.NewTopic(stack, jsii.String("Topic"), nil)
	b := with(stack, "B", builderProps{
		InstallCommands:    jsii.Strings("echo 'é' \"$HOME\"", "true"),
		PreBuildCommands:   jsii.Strings("curl -o config.json \"$API_URL\"", "echo "+*topic.TopicArn()),
		CommandEnvironment: &map[string]*string{"MODE": jsii.String("a b\n"), "EMPTY": jsii.String("")},
	})
	said := warnings(b)
	if len(said) != 1 {
		t.Fatalf("warnings %v, want one for the token", said)
	}
	one(t, said[0], "PreBuildCommands[1] holds a deploy-time value as shell text")
	one(t, said[0], `write "$NAME" in the command`)

	resources, _ := template(t, stack)
	request := requestIn(t, resources)
	check := func(name string, text contract.Text, want string) {
		t.Helper()
		if got, err := text.Bytes(); err != nil || string(got) != want {
			t.Errorf("%s arrives as %q (%v), want %q", name, got, err, want)
		}
	}
	check("InstallCommands[0]", request.Install[0], "echo 'é' \"$HOME\"")
	check("InstallCommands[1]", request.Install[1], "true")
	check("PreBuildCommands[0]", request.PreBuild[0], "curl -o config.json \"$API_URL\"")
	check("PreBuildCommands[1]", request.PreBuild[1], "echo resolved")
	check("EMPTY", request.Environment[0].Value, "")
	check("MODE", request.Environment[1].Value, "a b\n")
}

// TestPullThroughCache: a first pull imports the image and may make its repository, below the prefixes only.
func TestPullThroughCache(t *testing.T) {
	resources, _ := built(t, builderProps{EcrPullThroughCachePrefixes: &[]*string{jsii.String("docker-hub"), awscdk.Fn_Ref(jsii.String("AWS::StackName"))}})
	s := single(t, mayBuild(t, resources), "ecr:BatchImportUpstreamImage")
	want := []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"}
	if !slices.Equal(s.actions, want) {
		t.Errorf("the build may %v, want %v", s.actions, want)
	}
	if len(s.resources) != 2 || !strings.HasSuffix(s.resources[0], `":repository/docker-hub/*"]]}`) || !strings.HasSuffix(s.resources[1], `":repository/",{"Ref":"AWS::StackName"},"/*"]]}`) {
		t.Errorf("it may so on %v", s.resources)
	}
	resources, _ = built(t, builderProps{})
	if found := having(mayBuild(t, resources), "ecr:CreateRepository"); found != nil {
		t.Errorf("without prefixes: %v", found)
	}
}

// TestMachines: each platform has a native machine with CodeBuild's newest image, of the size that is asked for.
func TestMachines(t *testing.T) {
	for name, c := range map[string]struct {
		props builderProps
		want  string
	}{
		"default": {builderProps{}, `"ComputeType":"BUILD_GENERAL1_SMALL","Image":"aws/codebuild/amazonlinux-x86_64-standard:6.0","ImagePullCredentialsType":"CODEBUILD","PrivilegedMode":true,"Type":"LINUX_CONTAINER"`},
		"amd64":   {builderProps{Platform: jsii.String("linux/amd64")}, `"Type":"LINUX_CONTAINER"`},
		"arm64":   {builderProps{Platform: jsii.String("linux/arm64")}, `"Image":"aws/codebuild/amazonlinux-aarch64-standard:4.0","ImagePullCredentialsType":"CODEBUILD","PrivilegedMode":true,"Type":"ARM_CONTAINER"`},
		"medium":  {builderProps{ComputeType: awscodebuild.ComputeType_MEDIUM}, `"ComputeType":"BUILD_GENERAL1_MEDIUM"`},
		"large":   {builderProps{ComputeType: awscodebuild.ComputeType_LARGE}, `"ComputeType":"BUILD_GENERAL1_LARGE"`},
		"x large": {builderProps{ComputeType: awscodebuild.ComputeType_X_LARGE}, `"ComputeType":"BUILD_GENERAL1_XLARGE"`},
		"2x large, arm64": {builderProps{ComputeType: awscodebuild.ComputeType_X2_LARGE, Platform: jsii.String("linux/arm64")},
			`"ComputeType":"BUILD_GENERAL1_2XLARGE"`},
		"another curated image": {builderProps{BuildImage: awscodebuild.LinuxBuildImage_STANDARD_7_0()}, `"Image":"aws/codebuild/standard:7.0","ImagePullCredentialsType":"CODEBUILD"`},
	} {
		t.Run(name, func(t *testing.T) {
			resources, _ := built(t, c.props)
			_, project := only(t, resources, "AWS::CodeBuild::Project")
			one(t, text(t, project.Properties["Environment"]), c.want)
		})
	}
}

// TestOwnBuildImage: the build's role may pull it, and reads the secret that it is pulled with.
func TestOwnBuildImage(t *testing.T) {
	stack := newStack(t)
	with(stack, "Ecr", builderProps{
		BuildImage: awscodebuild.LinuxBuildImage_FromEcrRepository(awsecr.NewRepository(stack, jsii.String("Tools"), nil), jsii.String("1")),
	})
	with(stack, "Private", builderProps{
		BuildImage: awscodebuild.LinuxBuildImage_FromDockerRegistry(jsii.String("example.com/tools:1"), &awscodebuild.DockerImageOptions{
			SecretsManagerCredentials: awssecretsmanager.NewSecret(stack, jsii.String("Secret"), nil),
		}),
	})
	resources, _ := template(t, stack)
	for id, r := range ofType(resources, "AWS::CodeBuild::Project") {
		said := text(t, r.Properties["Environment"])
		one(t, said, `"ImagePullCredentialsType":"SERVICE_ROLE"`)
		if strings.HasPrefix(id, "Private") {
			one(t, said, `"RegistryCredential":{"Credential":{"Ref":"SecretA720EF05"},"CredentialProvider":"SECRETS_MANAGER"}`)
		}
	}
	for builder, action := range map[string]string{"Ecr": "ecr:BatchGetImage", "Private": "secretsmanager:GetSecretValue"} {
		granted := ""
		for id, r := range ofType(resources, "AWS::IAM::Policy") {
			if strings.HasPrefix(id, builder) && len(having(statements(t, r.Properties["PolicyDocument"]), action)) == 1 {
				granted = id
			}
		}
		for id, r := range ofType(resources, "Custom::TokenInjectableDockerBuilder") {
			if strings.HasPrefix(id, builder) && !slices.Contains(r.DependsOn, granted) {
				t.Errorf("%s does not wait for its right %q to %s", id, granted, action)
			}
		}
	}
}

// TestWhatIdentifiesAnImage: which properties give another tag, and which do not.
func TestWhatIdentifiesAnImage(t *testing.T) {
	folder := newContext(t, map[string]string{"Dockerfile": "FROM scratch", "web/Dockerfile": "FROM scratch", "a": "a", "b": "b"})
	tag := func(props builderProps) string {
		t.Helper()
		props.Path = jsii.String(folder)
		resources, _ := built(t, props)
		tag, err := contract.Tag(requestIn(t, resources))
		if err != nil {
			t.Fatal(err)
		}
		return tag
	}
	plain := tag(builderProps{})
	for name, c := range map[string]struct {
		props   builderProps
		another bool
	}{
		"BuildArgs":                   {builderProps{BuildArgs: &map[string]*string{"A": jsii.String("")}}, true},
		"File":                        {builderProps{File: jsii.String("web/Dockerfile")}, true},
		"Exclude":                     {builderProps{Exclude: jsii.Strings("a")}, true},
		"Platform":                    {builderProps{Platform: jsii.String("linux/arm64")}, true},
		"InstallCommands":             {builderProps{InstallCommands: jsii.Strings("true")}, true},
		"PreBuildCommands":            {builderProps{PreBuildCommands: jsii.Strings("true")}, true},
		"CommandEnvironment":          {builderProps{CommandEnvironment: &map[string]*string{"A": jsii.String("1")}}, true},
		"BuildImage":                  {builderProps{BuildImage: awscodebuild.LinuxBuildImage_STANDARD_7_0()}, true},
		"ReplicaRegions":              {builderProps{ReplicaRegions: jsii.Strings("eu-west-1")}, true},
		"CacheDisabled":               {builderProps{CacheDisabled: jsii.Bool(true)}, true},
		"ExtraHash":                   {builderProps{ExtraHash: jsii.String("again")}, true},
		"DockerLoginSecretArn":        {builderProps{DockerLoginSecretArn: jsii.String(hubSecret)}, false},
		"DockerLogin":                 {builderProps{DockerLogin: &DockerLogin{SecretArn: jsii.String(hubSecret), Registry: jsii.String("ghcr.io")}}, false},
		"BuildkitImage":               {builderProps{BuildkitImage: jsii.String("moby/buildkit:v0.26.0")}, false},
		"ComputeType":                 {builderProps{ComputeType: awscodebuild.ComputeType_LARGE}, false},
		"BuildTimeout":                {builderProps{BuildTimeout: awscdk.Duration_Minutes(jsii.Number(5))}, false},
		"KmsEncryption":               {builderProps{KmsEncryption: jsii.Bool(true)}, false},
		"RetainBuildLogs":             {builderProps{RetainBuildLogs: jsii.Bool(true)}, false},
		"RemovalPolicy":               {builderProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY}, false},
		"EmptyOnDelete":               {builderProps{EmptyOnDelete: jsii.Bool(false)}, false},
		"EcrPullThroughCachePrefixes": {builderProps{EcrPullThroughCachePrefixes: jsii.Strings("ghcr")}, false},
		"defaults, spelled out":       {builderProps{File: jsii.String("./Dockerfile"), Platform: jsii.String("linux/amd64"), CacheDisabled: jsii.Bool(false)}, false},
	} {
		if got := tag(c.props); (got != plain) != c.another {
			t.Errorf("%s gives another tag: %v, want %v", name, got != plain, c.another)
		}
	}
}

// TestServiceToken: custom resources name the function, ours and a user's own.
func TestServiceToken(t *testing.T) {
	stack := newStack(t)
	newBuilder(stack, "B", nil)
	awscdk.NewCustomResource(stack, jsii.String("Mine"), &awscdk.CustomResourceProps{
		ServiceToken: TokenInjectableDockerBuilderProvider_GetOrCreate(stack, nil).ServiceToken(),
	})
	resources, _ := template(t, stack)
	id, _ := only(t, resources, "AWS::Lambda::Function")
	for _, kind := range []string{"Custom::TokenInjectableDockerBuilder", "AWS::CloudFormation::CustomResource"} {
		if _, r := only(t, resources, kind); !references(r.Properties["ServiceToken"], id) {
			t.Errorf("%s has the token %v", kind, r.Properties["ServiceToken"])
		}
	}
}
