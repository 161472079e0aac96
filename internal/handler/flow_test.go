package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// flow is one request from CloudFormation's event to the answer.
type flow struct {
	name   string
	source string // AWS's word for what the case is about; empty where the rule is our own
	kind   string // Create when empty
	given  func(w *world)
	status contract.Status
	reason []string      // what the reason says, in this order
	within time.Duration // of Step Functions' time; zero means at once, without an execution
	check  func(t *testing.T, w *world)
}

// builds gives every build the same end: the image is pushed, or it is not.
func pushes(w *world, m *handler.Manifest) {
	w.onBuild = func(n int) outcome {
		w.image = m
		return outcome{took: time.Minute, id: buildN(n)}
	}
}

// ends gives every build an end without an image.
func ends(w *world, b handler.Build) {
	w.onBuild = func(n int) outcome {
		b.ID = buildN(n)
		w.builds = append([]handler.Build{b}, w.builds...)
		return outcome{took: 20 * time.Second, error: "States.TaskFailed", cause: `{"Build":{"Id":"` + b.ID + `","X":"`}
	}
}

func phases(failed, status, code, message string) []handler.Phase {
	return []handler.Phase{{Type: "SUBMITTED", Status: "SUCCEEDED"}, {Type: failed, Status: status, Code: code, Message: message}}
}

const rateExceeded = "Rate exceeded (Service: AWSCodeBuild; Status Code: 400; Error Code: ThrottlingException)"

// throttles refuses the first n calls of each operation but StartExecution, which Lambda's own tries are for.
func throttles(n int) func(call string) error {
	count := map[string]int{}
	return func(call string) error {
		if count[call]++; count[call] > n || call == "PUT" || call == "StartExecution" {
			return nil
		}
		return &fault.Error{Op: "look", Kind: fault.Throttled, Err: errors.New("ThrottlingException: Rate exceeded")}
	}
}

const otherName = "5a4b3c2d1e0f5a4b-" // prefix of another builder

