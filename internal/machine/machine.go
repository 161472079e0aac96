// Package machine is the state machine that carries a build over the hour that a custom resource has, and the list
// of permissions that it and the function need. The construct writes both into the template; the handler answers
// to the same field names. It imports only the standard library.
//
// The machine is a loop that knows nothing: it asks the handler what is next, and then builds, waits, or ends. All
// decisions, all texts and all arithmetic of time are the handler's.
package machine

import "encoding/json"

// Values of a decision's field "Next".
const (
	NextBuild = "build" // run the build of field "Build", then ask again
	NextWait  = "wait"  // wait "WaitSeconds", then ask again
	NextDone  = "done"  // CloudFormation has its answer
)

// FunctionSeconds is the time-out of the function, in seconds. One invocation waits at most ten seconds by itself;
// the rest is room for calls that are slow or throttled.
const FunctionSeconds = 120

// StepSeconds is how long the machine waits for one invocation, in seconds: longer than Lambda lets it run.
const StepSeconds = FunctionSeconds + 30

// Names of the states, as a user sees them in the console.
const (
	step   = "Ask what is next"
	choose = "Next?"
	build  = "Build the image"
	wait   = "Wait"
	done   = "Answered"
)

type object = map[string]any

// Definition returns the machine as Amazon States Language (JSONPath). functionARN names the handler and partition
// is the stack's; both may be CDK tokens, because they stand in the text as they are.
//
// Time-outs come from the handler's decisions, and so does every time of the loop: Step Functions starts a state's
// time-out anew with each attempt and gives no way to catch a time-out of the whole execution (AWS Step Functions
// Developer Guide, "Handling errors in Step Functions workflows"), so the definition has none of its own.
func Definition(functionARN, partition string) string {
	integration := func(name string) string { return "arn:" + partition + ":states:::" + name }
	text, err := json.MarshalIndent(object{
		"Comment": "tokendocker: builds an image while a stack deploys",
		"StartAt": step,
		"States": object{
			step:   stepState(integration("lambda:invoke"), functionARN),
			choose: choiceState(),
			build:  buildState(integration("codebuild:startBuild.sync")),
			wait:   object{"Type": "Wait", "SecondsPath": "$.WaitSeconds", "Next": step},
			done:   object{"Type": "Succeed"},
		},
	}, "", " ")
	if err != nil {
		panic(err) // maps of strings and numbers always marshal
	}
	return string(text)
}

// stepState invokes the handler. Whatever goes wrong with an invocation is tried again: a killed function, a
// throttled one, one whose permission has not spread yet, and one that returned an error because AWS did not let it
// finish. The tries go on for the hour that a custom resource has: an answer late is better than none, and whoever
// overtakes the request stops its execution.
func stepState(resource, functionARN string) object {
	return object{
		"Type":     "Task",
		"Resource": resource,
		"Parameters": object{
			"FunctionName": functionARN,
			"Payload": object{
				"Step.$":      "$",
				"Now.$":       "$$.State.EnteredTime",
				"Started.$":   "$$.Execution.StartTime",
				"Execution.$": "$$.Execution.Id",
			},
		},
		"OutputPath":         "$.Payload",
		"TimeoutSecondsPath": "$.StepSeconds",
		"Retry": []object{{
			"ErrorEquals":     []string{"States.ALL"},
			"IntervalSeconds": 2,
			"BackoffRate":     2,
			"MaxAttempts":     64, // 2, 4, 8, 16, 32 and then 60 seconds apart
			"MaxDelaySeconds": 60,
		}},
		"Next": choose,
	}
}

func choiceState() object {
	is := func(value, next string) object {
		return object{"Variable": "$.Next", "StringEquals": value, "Next": next}
	}
	return object{
		"Type":    "Choice",
		"Choices": []object{is(NextBuild, build), is(NextWait, wait), is(NextDone, done)},
	}
}

// buildState runs one build. Result and failure both take the place of the build's parameters, so that the recipe
// does not travel back to the handler. The cause of a failure is text whose form AWS does not promise; the handler
// looks for the build's id in it and for nothing else.
func buildState(resource string) object {
	return object{
		"Type":     "Task",
		"Resource": resource,
		"Parameters": object{
			"ProjectName.$":                    "$.Build.ProjectName",
			"BuildspecOverride.$":              "$.Build.BuildspecOverride",
			"TimeoutInMinutesOverride.$":       "$.Build.TimeoutInMinutesOverride",
			"QueuedTimeoutInMinutesOverride.$": "$.Build.QueuedTimeoutInMinutesOverride",
		},
		"TimeoutSecondsPath": "$.BuildSeconds",
		"ResultSelector":     object{"Id.$": "$.Build.Id"},
		"ResultPath":         "$.Build",
		"Catch": []object{{
			"ErrorEquals": []string{"States.ALL"},
			"ResultPath":  "$.Build",
			"Next":        step,
		}},
		"Next": step,
	}
}
