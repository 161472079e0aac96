package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

const (
	// pollEvery is the simulated time between two looks at a build whose event does not come. AWS names no number; its
	// page "Accessing resources in other accounts" speaks of a small delay where only polling is left.
	pollEvery = time.Minute
	// stopTime is the real time that is spent on stopping the build of an aborted execution.
	stopTime = 5 * time.Second
	// managedRule is the rule that brings ends of builds to Step Functions (Developer Guide, "IAM policies for integrated
	// services", AWS CodeBuild).
	managedRule = "StepFunctionsGetEventForCodeBuildStartBuildRule"
)

// ruleActions are the rights that a machine's role needs for the managed rule.
//
//nolint:gochecknoglobals // a constant
var ruleActions = []string{"events:PutTargets", "events:PutRule", "events:DescribeRule"}

// mayManageRule asks whether a role's session may make a managed rule.
func (r *Room) mayManageRule(ctx context.Context, s *session.Session, m Machine, rule string) error {
	arn := fmt.Sprintf("arn:%s:events:%s:%s:rule/%s", m.Partition, m.Region, m.Account, rule)
	for _, action := range ruleActions {
		need := protocol.Need{Action: action, Resources: []string{arn}, Conditions: map[string][]string{"events:ManagedBy": {servicePrincipal}}}
		if err := r.Caller.Allow(ctx, s, m.Region, need); err != nil {
			return err
		}
	}
	return nil
}

// buildParameters are the parameters of StartBuild in the integration's spelling (CodeBuild API Reference, "StartBuild").
//
//nolint:gochecknoglobals // a constant
var buildParameters = []string{"ProjectName", "ArtifactsOverride", "AutoRetryLimitOverride", "BuildspecOverride", "BuildStatusConfigOverride",
	"CacheOverride", "CertificateOverride", "ComputeTypeOverride", "DebugSessionEnabled", "EncryptionKeyOverride", "EnvironmentTypeOverride",
	"EnvironmentVariablesOverride", "FleetOverride", "GitCloneDepthOverride", "GitSubmodulesConfigOverride", "IdempotencyToken", "ImageOverride",
	"ImagePullCredentialsTypeOverride", "InsecureSslOverride", "LogsConfigOverride", "PrivilegedModeOverride", "QueuedTimeoutInMinutesOverride",
	"RegistryCredentialOverride", "ReportBuildStatusOverride", "SecondaryArtifactsOverride", "SecondarySourcesOverride",
	"SecondarySourcesVersionOverride", "ServiceRoleOverride", "SourceAuthOverride", "SourceLocationOverride", "SourceTypeOverride",
	"SourceVersion", "TimeoutInMinutesOverride"}

// startBuild starts a build and, with sync, waits for its end.
func (t *tasks) startBuild(ctx context.Context, task asl.Task, sync bool) (any, error) {
	in, err := object(task.Input, buildParameters)
	if err != nil {
		return nil, err
	}
	var heard *subscription
	if sync && !t.room.Switches.LoseBuildEvents && t.room.mayManageRule(ctx, t.session, t.machine, managedRule) == nil {
		heard = t.room.ended.subscribe() // before the start, so that no end is missed
		defer heard.close()
	}
	var out struct {
		Build json.RawMessage `json:"build"`
	}
	if err := t.call(ctx, "StartBuild", respell(in, unicode.ToLower), &out); err != nil {
		return nil, serviceError("CodeBuild", "CodeBuildException", buildErrors, err)
	}
	build, err := asl.Decode(out.Build)
	if err != nil {
		return nil, fmt.Errorf("answer of StartBuild: %w", err)
	}
	fields, _ := build.(map[string]any)
	id, _ := fields["id"].(string)
	if !sync {
		return map[string]any{"Build": describe(build)}, nil
	}
	task.Record("Submitted", map[string]any{"output": asl.Encode(map[string]any{"Build": describe(build)})})
	return t.waitForBuild(ctx, id, heard)
}

// waitForBuild waits until the build has ended: by the event where it comes, else by looking every minute. Both read the
// build by BatchGetBuilds as the machine's role; without that right the task waits for its time-out.
func (t *tasks) waitForBuild(ctx context.Context, id string, heard *subscription) (any, error) {
	var news chan struct{}
	if heard != nil {
		news = heard.news
	}
	poll := t.room.Clock.After(ctx, pollEvery)
	for {
		select {
		case <-ctx.Done():
			t.abandon(ctx, id)
			return nil, context.Cause(ctx)
		case <-news:
			if !heard.heard(id) {
				continue
			}
			news = nil
		case <-poll:
			poll = t.room.Clock.After(ctx, pollEvery)
		}
		build, status := t.look(ctx, id)
		switch status {
		case "", "IN_PROGRESS":
		case "SUCCEEDED":
			return map[string]any{"Build": build}, nil
		default:
			return nil, asl.Fail(asl.ErrorTaskFailed, asl.Encode(map[string]any{"Build": build}))
		}
	}
}

// look returns a build and its status; both are empty when it cannot be read.
func (t *tasks) look(ctx context.Context, id string) (any, string) {
	var out struct {
		Builds []json.RawMessage `json:"builds"`
	}
	if err := t.call(ctx, "BatchGetBuilds", map[string]any{"ids": []string{id}}, &out); err != nil || len(out.Builds) != 1 {
		return nil, ""
	}
	build, err := asl.Decode(out.Builds[0])
	if err != nil {
		return nil, ""
	}
	fields, _ := build.(map[string]any)
	status, _ := fields["buildStatus"].(string)
	return describe(build), status
}

// abandon stops the build of an execution that was stopped or whose other branch failed, as well as it can. A time-out
// does not: AWS's list of reasons (Developer Guide, "Run a Job (.sync)") has no time-outs.
func (t *tasks) abandon(ctx context.Context, id string) {
	if !errors.Is(context.Cause(ctx), asl.ErrStopped) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := t.call(ctx, "StopBuild", map[string]any{"id": id}, nil); err != nil {
		t.room.Log.Warn("a stopped execution could not stop its build", "build", id, "error", err)
	}
}

func (t *tasks) call(ctx context.Context, operation string, in, out any) error {
	return t.room.Caller.Call(ctx, t.session, t.machine.Region, "codebuild", operation, in, out)
}

// describe is a build in the integration's spelling, with times in milliseconds.
func describe(build any) any { return millis(respell(build, unicode.ToUpper)) }

// respell changes the first letter of every field's name.
func respell(v any, change func(rune) rune) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			first, size := utf8.DecodeRuneInString(k)
			out[string(change(first))+k[size:]] = respell(e, change)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = respell(e, change)
		}
		return out
	}
	return v
}

// millis turns the seconds of *Time fields into milliseconds, as the integration shows times.
func millis(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			switch n := e.(type) {
			case int64:
				if strings.HasSuffix(k, "Time") {
					v[k] = n * 1000
				}
			case float64:
				if strings.HasSuffix(k, "Time") {
					v[k] = int64(n * 1000)
				}
			default:
				v[k] = millis(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = millis(e)
		}
	}
	return v
}
