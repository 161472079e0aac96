package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogsdestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsresourcegroups"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssynthetics"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsxray"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawslogs"
	"github.com/aws/jsii-runtime-go"
)

// watch looks after an application: metrics out of its log, alarms with anomalies, a dashboard, a canary, traces and a
// function that reads the log along.
func watch(app awscdk.App, step string) {
	stack := awscdk.NewStack(app, jsii.String("Watch"), nil)
	topic := awssns.NewTopic(stack, jsii.String("Pager"), nil)
	topic.AddSubscription(awssnssubscriptions.NewUrlSubscription(jsii.String("https://pager.example.com/hook"), nil))
	group := awslogs.NewLogGroup(stack, jsii.String("App"), &awslogs.LogGroupProps{
		// A group's name cannot change: it is replaced, and with it what hangs on it.
		LogGroupName: either(step == "first", "/app/web", "/app/site"), Retention: awslogs.RetentionDays_ONE_MONTH, RemovalPolicy: awscdk.RemovalPolicy_DESTROY})
	errors := group.AddMetricFilter(jsii.String("Errors"), &awslogs.MetricFilterOptions{FilterPattern: awslogs.FilterPattern_AnyTerm(jsii.String("ERROR"), jsii.String("FATAL")),
		MetricNamespace: jsii.String("app"), MetricName: jsii.String("errors"), MetricValue: jsii.String("1")})
	alarm := awscloudwatch.NewAlarm(stack, jsii.String("ManyErrors"), &awscloudwatch.AlarmProps{Metric: errors.Metric(nil), Threshold: jsii.Number(5), EvaluationPeriods: jsii.Number(2),
		TreatMissingData: awscloudwatch.TreatMissingData_NOT_BREACHING})
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(topic))
	awscloudwatch.NewCfnAnomalyDetector(stack, jsii.String("Usual"), &awscloudwatch.CfnAnomalyDetectorProps{Namespace: jsii.String("app"), MetricName: jsii.String("errors"), Stat: jsii.String("Sum")})
	awslogs.NewQueryDefinition(stack, jsii.String("Slowest"), &awslogs.QueryDefinitionProps{QueryDefinitionName: jsii.String("slowest"), LogGroups: &[]interfacesawslogs.ILogGroupRef{group},
		QueryString: awslogs.NewQueryString(&awslogs.QueryStringProps{Sort: jsii.String("@duration desc"), Limit: jsii.Number(20)})})
	reader := awslambda.NewFunction(stack, jsii.String("Reader"), &awslambda.FunctionProps{Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String("exports.handler = async () => {};")), Tracing: awslambda.Tracing_ACTIVE,
		MemorySize: jsii.Number(256)})
	if resource, ok := reader.Node().DefaultChild().(awslambda.CfnFunction); ok && step == "broken" {
		// A function has 10,240 MB at most; written past the CDK, it is Lambda's to check.
		resource.AddPropertyOverride(jsii.String("MemorySize"), jsii.Number(20480))
	}
	group.AddSubscriptionFilter(jsii.String("Along"), &awslogs.SubscriptionFilterOptions{FilterPattern: awslogs.FilterPattern_AllEvents(), Destination: awslogsdestinations.NewLambdaDestination(reader, nil)})
	canary := awssynthetics.NewCanary(stack, jsii.String("Canary"), &awssynthetics.CanaryProps{CanaryName: jsii.String("home"), Schedule: awssynthetics.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(5))),
		Runtime: awssynthetics.Runtime_SYNTHETICS_NODEJS_PUPPETEER_9_1(), Test: awssynthetics.Test_Custom(&awssynthetics.CustomTestOptions{Handler: jsii.String("index.handler"), Code: awssynthetics.Code_FromInline(jsii.String("exports.handler = async () => {};"))})})
	awscloudwatch.NewDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String("app"), Widgets: &[]*[]awscloudwatch.IWidget{{
		awscloudwatch.NewAlarmWidget(&awscloudwatch.AlarmWidgetProps{Alarm: alarm}),
		awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Left: &[]awscloudwatch.IMetric{canary.MetricSuccessPercent(nil)}})}}})
	awsxray.NewCfnGroup(stack, jsii.String("Slow"), &awsxray.CfnGroupProps{GroupName: jsii.String("slow"), FilterExpression: jsii.String("responsetime > 5")})
	awsresourcegroups.NewCfnGroup(stack, jsii.String("Everything"), &awsresourcegroups.CfnGroupProps{Name: jsii.String("app")})
	awsiam.NewUser(stack, jsii.String("OnCall"), nil).AddManagedPolicy(awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("CloudWatchReadOnlyAccess")))
	output(stack, "LogGroupArn", group.LogGroupArn())
	output(stack, "CanaryId", canary.CanaryId())
}
