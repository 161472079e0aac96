package tokendocker

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// TestKmsEncryption: a key of the builder's own that rotates, and no permission on it for anybody: ECR uses grants of
// its own (Amazon ECR User Guide, "Encryption at rest").
func TestKmsEncryption(t *testing.T) {
	stack := newStack(t)
	b := with(stack, "B", builderProps{KmsEncryption: jsii.Bool(true)})
	awslambda.NewDockerImageFunction(stack, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
	TokenInjectableDockerBuilderProvider_GetOrCreate(stack, nil).RegisterProject(
		awscodebuild.Project_FromProjectName(stack, jsii.String("P"), jsii.String("mine")),
		awsecr.Repository_FromRepositoryName(stack, jsii.String("R"), jsii.String("images")),
		awskms.NewKey(stack, jsii.String("Foreign"), nil))
	resources, _ := template(t, stack)

	_, repository := only(t, resources, "AWS::ECR::Repository")
	one(t, text(t, repository.Properties["EncryptionConfiguration"]), `"EncryptionType":"KMS","KmsKey":{"Fn::GetAtt":["BEcrEncryptionKey`)
	_, project := only(t, resources, "AWS::CodeBuild::Project")
	one(t, text(t, project.Properties["EncryptionKey"]), `{"Fn::GetAtt":["BEcrEncryptionKey`)
	for id, key := range ofType(resources, "AWS::KMS::Key") {
		if !strings.HasPrefix(id, "BEcr") {
			continue
		}
		if key.Properties["EnableKeyRotation"] != true || key.DeletionPolicy != "RetainExceptOnCreate" || key.UpdateReplacePolicy != "Retain" {
			t.Errorf("the key does not rotate, or goes while images need it: %+v", key)
		}
	}
	for id, r := range resources {
		if strings.HasPrefix(r.Type, "AWS::IAM::") && strings.Contains(text(t, r.Properties), "kms:") {
			t.Errorf("%s has a permission on a key that nobody needs", id)
		}
	}
}

// TestRemoval: what becomes of the repository and its key.
func TestRemoval(t *testing.T) {
	for name, c := range map[string]struct {
		props             builderProps
		deleted, replaced string
		empty             bool
	}{
		"default":         {builderProps{}, "RetainExceptOnCreate", "Retain", true},
		"retain":          {builderProps{RemovalPolicy: awscdk.RemovalPolicy_RETAIN}, "Retain", "Retain", true},
		"destroy":         {builderProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY}, "Delete", "Delete", true},
		"not with images": {builderProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY, EmptyOnDelete: jsii.Bool(false)}, "Delete", "Delete", false},
	} {
		t.Run(name, func(t *testing.T) {
			c.props.KmsEncryption = jsii.Bool(true)
			resources, _ := built(t, c.props)
			for _, kind := range []string{"AWS::ECR::Repository", "AWS::KMS::Key"} {
				if _, r := only(t, resources, kind); r.DeletionPolicy != c.deleted || r.UpdateReplacePolicy != c.replaced {
					t.Errorf("%s: %s when deleted, %s when replaced, want %s and %s", kind, r.DeletionPolicy, r.UpdateReplacePolicy, c.deleted, c.replaced)
				}
			}
			if _, r := only(t, resources, "AWS::ECR::Repository"); r.Properties["EmptyOnDelete"] != c.empty {
				t.Errorf("EmptyOnDelete is %v, want %v", r.Properties["EmptyOnDelete"], c.empty)
			}
		})
	}
}

// lifecycle is a repository's one lifecycle rule.
func lifecycle(t *testing.T, repository resource) map[string]any {
	t.Helper()
	var policy struct {
		Rules []struct{ Selection map[string]any }
	}
	said := repository.Properties["LifecyclePolicy"].(map[string]any)["LifecyclePolicyText"].(string)
	if err := json.Unmarshal([]byte(said), &policy); err != nil || len(policy.Rules) != 1 {
		t.Fatalf("lifecycle rules %s (%v)", said, err)
	}
	return policy.Rules[0].Selection
}

