package tokendocker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// everything makes stacks in which every property is in use: properties that exclude each other in two builders, and
// the image at home, in another stack and in another region.
func everything(app awscdk.App, region, replica string) awscdk.Stack {
	home := stackIn(app, "Home", region)
	partition := partitionOf(region)
	vpc := newVpc(home, "Vpc", awsec2.SubnetType_PUBLIC, awsec2.SubnetType_PRIVATE_WITH_EGRESS)
	key := awskms.NewKey(home, jsii.String("Key"), nil)
	provider := TokenInjectableDockerBuilderProvider_GetOrCreate(home, &TokenInjectableDockerBuilderProviderProps{
		QueryInterval:     awscdk.Duration_Seconds(jsii.Number(15)),
		EncryptionKey:     key,
		ExecutionLogGroup: awslogs.NewLogGroup(home, jsii.String("Executions"), nil),
		Tracing:           jsii.Bool(true),
	})
	secret := "arn:" + partition + ":secretsmanager:" + region + ":111122223333:secret:hub"
	first := with(home, "First", builderProps{
		BuildArgs:            &map[string]*string{"URL": vpc.VpcId(), "TEXT": jsii.String("é $x\n")},
		File:                 jsii.String("Dockerfile"),
		Exclude:              jsii.Strings("*.log"),
		Platform:             jsii.String("linux/arm64"),
		InstallCommands:      jsii.Strings("true"),
		PreBuildCommands:     jsii.Strings(`curl "$URL"`),
		CommandEnvironment:   &map[string]*string{"MODE": jsii.String("a")},
		DockerLoginSecretArn: jsii.String(secret),
		Vpc:                  vpc,
		SubnetSelection:      &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		SecurityGroups: &[]awsec2.ISecurityGroup{
			awsec2.NewSecurityGroup(home, jsii.String("Group"), &awsec2.SecurityGroupProps{Vpc: vpc}),
		},
		EcrPullThroughCachePrefixes: jsii.Strings("docker-hub", "ghcr"),
		ComputeType:                 awscodebuild.ComputeType_LARGE,
		BuildkitImage:               jsii.String("moby/buildkit:v0.26.0"),
		BuildTimeout:                awscdk.Duration_Minutes(jsii.Number(20)),
		RetainBuildLogs:             jsii.Bool(true),
		ReplicaRegions:              jsii.Strings(replica),
		KmsEncryption:               jsii.Bool(true),
		RemovalPolicy:               awscdk.RemovalPolicy_DESTROY,
		EmptyOnDelete:               jsii.Bool(false),
		ExtraHash:                   jsii.String("1"),
		Provider:                    provider,
	})
	second := with(home, "Second", builderProps{
		BuildLogGroup: awslogs.NewLogGroup(home, jsii.String("Builds"), nil),
		BuildImage:    awscodebuild.LinuxBuildImage_STANDARD_7_0(),
		CacheDisabled: jsii.Bool(true),
		KmsEncryption: jsii.Bool(true),
		Vpc:           vpc,
		DockerLogin: &DockerLogin{
			SecretArn: jsii.String(secret), Registry: jsii.String("ghcr.io"), EncryptionKey: key,
		},
	})
	use(stackIn(app, "Near", region), first)
	use(stackIn(app, "Far", replica), first)
	use(home, second)
	return home
}

// TestEveryPartition: with every property in use, ARNs and host names come from the stack's partition. What is called
// amazonaws.com everywhere are principals and the names of services in conditions.
func TestEveryPartition(t *testing.T) {
	service := regexp.MustCompile(`"(Service|iam:AWSServiceName|ec2:AuthorizedService)": ?"[a-z.-]+\.amazonaws\.com"`)
	suffix := regexp.MustCompile(`amazonaws\.com|\.(api|on)\.aws|amazonwebservices`)
	role := "aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication" // a role's name, the same everywhere
	for region, replica := range map[string]string{"cn-north-1": "cn-northwest-1", "us-gov-west-1": "us-gov-east-1"} {
		t.Run(region, func(t *testing.T) {
			app := newApp(t)
			everything(app, region, replica)
			templates, _ := assembled(t, app)
			if len(templates) != 3 {
				t.Fatalf("%d stacks, want three", len(templates))
			}
			for name, text := range templates {
				if strings.Contains(text, "arn:aws:") {
					t.Errorf("%s names partition aws", name)
				}
				rest := strings.ReplaceAll(service.ReplaceAllString(text, ""), role, "")
				for _, at := range suffix.FindAllStringIndex(rest, -1) {
					t.Errorf("%s: a host's suffix stands outside of service names: %q", name, rest[max(0, at[0]-80):at[1]])
				}
				for i, r := range text {
					if r >= 0x80 {
						t.Fatalf("%s is not ASCII: %q", name, text[max(0, i-40):i+1])
					}
				}
			}
		})
	}
}

// TestFits: builders with the properties that need most of a role's policies, as many as there is room for, make a
// template that IAM takes with the longest names; more of them are one sentence at synth.
func TestFits(t *testing.T) {
	regions := commercial(t, 24)
	for name, c := range map[string]struct {
		props     builderProps
		fit, more int // builders
	}{
		"retained logs":              {builderProps{RetainBuildLogs: jsii.Bool(true)}, 110, 120},
		"two replicas":               {builderProps{ReplicaRegions: jsii.Strings(regions[:2]...)}, 50, 60},
		"retained logs and replicas": {builderProps{RetainBuildLogs: jsii.Bool(true), ReplicaRegions: jsii.Strings(regions[:2]...)}, 40, 50},
		"24 replicas":                {builderProps{ReplicaRegions: jsii.Strings(regions...)}, 7, 10},
	} {
		t.Run(name, func(t *testing.T) {
			builders := func(n int) awscdk.Stack {
				stack := newStack(t)
				for i := range n {
					with(stack, fmt.Sprint("Image", i), c.props)
				}
				return stack
			}
			resources, _ := template(t, builders(c.fit))
			checkSizes(t, resources)
			one(t, synthError(t, builders(c.more)), "managed policies on one role and IAM takes 10, one of which is left to you: move some builders to another stack")
		})
	}
}

// TestInlinePoliciesFit: what the function may do for all builders, for replicas and for consumers in other regions is
// in inline policies of one role, which together have a limit.
func TestInlinePoliciesFit(t *testing.T) {
	regions := commercial(t, 25)
	refused := 0
	for _, count := range []int{1, 4, 8, 16, 24} {
		app := newApp(t)
		home := awscdk.NewStack(app, jsii.String("Home"), &awscdk.StackProps{
			StackName: jsii.String(strings.Repeat("n", 128)),
			Env:       &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String(regions[24])},
		})
		for i := range 30 { // fills the inline share of builders
			with(home, fmt.Sprint("Image", i), builderProps{})
		}
		b := with(home, "B", builderProps{ReplicaRegions: jsii.Strings(regions[:24]...)})
		for _, region := range regions[:count] {
			use(stackIn(app, "In-"+region, region), b)
		}
		if problem := trySynth(home); problem != "" {
			refused++
			one(t, problem, "replicas and consumers in other regions need ")
			continue
		}
		if refused > 0 {
			t.Errorf("consumers in %d regions fit and in fewer they do not", count)
		}
		data, err := os.ReadFile(filepath.Join(*app.AssetOutdir(), "Home.template.json"))
		if err != nil {
			t.Fatal(err)
		}
		checkSizes(t, resourcesOf(t, string(data)))
	}
	if refused == 0 {
		t.Error("no number of regions is refused: the test does not reach the limit")
	}
}
