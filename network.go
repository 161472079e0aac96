package tokendocker

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Most of what a CodeBuild project takes (AWS CodeBuild API Reference, VpcConfig).
const (
	maxSubnets        = 16
	maxSecurityGroups = 5
)

// network is the network that builds run in.
type network struct {
	vpc     awsec2.IVpc
	subnets *awsec2.SelectedSubnets
	groups  []awsec2.ISecurityGroup
}

// readNetwork takes the network, and tells what of it no build could use.
func (b *builder) readNetwork(vpc awsec2.IVpc, selection *awsec2.SubnetSelection, groups *[]awsec2.ISecurityGroup) {
	if vpc == nil {
		if selection != nil || groups != nil {
			b.problems.add("SubnetSelection and SecurityGroups belong to a Vpc, and none is given: give Vpc too")
		}
		return
	}
	n := &network{vpc: vpc}
	if groups != nil {
		n.groups = *groups
	}
	if len(n.groups) > maxSecurityGroups {
		b.problems.add("SecurityGroups has %d entries, and CodeBuild takes %d", len(n.groups), maxSecurityGroups)
		return
	}
	var err error
	if n.subnets, err = selectSubnets(vpc, selection); err != nil {
		b.problems.add("SubnetSelection finds no subnets in Vpc: %v", err)
		return
	}
	if pending := n.subnets.IsPendingLookup; pending == nil || !*pending {
		b.checkSubnets(n)
	}
	b.network = n
}

// selectSubnets is IVpc.SelectSubnets, which panics where a selection finds nothing.
func selectSubnets(vpc awsec2.IVpc, selection *awsec2.SubnetSelection) (selected *awsec2.SelectedSubnets, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return vpc.SelectSubnets(selection), nil
}

// checkSubnets tells of subnets that builds cannot use, and of those that need help. CodeBuild gives a build no public
// address, so that a public subnet leads nowhere (AWS CodeBuild User Guide, "Use AWS CodeBuild with Amazon Virtual
// Private Cloud").
func (b *builder) checkSubnets(n *network) {
	public, isolated := ids(n.vpc.PublicSubnets()), ids(n.vpc.IsolatedSubnets())
	closed := 0
	for _, subnet := range *n.subnets.Subnets {
		id := *subnet.SubnetId()
		if public[id] {
			b.problems.add("SubnetSelection has the public subnet %s, where a build gets no public address and reaches nothing: select private subnets", *subnet.Node().Path())
		}
		if isolated[id] {
			closed++
		}
	}
	if count := len(*n.subnets.Subnets); count > maxSubnets {
		b.problems.add("SubnetSelection has %d subnets, and CodeBuild takes %d", count, maxSubnets)
	}
	if closed > 0 {
		awscdk.Annotations_Of(b).AddWarningV2(jsii.String("tokendocker:isolatedSubnets"), jsii.String(b.isolation()))
	}
}

// isolation is the warning about subnets without a way out. Which endpoints a build needs follows from what it calls.
func (b *builder) isolation() string {
	endpoints := []string{"s3 (gateway)", "ecr.api", "ecr.dkr", "logs"}
	if b.login != nil {
		endpoints = append(endpoints, "secretsmanager")
	}
	return "the build runs in isolated subnets: it needs VPC endpoints for " + strings.Join(endpoints, ", ") +
		", and reaches neither Docker Hub nor any other registry; take base images and BuildkitImage from ECR"
}

// ids are the ids of subnets.
func ids(subnets *[]awsec2.ISubnet) map[string]bool {
	set := map[string]bool{}
	for _, subnet := range *subnets {
		set[*subnet.SubnetId()] = true
	}
	return set
}

// securityGroups are those of the builds: the user's, or a new one.
func (b *builder) securityGroups() []awsec2.ISecurityGroup {
	if len(b.network.groups) == 0 {
		b.network.groups = []awsec2.ISecurityGroup{awsec2.NewSecurityGroup(b, jsii.String("SecurityGroup"), &awsec2.SecurityGroupProps{
			Vpc:         b.network.vpc,
			Description: jsii.String("tokendocker: builds of " + *b.Node().Path()),
		})}
	}
	return b.network.groups
}

// vpcConfig is the network as the project names it; nil without one.
func (b *builder) vpcConfig() any {
	if b.network == nil {
		return nil
	}
	var groups []*string
	for _, group := range b.securityGroups() {
		groups = append(groups, group.SecurityGroupId())
	}
	return &awscodebuild.CfnProject_VpcConfigProperty{
		VpcId: b.network.vpc.VpcId(), Subnets: b.network.subnets.SubnetIds, SecurityGroupIds: &groups,
	}
}

// statements let CodeBuild put the build's interface into the network. All but the last have no resource to name
// (AWS CodeBuild User Guide, "Allow CodeBuild access to AWS services required to create a VPC network interface").
func (n *network) statements(stack awscdk.Stack) []awsiam.PolicyStatement {
	if n == nil {
		return nil
	}
	arn := func(resource string) string {
		return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", *stack.Partition(), *stack.Region(), *stack.Account(), resource)
	}
	var subnets []string
	for _, id := range *n.subnets.SubnetIds {
		subnets = append(subnets, arn("subnet/"+*id))
	}
	return []awsiam.PolicyStatement{
		statement([]string{
			"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
			"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
		}, "*"),
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("ec2:CreateNetworkInterfacePermission"),
			Resources: jsii.Strings(arn("network-interface/*")),
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"ec2:AuthorizedService": "codebuild.amazonaws.com", "ec2:Subnet": subnets},
			},
		}),
	}
}

// waitForNetwork makes the build wait for what its interface needs and does not refer to: routes and gateways, the
// rules of its security groups, and endpoints, whoever makes them in this stack.
func (b *builder) waitForNetwork() {
	if b.network == nil {
		return
	}
	b.build.Node().AddDependency(b.network.subnets.InternetConnectivityEstablished, b.network.vpc)
	for _, group := range b.network.groups {
		b.build.Node().AddDependency(group)
	}
	stack := awscdk.Stack_Of(b)
	awscdk.Aspects_Of(stack).Add(&endpoints{stack: stack, vpc: stack.Resolve(b.network.vpc.VpcId()), wait: b.build}, nil)
}

// endpoints makes a build wait for the endpoints of its network. They are found when the app is synthesized, since
// most are made after the builder.
type endpoints struct {
	stack awscdk.Stack
	vpc   any
	wait  constructs.Construct
}

// Visit implements awscdk.IAspect.
func (e *endpoints) Visit(node constructs.IConstruct) {
	endpoint, ok := node.(awsec2.CfnVPCEndpoint)
	if ok && reflect.DeepEqual(e.stack.Resolve(endpoint.VpcId()), e.vpc) {
		e.wait.Node().AddDependency(endpoint)
	}
}