var flows = []flow{
	{
		name: "secret of the docker login missing",
		given: func(w *world) {
			w.login = &contract.Login{Secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub"}
			ends(w, handler.Build{Status: "FAILED", Phases: phases("DOWNLOAD_SOURCE", "FAILED", "Secrets Manager Error Message",
				"ResourceNotFoundException: Secrets Manager can't find the specified secret.")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"CodeBuild could not read the secret of the docker login, arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub", "can't find", `"username" and "password"`},
	},
	{
		name: "no right to the secret",
		given: func(w *world) {
			w.login = &contract.Login{Secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub"}
			ends(w, handler.Build{Status: "FAILED", Phases: phases("DOWNLOAD_SOURCE", "FAILED", "Secrets Manager Error Message",
				"AccessDeniedException: User: x is not authorized to perform: secretsmanager:GetSecretValue on resource: hub")})
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"CodeBuild could not read the secret", "secretsmanager:GetSecretValue on resource: hub"},
	},
	{
		name: "network that is gone",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Phases: phases("PROVISIONING", "CLIENT_ERROR", "VPC_CLIENT_ERROR", "subnet-1 does not exist")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"CodeBuild could not join the VPC in phase PROVISIONING", "subnet-1 does not exist"},
	},
	{
		name:   "right to join the network missing",
		source: "CodeBuild's answer to a role without ec2:CreateNetworkInterfacePermission, aws/aws-cdk#12705",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Role: "arn:aws:iam::111122223333:role/shop-Build",
				Phases: phases("PROVISIONING", "FAILED", "VPC_CLIENT_ERROR", "Unexpected EC2 error: UnauthorizedOperation")})
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"A permission is missing", "arn:aws:iam::111122223333:role/shop-Build", "in phase PROVISIONING (VPC_CLIENT_ERROR: Unexpected EC2 error: UnauthorizedOperation)"},
		check: func(t *testing.T, w *world) {
			if waited := w.now.Sub(w.began); waited < 3*time.Minute {
				t.Errorf("gave up after %v", waited)
			}
		},
	},
	{
		name:   "image there",
		given:  func(w *world) { w.image = accepted },
		status: contract.Success,
		check: func(t *testing.T, w *world) {
			if d := w.answer().Data; d == nil || d.ImageDigest != accepted.Digest || len(d.ImageTag) != 64 ||
				d.ImageUri != "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@"+accepted.Digest {
				t.Errorf("data %+v", d)
			}
		},
	},
	{
		name:   "image built",
		given:  func(w *world) { pushes(w, accepted) },
		status: contract.Success, within: 2 * time.Minute,
	},
	{
		name:   "build failed but its image is there",
		source: "aws/containers-roadmap#2179: an immutable tag refuses a second push of the same digest",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				w.image = accepted
				return outcome{took: time.Minute, error: "States.TaskFailed", cause: buildN(n)}
			}
		},
		status: contract.Success, within: 2 * time.Minute,
	},
	{
		name:   "refused image is deleted",
		source: "Lambda Developer Guide, Create a Lambda function using a container image: one image manifest",
		given:  func(w *world) { pushes(w, index) },
		status: contract.Failed, within: 2 * time.Minute,
		reason: []string{"Lambda and ECS do not take", "It was deleted from shop", "CloudWatch Log Stream: 2026/11/21/[$LATEST]0123"},
		check: func(t *testing.T, w *world) {
			if w.image != nil {
				t.Error("the refused image is still there")
			}
		},
	},
	{
		name:   "refused image from before is deleted and built anew",
		given:  func(w *world) { w.image = index; pushes(w, accepted) },
		status: contract.Success, within: 2 * time.Minute,
	},
	{
		name: "request that does not decode", given: func(*world) {},
		status: contract.Failed, reason: []string{"read the build request WebBuild"},
	},
	{
		name:   "somebody is at it",
		source: "Step Functions API Reference, StartExecution: ExecutionAlreadyExists",
		given:  func(w *world) { w.exists = true },
	},
	{
		name:   "no project after deletion",
		source: "AWS CDK README of custom-resources: Delete can arrive before Create ends",
		given: func(w *world) {
			w.onBuild = func(int) outcome {
				return outcome{took: time.Second, error: "CodeBuild.ResourceNotFoundException", cause: "Project cannot be found"}
			}
		},
		status: contract.Failed, within: 10 * time.Second, reason: []string{"project " + project + " does not exist"},
	},
	{
		name:   "a slot comes free",
		source: "CodeBuild API Reference, StartBuild: AccountLimitExceededException",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				if n < 20 {
					return outcome{took: time.Second, error: "CodeBuild.AccountLimitExceededException", cause: "Cannot have more than 0 builds in queue"}
				}
				w.image = accepted
				return outcome{took: time.Minute, id: buildN(n)}
			}
		},
		status: contract.Success, within: 9 * time.Minute,
	},
	{
		name: "a slot never comes free",
		given: func(w *world) {
			w.onBuild = func(int) outcome {
				return outcome{took: time.Second, error: "CodeBuild.AccountLimitExceededException"}
			}
		},
		status: contract.Failed, within: 37 * time.Minute, reason: []string{"no free build slot", "Service Quotas"},
		check: func(t *testing.T, w *world) {
			if waited := w.now.Sub(w.began); waited < 30*time.Minute {
				t.Errorf("gave up after %v", waited)
			}
		},
	},
	{
		name:   "queue time-out",
		source: "CodeBuild API Reference, StartBuild: queuedTimeoutInMinutesOverride",
		given: func(w *world) {
			ends(w, handler.Build{Status: "TIMED_OUT", Phases: phases("QUEUED", "TIMED_OUT", "", "")})
		},
		status: contract.Failed, within: time.Minute, reason: []string{"waited for a free build slot", "Service Quotas"},
	},
	{
		name: "build time-out",
		given: func(w *world) {
			ends(w, handler.Build{Status: "TIMED_OUT", Minutes: 30, Phases: phases("BUILD", "TIMED_OUT", "", "")})
		},
		status: contract.Failed, within: time.Minute, reason: []string{"did not end within its 30 minutes", "raise BuildTimeout"},
	},
	{
		name: "stopped by somebody",
		given: func(w *world) {
			ends(w, handler.Build{Status: "STOPPED", Phases: phases("BUILD", "STOPPED", "", "")})
		},
		status: contract.Failed, within: time.Minute, reason: []string{"was stopped before it ended"},
	},
	{
		name: "fault",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAULT", Phases: phases("BUILD", "FAULT", "INTERNAL_SERVICE_ERROR", "Internal service error")})
		},
		status: contract.Failed, within: time.Minute, reason: []string{"CodeBuild itself failed in phase BUILD (INTERNAL_SERVICE_ERROR"},
	},
	{
		name: "provisioning",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Phases: phases("PROVISIONING", "CLIENT_ERROR", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE", "manifest unknown")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"could not pull the image that builds run in", "BUILD_CONTAINER_UNABLE_TO_PULL_IMAGE: manifest unknown", "BuildImage"},
	},
	{
		name: "succeeded without an image",
		given: func(w *world) {
			ends(w, handler.Build{Status: "SUCCEEDED"})
		},
		status: contract.Failed, within: time.Minute, reason: []string{"The build succeeded, but repository shop holds no image"},
	},
	{
		name: "no way to the build context",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Phases: phases("DOWNLOAD_SOURCE", "FAILED", "CLIENT_ERROR", "RequestError: send request failed caused by: dial tcp 52.216.0.1:443: i/o timeout")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"CodeBuild could not fetch the build context in phase DOWNLOAD_SOURCE", "i/o timeout", "route to S3"},
	},
	{
		name: "no machine",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Phases: phases("PROVISIONING", "CLIENT_ERROR", "BUILD_CONTAINER_UNABLE_TO_START", "no route")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"CodeBuild could not provide a machine for the build in phase PROVISIONING", "no route", "subnets"},
	},
	{
		name: "request that came late",
		given: func(w *world) {
			w.now = sent.Add(33 * time.Minute)
		},
		status: contract.Failed, within: time.Minute, reason: []string{"was over before a build could begin"},
	},
	{
		name: "build that nobody knows",
		given: func(w *world) {
			w.onBuild = func(int) outcome { return outcome{took: time.Minute, error: "States.TaskFailed", cause: buildN(1)} }
		},
		status: contract.Failed, within: 2 * time.Minute, reason: []string{"Build " + buildN(1) + " left no image"},
	},
	{
		name: "failure without an id",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				w.builds = []handler.Build{{ID: buildN(n), Status: "STOPPED"}}
				return outcome{took: time.Minute, error: "States.TaskFailed", cause: "cut"}
			}
		},
		status: contract.Failed, within: 2 * time.Minute, reason: []string{"was stopped before it ended"},
	},
	{
		name: "log of a killed build",
		given: func(w *world) {
			failBuild(w, failing()[:20])
		},
		status: contract.Failed, within: time.Minute, reason: []string{"failed in phase BUILD", "RUN npm ci", "line 10"},
	},
	{
		name:   "role spreads late",
		source: "IAM User Guide, Troubleshoot IAM: changes are not always immediately visible",
		given: func(w *world) {
			refused := handler.Build{ID: buildN(1), Status: "FAILED", Phases: phases("DOWNLOAD_SOURCE", "FAILED", "CLIENT_ERROR", "AccessDenied: Access Denied status code: 403")}
			w.onBuild = func(n int) outcome {
				if n == 1 {
					return outcome{took: time.Second, error: "CodeBuild.InvalidInputException", cause: "CodeBuild is not authorized to perform: sts:AssumeRole"}
				}
				if w.now.Sub(sent) < time.Minute {
					w.builds = []handler.Build{refused}
					return outcome{took: 20 * time.Second, error: "States.TaskFailed", cause: buildN(1)}
				}
				w.image = accepted
				return outcome{took: time.Minute, id: buildN(n)}
			}
		},
		status: contract.Success, within: 4 * time.Minute,
	},
	{
		name: "permission of the build role missing",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Role: "arn:aws:iam::111122223333:role/shop-Build",
				Phases: phases("DOWNLOAD_SOURCE", "FAILED", "CLIENT_ERROR", "AccessDenied: Access Denied status code: 403")})
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"A permission is missing", "s3:GetObject on arn:aws:s3:::assets/0f.zip", "arn:aws:iam::111122223333:role/shop-Build", "Access Denied"},
		check: func(t *testing.T, w *world) {
			if waited := w.now.Sub(w.began); waited < 3*time.Minute {
				t.Errorf("gave up after %v", waited)
			}
		},
	},
	{
		name:   "build context that is gone",
		source: "Amazon S3 API Reference, GetObject: without s3:ListBucket a missing key is AccessDenied",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", Phases: phases("DOWNLOAD_SOURCE", "FAILED", "CLIENT_ERROR", "AccessDenied: User: b is not authorized to perform: "+
				"s3:ListBucket on resource: arn:aws:s3:::assets because no identity-based policy allows the s3:ListBucket action")})
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"The build context s3://assets/0f.zip is not in S3 any more", "DOWNLOAD_SOURCE", "deploy again, which uploads it"},
	},
	{
		name:   "start throttled after a long wait for a slot",
		source: "Common Errors of AWS's APIs: ThrottlingException",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				switch {
				case n < 20:
					return outcome{took: time.Second, error: "CodeBuild.AccountLimitExceededException"}
				case n < 25:
					return outcome{took: time.Second, error: "CodeBuild.CodeBuildException", cause: rateExceeded}
				}
				w.image = accepted
				return outcome{took: time.Minute, id: buildN(n)}
			}
		},
		status: contract.Success, within: 12 * time.Minute,
	},
	{
		name:   "start throttled for ever",
		source: "Common Errors of AWS's APIs: ThrottlingException",
		given: func(w *world) {
			w.onBuild = func(int) outcome {
				return outcome{took: time.Second, error: "CodeBuild.CodeBuildException", cause: rateExceeded}
			}
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"AWS throttled every start of the build of project " + project + " for 3 minutes", "Rate exceeded", "when less is going on"},
	},
	{
		name: "looks throttled for a while", kind: "Update",
		source: "Common Errors of AWS's APIs: ThrottlingException",
		given: func(w *world) {
			pushes(w, accepted)
			w.fail = throttles(3)
		},
		status: contract.Success, within: 6 * time.Minute,
	},
	{
		name:   "looks throttled for ever",
		source: "Common Errors of AWS's APIs: ThrottlingException",
		given:  func(w *world) { w.fail = throttles(1 << 20) },
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"AWS throttles the account's calls", "Rate exceeded", "when less is going on"},
	},
	{
		name: "delete with every look throttled", kind: "Delete",
		given:  func(w *world) { w.fail = throttles(1 << 20) },
		status: contract.Success, within: 4 * time.Minute,
	},
	{
		name: "permission to start builds missing",
		given: func(w *world) {
			w.onBuild = func(int) outcome {
				return outcome{took: time.Second, error: "CodeBuild.CodeBuildException", cause: "User: m is not authorized to perform: codebuild:StartBuild on resource: p"}
			}
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"could not be started", "not authorized to perform: codebuild:StartBuild on resource: p", "state machine's role"},
	},
	{
		name: "permission of the function missing",
		given: func(w *world) {
			w.fail = func(call string) error {
				if call == "BatchGetImage" && w.name != "" {
					return denied("ecr:BatchGetImage")
				}
				return nil
			}
		},
		status: contract.Failed, within: 4 * time.Minute,
		reason: []string{"A permission is missing", "shop-Role", "ecr:BatchGetImage"},
	},
	{
		name: "log not readable",
		given: func(w *world) {
			ends(w, handler.Build{Status: "FAILED", LogGroup: "g", LogStream: "s", Phases: phases("BUILD", "FAILED", "COMMAND_EXECUTION_ERROR", "exit status 1")})
			w.fail = func(call string) error {
				if call == "GetLogEvents" {
					return denied("logs:GetLogEvents")
				}
				return nil
			}
		},
		status: contract.Failed, within: time.Minute,
		reason: []string{"failed in phase BUILD (COMMAND_EXECUTION_ERROR: exit status 1)", "group g, stream s", "logs:GetLogEvents"},
	},
	{
		name:   "lost event",
		source: "EventBridge Events Reference, CodeBuild: best effort delivery",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				w.image = accepted
				return outcome{took: 24 * time.Hour}
			}
		},
		status: contract.Success, within: 37 * time.Minute,
	},
	{
		name: "build that does not end",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				w.builds = []handler.Build{{ID: buildN(n), Status: "IN_PROGRESS", Phase: "BUILD"}}
				return outcome{took: 24 * time.Hour}
			}
		},
		status: contract.Failed, within: 37 * time.Minute, reason: []string{"still in phase BUILD", "raise BuildTimeout"},
		check: func(t *testing.T, w *world) {
			if w.called("StopBuild") == 0 {
				t.Error("the build was not stopped")
			}
		},
	},
	{
		name: "build that waited for a slot and does not end",
		given: func(w *world) {
			w.onBuild = func(n int) outcome {
				w.builds = []handler.Build{{ID: buildN(n), Status: "IN_PROGRESS", Phase: "BUILD",
					Phases: []handler.Phase{{Type: "SUBMITTED", Status: "SUCCEEDED"}, {Type: "QUEUED", Status: "SUCCEEDED", Seconds: 1500}, {Type: "BUILD"}}}}
				return outcome{took: 24 * time.Hour}
			}
		},
		status: contract.Failed, within: 37 * time.Minute, reason: []string{"still in phase BUILD", "had waited 25 minutes", "Service Quotas"},
	},
	{
		name: "update stops what runs", kind: "Update",
		given: func(w *world) {
			w.executions = []handler.Execution{{Name: prefix(w.t) + "other", ARN: "other"}, {Name: otherName + "x", ARN: "foreign"}}
			w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}}
			w.stopTakes = 30 * time.Second
			pushes(w, accepted)
		},
		status: contract.Success, within: 3 * time.Minute,
		check: func(t *testing.T, w *world) {
			if len(w.executions) != 2 || w.executions[0].ARN != "foreign" {
				t.Errorf("running executions %+v, want the foreign and its own", w.executions)
			}
			if w.builds[0].Status != "STOPPED" {
				t.Errorf("old build %s", w.builds[0].Status)
			}
		},
	},
	{
		name: "delete with nothing running", kind: "Delete", given: func(*world) {}, status: contract.Success,
		check: func(t *testing.T, w *world) {
			if strings.Contains(w.bodies[0], "Data") {
				t.Error("a deletion has no data")
			}
		},
	},
	{
		name: "delete during a build", kind: "Delete",
		source: "AWS CDK README of custom-resources: Delete with an invented physical id while Create runs",
		given: func(w *world) {
			w.executions = []handler.Execution{{Name: prefix(w.t) + "create", ARN: "create"}}
			w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}}
			w.stopTakes = 40 * time.Second
		},
		status: contract.Success, within: time.Minute,
		check: func(t *testing.T, w *world) {
			if w.builds[0].Status != "STOPPED" {
				t.Error("answered before the build had ended")
			}
		},
	},
	{
		name: "delete does not wait for ever", kind: "Delete",
		given: func(w *world) {
			w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}}
			w.stopTakes = time.Hour
		},
		status: contract.Success, within: 2*time.Minute + 10*time.Second,
	},
	{
		name: "delete without permissions", kind: "Delete",
		given: func(w *world) {
			w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}}
			w.fail = func(call string) error {
				if call == "StopBuild" {
					return denied("codebuild:StopBuild")
				}
				return nil
			}
		},
		status: contract.Success, within: 4 * time.Minute,
	},
	{
		name: "delete of a request that does not decode", kind: "Delete", given: func(*world) {}, status: contract.Success,
	},
}

