package door

import "strings"

// targets are the prefixes of X-Amz-Target, by service. Source: each service's API reference, "Making API requests".
func serviceOfTarget(prefix string) (string, bool) {
	switch prefix {
	case "CodeBuild_20161006":
		return "codebuild", true
	case "AmazonEC2ContainerRegistry_V20150921":
		return "ecr", true
	case "SpencerFrontendService":
		return "ecr-public", true
	case "AWSStepFunctions":
		return "states", true
	case "Logs_20140328":
		return "logs", true
	case "AmazonSSM":
		return "ssm", true
	case "secretsmanager":
		return "secretsmanager", true
	case "TrentService":
		return "kms", true
	case "CloudApiService":
		return "cloudcontrolapi", true
	case "AWSEvents":
		return "events", true
	case "AmazonEC2ContainerServiceV20141113":
		return "ecs", true
	case "AmazonSQS":
		return "sqs", true
	case "ResourceGroupsTaggingAPI_20170126":
		return "tagging", true
	}
	if strings.HasPrefix(prefix, "DynamoDB_") {
		return "dynamodb", true
	}
	return "", false
}

// ec2 is the service whose query protocol differs from that of the others.
const ec2 = "ec2"

// queryNamespace is the XML namespace of a Query service, or a REST one with XML, from its service model.
func queryNamespace(service string) string {
	switch service {
	case "cloudfront":
		return "http://cloudfront.amazonaws.com/doc/2020-05-31/"
	case "route53":
		return "https://route53.amazonaws.com/doc/2013-04-01/"
	case "sts":
		return "https://sts.amazonaws.com/doc/2011-06-15/"
	case "iam":
		return "https://iam.amazonaws.com/doc/2010-05-08/"
	case "sns":
		return "http://sns.amazonaws.com/doc/2010-03-31/"
	case ec2:
		return "http://ec2.amazonaws.com/doc/2016-11-15/"
	default:
		return "http://" + service + ".amazonaws.com/doc/2010-05-15/"
	}
}
