package tokendocker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/regioninfo"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// TestReplicaRegions: the cache is kept out of the way of replication, CloudFormation says when the rule has to go, and
// the function may do what it does to replicas and to nothing else.
func TestReplicaRegions(t *testing.T) {
	stack := newStack(t)
	b := with(stack, "B", builderProps{ReplicaRegions: jsii.Strings("us-west-2", "eu-west-1", "us-west-2")})
	awslambda.NewDockerImageFunction(stack, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
	resources, _ := template(t, stack)

	t.Run("cache", func(t *testing.T) {
		for id, r := range ofType(resources, "AWS::ECR::Repository") {
			if !strings.HasPrefix(id, "BCache") {
				continue
			}
			if r.DeletionPolicy != "Delete" || r.Properties["EmptyOnDelete"] != true || lifecycle(t, r)["countNumber"] != 7.0 {
				t.Errorf("old caches stay: %+v", r)
			}
			if r.Properties["ImageTagMutability"] != nil {
				t.Errorf("the cache's tag cannot move: %v", r.Properties)
			}
		}
		push := single(t, mayBuild(t, resources), "ecr:PutImage")
		if len(push.resources) != 2 {
			t.Errorf("builds may push to %v, want image and cache", push.resources)
		}
		if uri := requestIn(t, resources).CacheURI; uri == "" {
			t.Error("the build does not know where the cache is")
		}
	})
	t.Run("request", func(t *testing.T) {
		r := requestIn(t, resources)
		if !slices.Equal(r.Replicas, []string{"eu-west-1", "us-west-2"}) || r.LambdaPull != "true" || r.QueryInterval != "30" {
			t.Errorf("replicas %v, pulled by Lambda %q, looked at every %q s", r.Replicas, r.LambdaPull, r.QueryInterval)
		}
	})
	t.Run("resource", func(t *testing.T) {
		id, r := only(t, resources, "Custom::TokenInjectableDockerReplication")
		one(t, text(t, r.Properties["Replication"]), `"Regions":["eu-west-1","us-west-2"],"Repository":{"Ref":"BECRRepository`)
		other, _ := built(t, builderProps{ReplicaRegions: jsii.Strings("eu-west-1")})
		if again, _ := only(t, other, "Custom::TokenInjectableDockerReplication"); again == id {
			t.Error("another set of regions is an update of the same resource: the old rule would never be deleted")
		}
	})
	t.Run("permissions", func(t *testing.T) {
		may := mayFunction(t, resources)
		one(t, strings.Join(single(t, may, "ecr:DescribeImageReplicationStatus").resources, ""), `{"Fn::GetAtt":["BECRRepository`)
		policies := single(t, may, "ecr:SetRepositoryPolicy")
		if len(policies.resources) != 2 || !strings.Contains(policies.resources[0], ":ecr:eu-west-1:") || !strings.Contains(policies.resources[1], ":ecr:us-west-2:") {
			t.Errorf("the function may set the policies of %v", policies.resources)
		}
		if rule := single(t, may, "ecr:PutReplicationConfiguration"); !slices.Equal(rule.resources, []string{`"*"`}) {
			t.Errorf("the registry's settings have no ARN, and the statement names %v", rule.resources)
		}
		role := single(t, may, "iam:CreateServiceLinkedRole")
		one(t, role.resources[0], ":role/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication")
		one(t, role.condition, `"iam:AWSServiceName":"replication.ecr.amazonaws.com"`)
		one(t, single(t, may, "ssm:GetParameter").resources[0], ":parameter/tokendocker/replication-lease")
	})
	t.Run("order", func(t *testing.T) {
		_, replication := only(t, resources, "Custom::TokenInjectableDockerReplication")
		_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
		for id, r := range ofType(resources, "AWS::IAM::Policy") {
			if r.Properties["PolicyName"] == "Replication" && (!slices.Contains(replication.DependsOn, id) || !slices.Contains(build.DependsOn, id)) {
				t.Errorf("the rule goes after its policy: %v; the build does not wait for it: %v", replication.DependsOn, build.DependsOn)
			}
		}
	})
}

// TestTimes: CloudFormation waits for the build and eight minutes more, half an hour more with replicas, at most one
// hour; the project's own time-out is the build's.
func TestTimes(t *testing.T) {
	minutes := func(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }
	for name, c := range map[string]struct {
		timeout          awscdk.Duration
		replicas         bool
		build, cloudform float64
	}{
		"default":                  {nil, false, 30, 38},
		"shortest":                 {minutes(5), false, 5, 13},
		"longest":                  {minutes(50), false, 50, 58},
		"replicas":                 {nil, true, 25, 60},
		"replicas, shortest":       {minutes(5), true, 5, 43},
		"replicas, within an hour": {minutes(22), true, 22, 60},
	} {
		t.Run(name, func(t *testing.T) {
			props := builderProps{BuildTimeout: c.timeout}
			if c.replicas {
				props.ReplicaRegions = jsii.Strings("eu-west-1")
			}
			resources, _ := built(t, props)
			_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
			_, project := only(t, resources, "AWS::CodeBuild::Project")
			r := requestIn(t, resources)
			if build.Properties["ServiceTimeout"] != fmt.Sprint(c.cloudform*60) || r.ServiceSeconds != fmt.Sprint(c.cloudform*60) {
				t.Errorf("CloudFormation waits %v s and the handler believes %s s, want %g minutes", build.Properties["ServiceTimeout"], r.ServiceSeconds, c.cloudform)
			}
			if project.Properties["TimeoutInMinutes"] != c.build || r.BuildMinutes != fmt.Sprint(c.build) {
				t.Errorf("the build has %v minutes, by the request %s, want %g", project.Properties["TimeoutInMinutes"], r.BuildMinutes, c.build)
			}
		})
	}
}

// TestReplicaProblems: regions that cannot hold the image.
func TestReplicaProblems(t *testing.T) {
	for name, c := range map[string]struct{ home, region, want string }{
		"primary region":  {"us-east-1", "us-east-1", `ReplicaRegions[0] is "us-east-1", where the stack itself is: leave it out, the image is there`},
		"cross-partition": {"us-east-1", "cn-north-1", `ReplicaRegions[0] is "cn-north-1" in partition aws-cn, and the stack is in aws: ECR replicates within a partition only`},
		"no region":       {"us-east-1", "us-east", `ReplicaRegions[0] is "us-east", which is no region that CDK knows`},
	} {
		t.Run(name, func(t *testing.T) {
			stack := stackIn(newApp(t), "S", c.home)
			with(stack, "B", builderProps{ReplicaRegions: jsii.Strings(c.region)})
			one(t, synthError(t, stack), "[S/B] "+c.want)
		})
	}
	t.Run("the stack's region is a token", func(t *testing.T) {
		if resources, _ := built(t, builderProps{ReplicaRegions: jsii.Strings("cn-north-1")}); len(ofType(resources, "Custom::TokenInjectableDockerReplication")) != 1 {
			t.Error("what cannot be compared is refused")
		}
	})
}

// commercial are regions of partition aws.
func commercial(t *testing.T, n int) []string {
	t.Helper()
	var regions []string
	for _, info := range *regioninfo.RegionInfo_Regions() {
		if name := *info.Name(); partitionOf(name) == "aws" {
			regions = append(regions, name)
		}
	}
	if len(regions) < n {
		t.Fatalf("CDK knows %d regions of partition aws, and the test wants %d", len(regions), n)
	}
	return regions[:n]
}

// TestReplicationLimits: what ECR would refuse is said at synth (Amazon ECR User Guide, "Private image replication": 10
// rules, 25 destinations, 100 filters in a rule).
func TestReplicationLimits(t *testing.T) {
	const at = "[S/TokenInjectableDockerBuilderProvider] "
	regions := commercial(t, 26)
	pair := func(i int) *[]*string { return jsii.Strings(regions[0], regions[i+1]) }

	t.Run("ten rules", func(t *testing.T) {
		stack := newStack(t)
		for i := range 10 {
			with(stack, fmt.Sprint("B", i), builderProps{ReplicaRegions: pair(i)})
		}
		if problem := trySynth(stack); problem != "" {
			t.Error(problem)
		}
	})
	t.Run("eleven rules", func(t *testing.T) {
		stack := newStack(t)
		for i := range 11 {
			with(stack, fmt.Sprint("B", i), builderProps{ReplicaRegions: pair(i)})
		}
		one(t, synthError(t, stack), at+"the builders of this stack need 11 replication rules")
	})
	t.Run("a rule for every hundred repositories", func(t *testing.T) {
		stack := newStack(t)
		for i := range 101 {
			with(stack, fmt.Sprint("Same", i), builderProps{ReplicaRegions: pair(0), CacheDisabled: jsii.Bool(true)})
		}
		for i := range 9 {
			with(stack, fmt.Sprint("B", i), builderProps{ReplicaRegions: pair(i + 1)})
		}
		one(t, synthError(t, stack), at+"the builders of this stack need 11 replication rules, one for every 100 repositories of each set of ReplicaRegions")
	})
	t.Run("26 destinations", func(t *testing.T) {
		stack := newStack(t)
		with(stack, "B", builderProps{ReplicaRegions: jsii.Strings(regions[:13]...)})
		with(stack, "C", builderProps{ReplicaRegions: jsii.Strings(regions[13:]...)})
		one(t, synthError(t, stack), at+"the builders of this stack replicate to 26 regions, and ECR takes 25 destinations")
	})
}

// TestOutputs: what each output is in the builder's own stack.
func TestOutputs(t *testing.T) {
	stack := stackIn(newApp(t), "S", "us-east-1")
	b := newBuilder(stack, "B", nil)
	for name, value := range map[string]*string{
		"Tag": b.ImageTag(), "Digest": b.ImageDigest(), "Uri": b.ImageUri(), "Name": b.RepositoryName(),
		"RepositoryUri": b.RepositoryUriFor(jsii.String("us-east-1")), "Arn": b.Repository().RepositoryArn(),
	} {
		awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
	}
	_, all := template(t, stack)
	for _, want := range []string{
		`"Tag":{"Value":{"Fn::GetAtt":["BBuild94E17964","ImageTag"]}}`,
		`"Digest":{"Value":{"Fn::GetAtt":["BBuild94E17964","ImageDigest"]}}`,
		`"Uri":{"Value":{"Fn::GetAtt":["BBuild94E17964","ImageUri"]}}`,
		`"Name":{"Value":{"Ref":"BECRRepository`,
		`"Arn":{"Value":{"Fn::GetAtt":["BECRRepository`,
		`"RepositoryUri":{"Value":{"Fn::Join":["",["111122223333.dkr.ecr.us-east-1.",{"Ref":"AWS::URLSuffix"},"/",{"Ref":"BECRRepository`,
	} {
		one(t, all, want)
	}
}

// TestDockerImageCodeWith: a function's own command, entry point and working directory.
func TestDockerImageCodeWith(t *testing.T) {
	stack := newStack(t)
	b := newBuilder(stack, "B", nil)
	awslambda.NewDockerImageFunction(stack, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCodeWith(&DockerImageCodeProps{
		Cmd: jsii.Strings("handler", "a b"), Entrypoint: jsii.Strings("/bin/tool"), WorkingDirectory: jsii.String("/srv"),
	})})
	awslambda.NewDockerImageFunction(stack, jsii.String("G"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCodeWith(nil)})
	resources, _ := template(t, stack)
	want := map[string]any{"Command": []any{"handler", "a b"}, "EntryPoint": []any{"/bin/tool"}, "WorkingDirectory": "/srv"}
	for id, r := range ofType(resources, "AWS::Lambda::Function") {
		switch {
		case strings.HasPrefix(id, "F"):
			if diff := cmp.Diff(want, r.Properties["ImageConfig"]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		case strings.HasPrefix(id, "G"):
			if r.Properties["ImageConfig"] != nil {
				t.Errorf("without properties: %v", r.Properties["ImageConfig"])
			}
		}
	}
}

// TestServiceWaits: a service that names the builder as its dependency waits for the image, as in the seeds' examples.
func TestServiceWaits(t *testing.T) {
	stack := newStack(t)
	b := newBuilder(stack, "B", nil)
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: b.ContainerImage()})
	cluster := awsecs.NewCluster(stack, jsii.String("Cluster"), &awsecs.ClusterProps{Vpc: newVpc(stack, "Vpc", awsec2.SubnetType_PUBLIC, awsec2.SubnetType_PRIVATE_WITH_EGRESS)})
	service := awsecs.NewFargateService(stack, jsii.String("Service"), &awsecs.FargateServiceProps{Cluster: cluster, TaskDefinition: task})
	service.Node().AddDependency(b)
	resources, _ := template(t, stack)
	if _, r := only(t, resources, "AWS::ECS::Service"); !slices.Contains(r.DependsOn, "BBuild94E17964") {
		t.Errorf("the service waits for %v", r.DependsOn)
	}
	granted := false
	for id, r := range ofType(resources, "AWS::IAM::Policy") {
		granted = granted || strings.HasPrefix(id, "TaskExecutionRole") && len(having(statements(t, r.Properties["PolicyDocument"]), "ecr:BatchGetImage")) == 1
	}
	if !granted {
		t.Error("the task's execution role may not pull the image")
	}
}