// prefix is that of the builder's executions, taken from an execution that it starts.
func prefix(t *testing.T) string {
	w := newWorld(t)
	if _, err := w.h.Handle(context.Background(), event(t, "Create", buildRequest(30))); err != nil {
		t.Fatal(err)
	}
	return w.name[:strings.Index(w.name, "-")+1]
}

func TestFlows(t *testing.T) {
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t)
			f.given(w)
			build := buildRequest(30)
			build.Login = w.login
			kind, request := f.kind, any(build)
			if kind == "" {
				kind = "Create"
			}
			if strings.Contains(f.name, "does not decode") {
				request = map[string]any{"Version": "1", "Surprise": []string{"x"}}
			}
			w.deploy(kind, request)
			checkFlow(t, f, w)
		})
	}
}

func checkFlow(t *testing.T, f flow, w *world) {
	t.Helper()
	if f.status == "" {
		if len(w.answers) != 0 {
			t.Fatalf("answered %+v", w.answers)
		}
		return
	}
	a := w.answer()
	if a.Status != f.status || a.PhysicalResourceId != contract.PhysicalID(stackID, "WebBuild") || a.RequestId != "9f3c" ||
		a.StackId != stackID || a.LogicalResourceId != "WebBuild" {
		t.Errorf("answer %+v, want status %s", a, f.status)
	}
	rest := a.Reason
	for _, want := range f.reason {
		at := strings.Index(rest, want)
		if at < 0 {
			t.Fatalf("reason %q lacks %q at its place", a.Reason, want)
		}
		rest = rest[at+len(want):]
	}
	if strings.Contains(a.Reason, value) || strings.Contains(a.Reason, secret) {
		t.Errorf("reason shows what it must not: %s", a.Reason)
	}
	if f.within == 0 && w.input != nil {
		t.Error("an execution was started, want an answer at once")
	}
	if took := w.now.Sub(w.began); f.within > 0 && took > f.within {
		t.Errorf("answered after %v, want %v", took, f.within)
	}
	if f.check != nil {
		f.check(t, w)
	}
}