// TestRepository: tagged images stay for ever, untagged ones for thirty days; images are scanned; no tag moves but the
// cache's; AES-256 is ECR's default.
func TestRepository(t *testing.T) {
	resources, _ := built(t, builderProps{})
	_, r := only(t, resources, "AWS::ECR::Repository")
	want := map[string]any{"tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 30.0, "countUnit": "days"}
	if diff := cmp.Diff(want, lifecycle(t, r)); diff != "" {
		t.Errorf("what expires (-want +got):\n%s", diff)
	}
	if text(t, r.Properties["ImageScanningConfiguration"]) != `{"ScanOnPush":true}` {
		t.Errorf("images are not scanned: %v", r.Properties["ImageScanningConfiguration"])
	}
	one(t, text(t, r.Properties["ImageTagMutabilityExclusionFilters"]), `"ImageTagMutabilityExclusionFilterValue":"cache"`)
	if r.Properties["EncryptionConfiguration"] != nil || r.Properties["RepositoryName"] != nil {
		t.Errorf("the repository has a key or a name: %v", r.Properties)
	}
}

// TestCacheDisabled: the request says so, and with replicas there is no repository for a cache.
func TestCacheDisabled(t *testing.T) {
	for name, c := range map[string]struct {
		props        builderProps
		disabled     string
		repositories int
		apart        bool // the cache has a repository of its own
	}{
		"default":               {builderProps{}, "", 1, false},
		"disabled":              {builderProps{CacheDisabled: jsii.Bool(true)}, "true", 1, false},
		"replicas":              {builderProps{ReplicaRegions: jsii.Strings("eu-west-1")}, "", 2, true},
		"replicas and disabled": {builderProps{ReplicaRegions: jsii.Strings("eu-west-1"), CacheDisabled: jsii.Bool(true)}, "true", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			resources, _ := built(t, c.props)
			request := requestIn(t, resources)
			if request.CacheDisabled != c.disabled || (request.CacheURI != "") != c.apart || len(ofType(resources, "AWS::ECR::Repository")) != c.repositories {
				t.Errorf("disabled %q, cache in %q, %d repositories", request.CacheDisabled, request.CacheURI, len(ofType(resources, "AWS::ECR::Repository")))
			}
		})
	}
}

// TestBuildLogGroup: builds log to the user's group and make none; the function reads there.
func TestBuildLogGroup(t *testing.T) {
	stack := newStack(t)
	group := awslogs.NewLogGroup(stack, jsii.String("Builds"), &awslogs.LogGroupProps{RemovalPolicy: awscdk.RemovalPolicy_RETAIN})
	with(stack, "B", builderProps{BuildLogGroup: group})
	resources, _ := template(t, stack)
	_, project := only(t, resources, "AWS::CodeBuild::Project")
	one(t, text(t, project.Properties["LogsConfig"]), `{"CloudWatchLogs":{"GroupName":{"Ref":"Builds`)
	log := single(t, mayBuild(t, resources), "logs:PutLogEvents")
	if !slices.Equal(log.actions, []string{"logs:CreateLogStream", "logs:PutLogEvents"}) || !strings.Contains(log.resources[0], `:log-group:",{"Ref":"Builds`) {
		t.Errorf("builds may %v on %v", log.actions, log.resources)
	}
	read := single(t, mayFunction(t, resources), "logs:GetLogEvents")
	one(t, strings.Join(read.resources, " "), `:log-group:",{"Ref":"Builds`)
	if r := requestIn(t, resources); r.LogGroup != "resolved" || r.RetainLogs != "" {
		t.Errorf("the handler reads %q", r.LogGroup)
	}
}

