package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/aws-cdk-go/awscdk/v2/cloudformationinclude"
	"github.com/aws/jsii-runtime-go"
)

// handwritten includes a template that is older than the app, with parameters, mappings, conditions and rules, and adds to
// it; another stack, published with the credentials of whoever deploys, watches it.
func handwritten(app awscdk.App, step string) {
	stack := awscdk.NewStack(app, jsii.String("Legacy"), &awscdk.StackProps{Synthesizer: awscdk.NewLegacyStackSynthesizer()})
	// The stage is in the topic's name, which cannot change: it is replaced.
	stage := either(step == "first", "test", "live")
	included := cloudformationinclude.NewCfnInclude(stack, jsii.String("Template"), &cloudformationinclude.CfnIncludeProps{
		TemplateFile: jsii.String("template.yaml"), Parameters: &map[string]any{"Stage": stage},
	})
	included.GetParameter(jsii.String("Size")).SetDefault(jsii.Number(5))
	topic, ok := included.GetResource(jsii.String("Topic")).(awssns.CfnTopic)
	if !ok {
		panic("the template has no topic")
	}
	topic.SetDisplayName(jsii.String("news"))
	owners := awscdk.NewCfnMapping(stack, jsii.String("Owners"), &awscdk.CfnMappingProps{Mapping: &map[string]*map[string]any{
		"test": {"mail": "dev@example.com"}, "live": {"mail": "ops@example.com"}}})
	kind := awscdk.NewCfnParameter(stack, jsii.String("Kind"), &awscdk.CfnParameterProps{Type: jsii.String("String"), Default: jsii.String("live")})
	awssns.NewCfnSubscription(stack, jsii.String("Owner"), &awssns.CfnSubscriptionProps{TopicArn: topic.Ref(), Protocol: jsii.String("email"),
		Endpoint: owners.FindInMap(kind.ValueAsString(), jsii.String("mail"), nil)})

	other := awscdk.NewStack(app, jsii.String("Beside"), &awscdk.StackProps{Synthesizer: awscdk.NewCliCredentialsStackSynthesizer(nil)})
	other.AddStackDependency(stack, nil)
	awscloudwatch.NewAlarm(other, jsii.String("Quiet"), &awscloudwatch.AlarmProps{Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1),
		Metric: awssns.Topic_FromTopicArn(other, jsii.String("News"), jsii.String("arn:aws:sns:us-east-1:123456789012:Legacy-test")).MetricNumberOfMessagesPublished(nil)})
	// The value has to fit the pattern.
	awsssm.NewCfnParameter(other, jsii.String("Color"), &awsssm.CfnParameterProps{Type: jsii.String("String"), AllowedPattern: jsii.String("^(red|green)$"),
		Value: either(step == "broken", "blue", "red")})
}