// Every build task must end, and every answer come, before CloudFormation gives up, whatever the time-out and however
// late the request was delivered.
func TestBudget(t *testing.T) {
	for minutes := contract.MinBuildMinutes; minutes <= contract.MaxBuildMinutes; minutes++ {
		for _, late := range []time.Duration{0, time.Minute, 3 * time.Minute} {
			w := newWorld(t)
			w.now = sent.Add(late)
			w.onBuild = func(n int) outcome {
				w.builds = []handler.Build{{ID: buildN(n), Status: "IN_PROGRESS", Phase: "BUILD"}}
				return outcome{took: 24 * time.Hour}
			}
			w.deploy("Create", buildRequest(minutes))
			patience := time.Duration(minutes+8) * time.Minute
			if took := w.now.Sub(sent); took > patience-time.Minute {
				t.Errorf("BuildTimeout %d, %v late: answered after %v of %v", minutes, late, took, patience)
			}
			m := w.moves[0]
			if m.Next != machine.NextBuild || m.Build.TimeoutInMinutesOverride != minutes || m.Build.QueuedTimeoutInMinutesOverride < max(5, minutes-4) {
				t.Errorf("BuildTimeout %d, %v late: %s %+v", minutes, late, m.Next, m.Build)
			}
		}
	}
}

