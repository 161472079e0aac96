package contract

// Limits that the template, the handler and the build share.
const (
	// MaxAnswer is the number of bytes that CloudFormation reads of a response (AWS CloudFormation User Guide,
	// "Custom resource response objects").
	MaxAnswer = 4096

	// MaxBuildspec is the number of characters that CodeBuild takes as inline buildspec. AWS documents no number;
	// aws/aws-cdk#14974 met this one.
	MaxBuildspec = 25_600

	// MaxArgument is the number of bytes of one NAME=VALUE: Linux ends one argument or environment string at
	// 128 KiB with its closing NUL (execve(2), MAX_ARG_STRLEN).
	MaxArgument = 128<<10 - 1

	// MaxArguments is the number of bytes of all build arguments together. Linux gives arguments and environment
	// a quarter of the stack's limit, 2 MiB by default (execve(2)); the build arguments may stand there twice, as
	// docker's arguments and in the environment of the user's commands.
	MaxArguments = 512 << 10

	// MinBuildMinutes and MaxBuildMinutes bound a build's time-out: CodeBuild starts at 5 minutes (StartBuild,
	// timeoutInMinutesOverride), and a custom resource has one hour in all.
	MinBuildMinutes = 5
	MaxBuildMinutes = 50

	// MaxReplicaBuildMinutes bounds a build's time-out where replicas must arrive within the same hour.
	MaxReplicaBuildMinutes = 25

	// MaxServiceSeconds is the longest time that CloudFormation waits for a custom resource (AWS CloudFormation
	// Template Reference, AWS::CloudFormation::CustomResource, ServiceTimeout).
	MaxServiceSeconds = 3600

	// DefaultQueryInterval is the number of seconds between two looks at replicas where the request names none.
	DefaultQueryInterval = 30
)
