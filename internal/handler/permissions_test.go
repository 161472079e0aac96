package handler_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// refusals names, for each action that the function may take, a request that fails when it is refused.
var refusals = []struct {
	action string
	kind   string
	given  func(w *world)
}{
	{"ecr:BatchGetImage", "Create", func(*world) {}},
	{"ecr:BatchDeleteImage", "Create", func(w *world) { pushes(w, index) }},
	{"codebuild:ListBuildsForProject", "Update", func(*world) {}},
	{"codebuild:BatchGetBuilds", "Update", func(*world) {}},
	{"codebuild:StopBuild", "Update", func(w *world) { w.builds = []handler.Build{{ID: buildN(1), Status: "IN_PROGRESS"}} }},
	{"logs:GetLogEvents", "Create", func(w *world) { failBuild(w, failing()) }},
	{"states:StartExecution", "Create", func(*world) {}},
	{"states:ListExecutions", "Update", func(*world) {}},
	{"states:StopExecution", "Update", func(w *world) { w.executions = []handler.Execution{{Name: prefix(w.t) + "x", ARN: "x"}} }},
}

// A refused action ends in an answer that names the action, the resource and the role; nothing goes on without it.
func TestRefusedPermissions(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range refusals {
		tested[c.action] = true
		t.Run(c.action, func(t *testing.T) {
			w := newWorld(t)
			c.given(w)
			_, operation, _ := strings.Cut(c.action, ":")
			w.fail = func(call string) error {
				if call == operation {
					return denied(c.action)
				}
				return nil
			}
			w.deliver(c.kind)
			if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, c.action+" on resource") || !strings.Contains(a.Reason, "shop-Role") {
				t.Errorf("answer %+v", a)
			}
		})
	}
	for _, grant := range machine.FunctionActions() {
		for _, action := range grant.Actions {
			// A function that may not write its log runs on without one (Lambda Developer Guide, "Working with
			// Lambda function logs").
			if !tested[action] && grant.Resource != machine.FunctionLog {
				t.Errorf("%s is granted and no case needs it", action)
			}
		}
	}
}

// TestRefusedPermissionsOfMore is the same for what only some builders need: replicas and retained logs.
func TestRefusedPermissionsOfMore(t *testing.T) {
	tested := map[string]bool{
		// ECR makes the role with the caller's right to, the first time that an account replicates (ECR User Guide,
		// "Amazon ECR service-linked role for replication"): no call of ours.
		"iam:CreateServiceLinkedRole": true,
		"ssm:GetParameter":            true, // read by the lease's own adapter, see clients
		"ssm:DeleteParameter":         true, // a lease that cannot be released is over after a minute
		"ssm:DeleteParameters":        true, // never fails: see TestPublicationResource
	}
	for action, request := range map[string]contract.Request{
		"ecr:DescribeRegistry": replicated(), "ecr:PutReplicationConfiguration": replicated(), "ssm:PutParameter": replicated(),
		"ecr:DescribeImageReplicationStatus": replicated(), "ecr:GetRepositoryPolicy": replicated(), "ecr:SetRepositoryPolicy": replicated(),
		"logs:CreateLogGroup": retained(), "logs:PutRetentionPolicy": retained(),
	} {
		tested[action] = true
		t.Run(action, func(t *testing.T) {
			w := newWorld(t)
			pushes(w, accepted)
			w.replicas = all("COMPLETE", "")
			_, operation, _ := strings.Cut(action, ":")
			w.fail = func(call string) error {
				if call == operation {
					return denied(action)
				}
				return nil
			}
			w.deploy("Create", request)
			if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, action+" on resource") {
				t.Errorf("answer %+v", a)
			}
		})
	}
	for _, grant := range slices.Concat(machine.ReplicationActions(), machine.RetentionActions(), machine.PublicationActions()) {
		for _, action := range grant.Actions {
			if !tested[action] {
				t.Errorf("%s is granted and no case needs it", action)
			}
		}
	}
}

// retained is a request for a build whose log outlives the stack.
func retained() contract.Request {
	r := buildRequest(30)
	r.RetainLogs, r.LogGroup = "true", "/docker-builder/"+project
	return r
}

// deliver is a request with Lambda's further tries.
func (w *world) deliver(kind string) {
	w.t.Helper()
	for range 3 {
		if _, err := w.h.Handle(context.Background(), event(w.t, kind, buildRequest(30))); err == nil {
			break
		}
	}
	if w.input != nil {
		w.turn()
	}
}