// A request that is delivered twice gives one execution with one input, which Step Functions takes as one and the
// same (API Reference, StartExecution), and a fast answer is equal each time.
func TestDuplicates(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	b.now = b.now.Add(20 * time.Second)
	for _, w := range []*world{a, b} {
		if _, err := w.h.Handle(context.Background(), event(t, "Create", buildRequest(30))); err != nil {
			t.Fatal(err)
		}
	}
	if a.name != b.name || string(a.input) != string(b.input) {
		t.Error("two deliveries start different executions")
	}
	if len(a.name) > 80 {
		t.Errorf("execution name of %d characters, Step Functions takes 80", len(a.name))
	}
	c := newWorld(t)
	c.image = accepted
	c.deploy("Create", buildRequest(30))
	c.deploy("Create", buildRequest(30))
	if len(c.bodies) != 2 || c.bodies[0] != c.bodies[1] {
		t.Errorf("answers differ: %q", c.bodies)
	}
}

// A duplicate of an update must not stop the update's own build.
func TestDuplicateOfARunningUpdate(t *testing.T) {
	w := newWorld(t)
	w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}}
	if _, err := w.h.Handle(context.Background(), event(t, "Update", buildRequest(30))); err != nil {
		t.Fatal(err)
	}
	w.executions = []handler.Execution{{Name: w.name, ARN: ownARN}}
	w.input, w.calls = nil, nil
	w.deploy("Update", buildRequest(30))
	if w.called("StopBuild")+w.called("StartExecution")+len(w.answers) > 0 {
		t.Errorf("calls %v", w.calls)
	}
}

