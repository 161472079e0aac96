package tokendocker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
)

// newVpc makes a network of one zone with subnets of these kinds.
func newVpc(stack awscdk.Stack, id string, kinds ...awsec2.SubnetType) awsec2.Vpc {
	names := map[awsec2.SubnetType]string{
		awsec2.SubnetType_PUBLIC: "Public", awsec2.SubnetType_PRIVATE_WITH_EGRESS: "Private", awsec2.SubnetType_PRIVATE_ISOLATED: "Isolated",
	}
	var subnets []*awsec2.SubnetConfiguration
	for _, kind := range kinds {
		subnets = append(subnets, &awsec2.SubnetConfiguration{Name: jsii.String(names[kind]), SubnetType: kind})
	}
	return awsec2.NewVpc(stack, jsii.String(id), &awsec2.VpcProps{
		AvailabilityZones: jsii.Strings("a"), SubnetConfiguration: &subnets,
	})
}

// TestNetwork: a builder in a VPC of its own stack, as in the seeds' advanced example.
func TestNetwork(t *testing.T) {
	stack := newStack(t)
	vpc := newVpc(stack, "Vpc", awsec2.SubnetType_PUBLIC, awsec2.SubnetType_PRIVATE_WITH_EGRESS)
	group := awsec2.NewSecurityGroup(stack, jsii.String("Group"), &awsec2.SecurityGroupProps{Vpc: vpc, AllowAllOutbound: jsii.Bool(false)})
	peer := awsec2.NewSecurityGroup(stack, jsii.String("Peer"), &awsec2.SecurityGroupProps{Vpc: vpc})
	with(stack, "B", builderProps{
		Vpc:             vpc,
		SubnetSelection: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},
		SecurityGroups:  &[]awsec2.ISecurityGroup{group},
	})
	group.Connections().AllowTo(peer, awsec2.Port_Tcp(jsii.Number(443)), nil) // after the builder
	awsec2.NewInterfaceVpcEndpoint(stack, jsii.String("Endpoint"), &awsec2.InterfaceVpcEndpointProps{
		Vpc: vpc, Service: awsec2.InterfaceVpcEndpointAwsService_ECR(),
	})
	elsewhere := newVpc(stack, "Other", awsec2.SubnetType_PRIVATE_ISOLATED)
	awsec2.NewGatewayVpcEndpoint(stack, jsii.String("Foreign"), &awsec2.GatewayVpcEndpointProps{
		Vpc: elsewhere, Service: awsec2.GatewayVpcEndpointAwsService_S3(),
	})
	resources, _ := template(t, stack)

	t.Run("project", func(t *testing.T) {
		_, project := only(t, resources, "AWS::CodeBuild::Project")
		config := text(t, project.Properties["VpcConfig"])
		one(t, config, `"VpcId":{"Ref":"Vpc`)
		one(t, config, `{"Ref":"VpcPrivateSubnet1Subnet`)
		one(t, config, `{"Fn::GetAtt":["Group`)
		if strings.Contains(config, "Public") {
			t.Errorf("the build is in a public subnet: %s", config)
		}
	})
	t.Run("order", func(t *testing.T) {
		_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
		for _, kind := range []string{"AWS::EC2::NatGateway", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::SecurityGroupEgress"} {
			if id, _ := only(t, resources, kind); !slices.Contains(build.DependsOn, id) {
				t.Errorf("the build does not wait for %s: %v", id, build.DependsOn)
			}
		}
		for id := range ofType(resources, "AWS::EC2::Route") {
			if !slices.Contains(build.DependsOn, id) {
				t.Errorf("the build does not wait for the route %s", id)
			}
		}
		for id := range ofType(resources, "AWS::EC2::VPCEndpoint") {
			if mine := strings.HasPrefix(id, "Endpoint"); mine != slices.Contains(build.DependsOn, id) {
				t.Errorf("the build waits for %s: %v", id, !mine)
			}
		}
	})
	t.Run("permissions", func(t *testing.T) {
		may := mayBuild(t, resources)
		interfaces := single(t, may, "ec2:CreateNetworkInterface")
		if len(interfaces.actions) != 7 || !slices.Equal(interfaces.resources, []string{`"*"`}) {
			t.Errorf("CodeBuild needs seven actions that have no resource: %+v", interfaces)
		}
		permission := single(t, may, "ec2:CreateNetworkInterfacePermission")
		one(t, permission.resources[0], ":network-interface/*")
		one(t, permission.condition, `"ec2:AuthorizedService":"codebuild.amazonaws.com"`)
		one(t, permission.condition, `:subnet/",{"Ref":"VpcPrivateSubnet1Subnet`)
	})
}

