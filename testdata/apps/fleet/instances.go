package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
)

// instances is machines behind a load balancer that come and go with the load; their image is whatever Amazon's parameter
// names when the stack deploys.
func instances(app awscdk.App, step string) {
	stack := awscdk.NewStack(app, jsii.String("Instances"), nil)
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2), NatGateways: jsii.Number(0),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{{Name: jsii.String("public"), SubnetType: awsec2.SubnetType_PUBLIC}}})
	role := awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("ec2.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("AmazonSSMManagedInstanceCore"))}})
	if step == "broken" {
		// All inline policies of a role together have 10,240 characters.
		awsiam.NewCfnRolePolicy(stack, jsii.String("Large"), &awsiam.CfnRolePolicyProps{RoleName: role.RoleName(), PolicyName: jsii.String("large"),
			PolicyDocument: map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObject",
				"Resource": "arn:aws:s3:::" + strings.Repeat("a", 10300)}}}})
	}
	data := awsec2.UserData_ForLinux(nil)
	data.AddCommands(jsii.String("dnf install -y nginx"), jsii.String("systemctl start nginx"))
	group := awsautoscaling.NewAutoScalingGroup(stack, jsii.String("Group"), &awsautoscaling.AutoScalingGroupProps{Vpc: vpc, MinCapacity: jsii.Number(1), MaxCapacity: jsii.Number(4),
		VpcSubnets: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PUBLIC}, HealthChecks: awsautoscaling.HealthChecks_WithAdditionalChecks(&awsautoscaling.AdditionalHealthChecksOptions{
			AdditionalTypes: &[]awsautoscaling.AdditionalHealthCheckType{awsautoscaling.AdditionalHealthCheckType_ELB}}),
		LaunchTemplate: awsec2.NewLaunchTemplate(stack, jsii.String("Machine"), &awsec2.LaunchTemplateProps{
			// A template's name cannot change: it is replaced.
			LaunchTemplateName: either(step == "first", "web", "web-v2"), Role: role, UserData: data, RequireImdsv2: jsii.Bool(true),
			InstanceType: awsec2.NewInstanceType(jsii.String("t3.micro")), MachineImage: awsec2.MachineImage_LatestAmazonLinux2023(nil),
			SecurityGroup: awsec2.NewSecurityGroup(stack, jsii.String("Web"), &awsec2.SecurityGroupProps{Vpc: vpc})}),
		UpdatePolicy: awsautoscaling.UpdatePolicy_RollingUpdate(nil)})
	group.ScaleOnCpuUtilization(jsii.String("Busy"), &awsautoscaling.CpuUtilizationScalingProps{TargetUtilizationPercent: jsii.Number(60)})
	group.ScaleOnSchedule(jsii.String("Night"), &awsautoscaling.BasicScheduledActionProps{Schedule: awsautoscaling.Schedule_Cron(&awsautoscaling.CronOptions{Hour: jsii.String("22"), Minute: jsii.String("0")}), MaxCapacity: jsii.Number(1)})
	balancer := awselasticloadbalancingv2.NewApplicationLoadBalancer(stack, jsii.String("Balancer"), &awselasticloadbalancingv2.ApplicationLoadBalancerProps{Vpc: vpc, InternetFacing: jsii.Bool(true)})
	listener := balancer.AddListener(jsii.String("Http"), &awselasticloadbalancingv2.BaseApplicationListenerProps{Port: jsii.Number(80)})
	listener.AddTargets(jsii.String("Machines"), &awselasticloadbalancingv2.AddApplicationTargetsProps{Port: jsii.Number(80), Targets: &[]awselasticloadbalancingv2.IApplicationLoadBalancerTarget{group}})
	listener.AddAction(jsii.String("Closed"), &awselasticloadbalancingv2.AddApplicationActionProps{Priority: jsii.Number(1),
		Conditions: &[]awselasticloadbalancingv2.ListenerCondition{awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings("/admin*"))},
		Action:     awselasticloadbalancingv2.ListenerAction_FixedResponse(jsii.Number(403), nil)})
	awsssm.NewCfnAssociation(stack, jsii.String("Patch"), &awsssm.CfnAssociationProps{Name: jsii.String("AWS-RunPatchBaseline"),
		Targets: &[]any{&awsssm.CfnAssociation_TargetProperty{Key: jsii.String("tag:aws:autoscaling:groupName"), Values: &[]*string{group.AutoScalingGroupName()}}}})
	output(stack, "Address", balancer.LoadBalancerDnsName())
	output(stack, "GroupName", group.AutoScalingGroupName())
}