// TestRetainBuildLogs: the group is no resource of the stack; the handler may make it and let it forget after a week,
// and builds do neither.
func TestRetainBuildLogs(t *testing.T) {
	resources, _ := built(t, builderProps{RetainBuildLogs: jsii.Bool(true)})
	_, project := only(t, resources, "AWS::CodeBuild::Project")
	config := text(t, project.Properties["LogsConfig"])
	one(t, config, `"/docker-builder/td-"`)
	one(t, config, `"Status":"ENABLED"`)
	if log := single(t, mayBuild(t, resources), "logs:PutLogEvents"); slices.Contains(log.actions, "logs:CreateLogGroup") || !strings.Contains(log.resources[0], ":log-group:/docker-builder/td-") {
		t.Errorf("builds may %v on %v", log.actions, log.resources)
	}
	may := mayFunction(t, resources)
	create := single(t, may, "logs:CreateLogGroup")
	if !slices.Equal(create.actions, []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy"}) || len(create.resources) != 1 {
		t.Errorf("the function may %v on %v", create.actions, create.resources)
	}
	// CloudWatch Logs API Reference, LogGroup: policies name a group by its ARN with ":*" at the end.
	if strings.Contains(strings.Replace(create.resources[0], `":*"`, "", 1), "*") {
		t.Errorf("the function may make more than the one group: %v", create.resources)
	}
	one(t, strings.Join(single(t, may, "logs:GetLogEvents").resources, ""), ":log-stream:*")
	if id, _ := only(t, resources, "AWS::Logs::LogGroup"); !strings.HasPrefix(id, providerID) {
		t.Errorf("%s is a resource of the stack, which a roll-back deletes", id)
	}
	if requestIn(t, resources).RetainLogs != "true" {
		t.Error("the handler is not told to make the group")
	}
}

// TestDefaultLogs: CodeBuild's own group, which builds make themselves.
func TestDefaultLogs(t *testing.T) {
	resources, _ := built(t, builderProps{})
	_, project := only(t, resources, "AWS::CodeBuild::Project")
	if project.Properties["LogsConfig"] != nil {
		t.Errorf("the project has %v", project.Properties["LogsConfig"])
	}
	log := single(t, mayBuild(t, resources), "logs:CreateLogGroup")
	one(t, log.resources[0], ":log-group:/aws/codebuild/td-")
}

// TestExtraProperties counts what each property adds to a builder's resources.
func TestExtraProperties(t *testing.T) {
	count := func(props builderProps) map[string]int {
		resources, _ := built(t, props)
		kinds := map[string]int{}
		for _, r := range resources {
			kinds[r.Type]++
		}
		return kinds
	}
	plain := count(builderProps{})
	for name, c := range map[string]struct {
		props builderProps
		extra map[string]int
	}{
		"KmsEncryption":               {builderProps{KmsEncryption: jsii.Bool(true)}, map[string]int{"AWS::KMS::Key": 1}},
		"RetainBuildLogs":             {builderProps{RetainBuildLogs: jsii.Bool(true)}, nil},
		"DockerLoginSecretArn":        {builderProps{DockerLoginSecretArn: jsii.String(hubSecret)}, nil},
		"EcrPullThroughCachePrefixes": {builderProps{EcrPullThroughCachePrefixes: jsii.Strings("ghcr")}, nil},
		"commands":                    {builderProps{InstallCommands: jsii.Strings("true"), PreBuildCommands: jsii.Strings("true")}, nil},
		"CacheDisabled":               {builderProps{CacheDisabled: jsii.Bool(true)}, nil},
		"ReplicaRegions": {builderProps{ReplicaRegions: jsii.Strings("eu-west-1", "us-west-2")},
			map[string]int{"AWS::ECR::Repository": 1, "AWS::IAM::Policy": 1, "Custom::TokenInjectableDockerReplication": 1}},
	} {
		got := count(c.props)
		for kind, n := range plain {
			if got[kind] -= n; got[kind] == 0 {
				delete(got, kind)
			}
		}
		if c.extra == nil {
			c.extra = map[string]int{}
		}
		if diff := cmp.Diff(c.extra, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