// What AWS refuses before there is an execution is left to Lambda's two further tries; the last one answers.
func TestLambdaTriesAgain(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t)
		w.fail = func(call string) error {
			if call == "StartExecution" {
				return denied("states:StartExecution")
			}
			return nil
		}
		tries := 0
		for len(w.answers) == 0 && tries < 5 {
			if tries++; late { // another process, which has seen nothing
				w.now = sent.Add(3*time.Minute + time.Second)
			}
			if _, err := w.h.Handle(context.Background(), event(t, "Create", buildRequest(30))); (err == nil) != (len(w.answers) == 1) {
				t.Fatalf("try %d: error %v with %d answers", tries, err, len(w.answers))
			}
		}
		if want := map[bool]int{false: 3, true: 1}[late]; tries != want {
			t.Errorf("late %v: answered at try %d, want %d", late, tries, want)
		}
		if reason := w.answer().Reason; !strings.Contains(reason, "states:StartExecution") || !strings.Contains(reason, "shop-Role") {
			t.Errorf("reason %q", reason)
		}
	}
}

// An answer that does not arrive is an error of the invocation, so that the machine asks again.
func TestUnanswered(t *testing.T) {
	w := newWorld(t)
	w.image = accepted
	w.fail = func(call string) error {
		if call == "PUT" {
			return errors.New("status 503")
		}
		return nil
	}
	if _, err := w.h.Handle(context.Background(), event(t, "Create", buildRequest(30))); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func TestPanicIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.fail = func(call string) error {
		if call == "BatchGetImage" {
			panic("secret " + secret)
		}
		return nil
	}
	w.deploy("Create", buildRequest(30))
	if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, "broke on this request") {
		t.Errorf("answer %+v", a)
	}
	if !strings.Contains(w.logs.String(), "goroutine") {
		t.Error("the log does not say where")
	}
}

func TestTooLarge(t *testing.T) {
	w := newWorld(t)
	r := buildRequest(30)
	r.Args = append(r.Args, contract.Argument{Name: "BIG", Value: contract.Text{contract.Value(strings.Repeat("x", 120_000))}},
		contract.Argument{Name: "BIGGER", Value: contract.Text{contract.Value(strings.Repeat("x", 121_000))}})
	w.deploy("Create", r)
	if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, `"BIGGER" with 121000 bytes`) {
		t.Errorf("answer %+v", a)
	}
}

func TestForeignEvents(t *testing.T) {
	for _, e := range []string{`{}`, `[]`, `"x"`, `{"RequestType":"Create"}`, `{"Step":{}}`, `{"Step":{"State":{}},"Now":"2026-11-21T10:00:00Z"}`} {
		w := newWorld(t)
		if _, err := w.h.Handle(context.Background(), json.RawMessage(e)); err == nil || len(w.calls) > 0 {
			t.Errorf("%s: error %v, calls %v", e, err, w.calls)
		}
	}
}