// TestNetworkDefaults: a VPC alone is enough.
func TestNetworkDefaults(t *testing.T) {
	t.Run("own security group", func(t *testing.T) {
		stack := newStack(t)
		with(stack, "B", builderProps{Vpc: newVpc(stack, "Vpc", awsec2.SubnetType_PUBLIC, awsec2.SubnetType_PRIVATE_WITH_EGRESS)})
		resources, _ := template(t, stack)
		id, group := only(t, resources, "AWS::EC2::SecurityGroup")
		if !strings.HasPrefix(id, "BSecurityGroup") || !strings.Contains(text(t, group.Properties), `"IpProtocol":"-1"`) {
			t.Errorf("the group is %s and does not let everything out: %v", id, group.Properties)
		}
		_, project := only(t, resources, "AWS::CodeBuild::Project")
		if config := text(t, project.Properties["VpcConfig"]); !strings.Contains(config, "PrivateSubnet") || strings.Contains(config, "PublicSubnet") {
			t.Errorf("not the private subnets: %s", config)
		}
	})
	t.Run("network of another stack", func(t *testing.T) {
		stack := newStack(t)
		with(stack, "B", builderProps{Vpc: awsec2.Vpc_FromVpcAttributes(stack, jsii.String("Vpc"), &awsec2.VpcAttributes{
			VpcId: jsii.String("vpc-1"), AvailabilityZones: jsii.Strings("a"), PrivateSubnetIds: jsii.Strings("subnet-1"),
		})})
		resources, _ := template(t, stack)
		_, project := only(t, resources, "AWS::CodeBuild::Project")
		one(t, text(t, project.Properties["VpcConfig"]), `"Subnets":["subnet-1"]`)
	})
	t.Run("no network", func(t *testing.T) {
		resources, text := built(t, builderProps{})
		if _, project := only(t, resources, "AWS::CodeBuild::Project"); project.Properties["VpcConfig"] != nil || strings.Contains(text, "ec2:") {
			t.Error("a builder without Vpc has something of one")
		}
	})
}

// TestIsolatedSubnets: the warning names the endpoints that a build calls.
func TestIsolatedSubnets(t *testing.T) {
	for name, c := range map[string]struct {
		props builderProps
		want  string
	}{
		"plain": {builderProps{}, "it needs VPC endpoints for s3 (gateway), ecr.api, ecr.dkr, logs, and reaches neither Docker Hub"},
		"login": {builderProps{DockerLoginSecretArn: jsii.String(hubSecret)}, "ecr.dkr, logs, secretsmanager, and reaches"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			c.props.Vpc = newVpc(stack, "Vpc", awsec2.SubnetType_PRIVATE_ISOLATED)
			if said := warnings(with(stack, "B", c.props)); len(said) != 1 || !strings.Contains(said[0], c.want) {
				t.Errorf("warnings %v, want one with %q", said, c.want)
			}
		})
	}
}

// TestNetworkProblems: what no build could use is an error at synth.
func TestNetworkProblems(t *testing.T) {
	for name, c := range map[string]struct {
		kinds []awsec2.SubnetType
		props func(stack awscdk.Stack, vpc awsec2.Vpc) builderProps
		want  string
	}{
		"public subnets": {[]awsec2.SubnetType{awsec2.SubnetType_PUBLIC, awsec2.SubnetType_PRIVATE_WITH_EGRESS}, func(awscdk.Stack, awsec2.Vpc) builderProps {
			return builderProps{SubnetSelection: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PUBLIC}}
		}, "[S/B] SubnetSelection has the public subnet S/Vpc/PublicSubnet1, where a build gets no public address and reaches nothing: select private subnets"},
		"nothing but public subnets": {[]awsec2.SubnetType{awsec2.SubnetType_PUBLIC}, func(awscdk.Stack, awsec2.Vpc) builderProps {
			return builderProps{}
		}, "[S/B] SubnetSelection has the public subnet S/Vpc/PublicSubnet1"},
		"no such subnets": {[]awsec2.SubnetType{awsec2.SubnetType_PRIVATE_ISOLATED}, func(awscdk.Stack, awsec2.Vpc) builderProps {
			return builderProps{SubnetSelection: &awsec2.SubnetSelection{SubnetGroupName: jsii.String("mine")}}
		}, "[S/B] SubnetSelection finds no subnets in Vpc: "},
		"many groups": {[]awsec2.SubnetType{awsec2.SubnetType_PRIVATE_ISOLATED}, func(stack awscdk.Stack, vpc awsec2.Vpc) builderProps {
			var groups []awsec2.ISecurityGroup
			for i := range 6 {
				groups = append(groups, awsec2.NewSecurityGroup(stack, jsii.String(fmt.Sprint("G", i)), &awsec2.SecurityGroupProps{Vpc: vpc}))
			}
			return builderProps{SecurityGroups: &groups}
		}, "[S/B] SecurityGroups has 6 entries, and CodeBuild takes 5"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := newStack(t)
			vpc := newVpc(stack, "Vpc", c.kinds...)
			props := c.props(stack, vpc)
			props.Vpc = vpc
			with(stack, "B", props)
			one(t, synthError(t, stack), c.want)
		})
	}
}
