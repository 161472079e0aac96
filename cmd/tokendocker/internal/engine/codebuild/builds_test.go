package codebuild_test

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

func inline(commands string) map[string]any {
	return map[string]any{"buildspecOverride": "version: 0.2\nphases:\n  build:\n    commands:\n      - " + quote(commands) + "\n"}
}

// TestBuilds is the marked case table of builds as a whole.
func TestBuilds(t *testing.T) {
	const startPage = "CodeBuild API Reference, StartBuild, 2026-10"
	cases := []struct {
		name, source, limit string
		run                 func(t *testing.T, w *world)
	}{
		{"variables and their precedence", specPage + ", env", "", func(t *testing.T, w *world) {
			w.project(map[string]any{"Environment": map[string]any{
				"Type": "LINUX_CONTAINER", "Image": "img", "ComputeType": "C", "EnvironmentVariables": []any{
					map[string]any{"Name": "A", "Value": "project"}, map[string]any{"Name": "B", "Value": 80},
				}}})
			id := w.start(map[string]any{
				"environmentVariablesOverride": []map[string]string{{"name": "A", "value": "start"}},
				"buildspecOverride": `{"version":"0.2","env":{"variables":{"A":"spec","B":"spec","C":"spec $HOME"},"exported-variables":["OUT","NONE"]},
					"phases":{"build":{"commands":["echo $A $B \"$C\"","env | grep -E '^(CODEBUILD|AWS)_' | sort","export OUT=digest"]}}}`,
			})
			b := w.end(id)
			checkLog(t, w.cloud.log(id), []string{"start 80 spec $HOME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/", "AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-1",
				"CODEBUILD_BUILD_ARN=arn:aws:codebuild:us-east-1:123456789012:build/" + id,
				"CODEBUILD_BUILD_ID=" + id, "CODEBUILD_BUILD_IMAGE=img", "CODEBUILD_BUILD_NUMBER=1", "CODEBUILD_BUILD_SUCCEEDING=1", "CODEBUILD_INITIATOR=Machine/exec",
				"CODEBUILD_KMS_KEY_ID=arn:aws:kms:us-east-1:123456789012:alias/aws/s3", "CODEBUILD_LOG_PATH=" + b.Logs.StreamName, "CODEBUILD_SRC_DIR=/", "CODEBUILD_START_TIME=1"}, nil)
			if len(b.ExportedEnvironmentVariables) != 2 || b.ExportedEnvironmentVariables[0].Value != "digest" {
				t.Errorf("exported %v", b.ExportedEnvironmentVariables)
			}
			if b.Logs.GroupName != "/aws/codebuild/app" || !strings.HasSuffix(id, b.Logs.StreamName) {
				t.Errorf("logs %+v", b.Logs)
			}
		}},
		{"secrets are masked", specPage + ", env/secrets-manager", "", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(map[string]any{
				"environmentVariablesOverride": []map[string]string{{"name": "P", "value": "/p", "type": "PARAMETER_STORE"}},
				"buildspecOverride":            "version: 0.2\nenv: {secrets-manager: {S: 'app:key', N: 'app:n'}}\nphases:\n  build: {commands: ['echo \"s=$S p=$P\"; echo \"$S\" | wc -c']}\n",
			})
			b := w.end(id)
			checkLog(t, w.cloud.log(id), []string{"s=***\n", "*** p=***", "17"}, nil)
			if log := w.cloud.log(id); strings.Contains(log, "hush") || strings.Contains(log, "parameter value") || b.BuildStatus != "SUCCEEDED" {
				t.Errorf("%s\n%s", b.BuildStatus, log)
			}
		}},
		{"parameter of a version", "Systems Manager API Reference, GetParameters, 2026-11", "", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(map[string]any{
				"environmentVariablesOverride": []map[string]string{{"name": "P", "value": "/p:2", "type": "PARAMETER_STORE"}},
				"buildspecOverride":            "version: 0.2\nphases:\n  build: {commands: ['printf %s \"$P\" | wc -c']}\n",
			})
			w.end(id)
			checkLog(t, w.cloud.log(id), []string{strconv.Itoa(len("parameter value")) + "\n"}, nil)
		}},
		{"number of a secret", specPage + ", env/secrets-manager", "", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(map[string]any{"buildspecOverride": "version: 0.2\nenv: {secrets-manager: {N: 'app:big'}}\nphases:\n  build: {commands: ['echo n=$(echo $N | tr 0-9 a-j)']}\n"})
			w.end(id)
			if log := w.cloud.log(id); !strings.Contains(log, "n=bcdefghijabcdefghija\n") {
				t.Errorf("the number is not the secret's:\n%s", log)
			}
		}},
		{"key that a secret does not have", specPage + ", env/secrets-manager", "", func(t *testing.T, w *world) {
			w.project(nil)
			b := w.end(w.start(map[string]any{"environmentVariablesOverride": []map[string]string{{"name": "S", "value": "app:none", "type": "SECRETS_MANAGER"}}}))
			if got := b.phase("DOWNLOAD_SOURCE").context(); got != "Secrets Manager Error: key none not found in secret app" {
				t.Errorf("got %q", got)
			}
		}},
		{"secret that is not there", "CodeBuild User Guide, troubleshooting, 2026-10", "", func(t *testing.T, w *world) {
			w.project(nil)
			b := w.end(w.start(map[string]any{"environmentVariablesOverride": []map[string]string{{"name": "S", "value": "absent", "type": "SECRETS_MANAGER"}}}))
			want := "Secrets Manager Error: ResourceNotFoundException: Secrets Manager can't find the specified secret."
			if got := b.phase("DOWNLOAD_SOURCE").context(); got != want || b.BuildStatus != "FAILED" {
				t.Errorf("got %s %q, want %q", b.BuildStatus, got, want)
			}
		}},
		{"role may not write logs", "juspay/hyperswitch-cdk#37, 2023-11", "", func(t *testing.T, w *world) {
			w.project(nil)
			w.cloud.denied = []string{"logs:CreateLogStream"}
			b := w.end(w.start(map[string]any{}))
			got := b.phase("PROVISIONING").context()
			want := "ACCESS_DENIED: Service role " + roleARN + " does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build arn:aws:codebuild:us-east-1:123456789012:build/" +
				b.ID + ". Error message: User: arn:aws:sts::123456789012:assumed-role/Builder/AWSCodeBuild-"
			if !strings.HasPrefix(got, want) || !strings.Contains(got, "is not authorized to perform: logs:CreateLogStream") || b.BuildStatus != "FAILED" {
				t.Errorf("got %s %q", b.BuildStatus, got)
			}
		}},
		{"role may not be assumed any more", "hashicorp/terraform-provider-aws#4233", "", func(t *testing.T, w *world) {
			w.project(nil)
			w.cloud.denied = []string{"sts:AssumeRole"}
			b := w.end(w.start(map[string]any{}))
			if got := b.phase("PROVISIONING").context(); got != "ACCESS_DENIED: CodeBuild is not authorized to perform: sts:AssumeRole on "+roleARN {
				t.Errorf("got %q", got)
			}
		}},
		{"log events may not be put", "CloudWatch Logs API Reference, PutLogEvents", "", func(t *testing.T, w *world) {
			w.project(nil)
			w.cloud.denied = []string{"logs:PutLogEvents"}
			id := w.start(inline("echo x"))
			if b := w.end(id); b.BuildStatus != "SUCCEEDED" || w.cloud.log(id) != "" {
				t.Errorf("%s %q", b.BuildStatus, w.cloud.log(id))
			}
		}},
		{"both outputs come in their order", "CodeBuild User Guide, View build details, build logs, 2026-11", "", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(inline(`i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done`))
			w.end(id)
			var want []string
			for i := range 200 {
				want = append(want, "out "+strconv.Itoa(i)+"\n", "err "+strconv.Itoa(i)+"\n")
			}
			checkLog(t, w.cloud.log(id), want, nil)
		}},
		{"no logs", "CodeBuild API Reference, CloudWatchLogsConfig", "", func(t *testing.T, w *world) {
			w.project(map[string]any{"LogsConfig": map[string]any{"CloudWatchLogs": map[string]any{"Status": "DISABLED"}}})
			if b := w.end(w.start(inline("echo x"))); b.BuildStatus != "SUCCEEDED" || len(w.cloud.streams) != 0 {
				t.Errorf("%s %v", b.BuildStatus, w.cloud.streams)
			}
		}},
		{"source from S3, modes and links kept", "CodeBuild User Guide, build input, 2026-10", "", func(t *testing.T, w *world) {
			w.cloud.objects["assets/abc.zip"] = archive(t, map[string]fs.FileMode{"dir/run.sh": 0o755, "plain": 0o640, "link": fs.ModeSymlink | 0o777})
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip", "BuildSpec": "version: 0.2\nphases: {build: {commands: [./link, 'stat -c %a plain dir/run.sh', 'echo repo $CODEBUILD_SOURCE_REPO_URL']}}\n"}})
			id := w.start(map[string]any{})
			w.end(id)
			checkLog(t, w.cloud.log(id), []string{"from dir/run.sh", "640\n755\n", "repo s3://assets/abc.zip"}, nil)
		}},
		{"source folder with its own buildspec", specPage + ", file name", "", func(t *testing.T, w *world) {
			w.cloud.objects["assets/x/buildspec.yml"] = []byte("version: 0.2\nphases: {build: {commands: ['cat y/z']}}\n")
			w.cloud.objects["assets/x/y/z"] = []byte("the file\n")
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/x/"}})
			id := w.start(map[string]any{})
			w.end(id)
			checkLog(t, w.cloud.log(id), []string{"the file"}, nil)
		}},
		{"no buildspec in the source", specPage + ", file name", "", func(t *testing.T, w *world) {
			w.cloud.objects["assets/x/other"] = []byte("x")
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/x/"}})
			if got := w.end(w.start(map[string]any{})).phase("DOWNLOAD_SOURCE").context(); got != "YAML_FILE_ERROR: YAML file does not exist" {
				t.Errorf("got %q", got)
			}
		}},
		{"role may not read the source", "CodeBuild User Guide, troubleshooting: access denied downloading source, 2026-10", "", func(t *testing.T, w *world) {
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip"}})
			w.cloud.denied = []string{"s3:GetObject"}
			b := w.end(w.start(map[string]any{}))
			got := b.phase("DOWNLOAD_SOURCE").context()
			if !strings.HasPrefix(got, "CLIENT_ERROR: AccessDenied: User: arn:") || !strings.HasSuffix(got,
				"is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::assets/abc.zip for primary source and source version arn:aws:s3:::assets/abc.zip") {
				t.Errorf("got %q", got)
			}
		}},
		{"source that is not there", "CodeBuild User Guide, troubleshooting, 2026-10", "", func(t *testing.T, w *world) {
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip"}})
			if got := w.end(w.start(map[string]any{})).phase("DOWNLOAD_SOURCE").context(); !strings.HasPrefix(got, "CLIENT_ERROR: NoSuchKey: ") {
				t.Errorf("got %q", got)
			}
		}},
		{"source that is not there, for a role that may not list", "Amazon S3 API Reference, GetObject, Permissions, 2026-11", "", func(t *testing.T, w *world) {
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip"}})
			w.cloud.denied = []string{"s3:ListBucket"}
			if got := w.end(w.start(map[string]any{})).phase("DOWNLOAD_SOURCE").context(); !strings.HasPrefix(got, "CLIENT_ERROR: AccessDenied: User: arn:") ||
				!strings.Contains(got, "not authorized to perform: s3:ListBucket on resource: arn:aws:s3:::assets ") {
				t.Errorf("got %q", got)
			}
		}},
		{"source that leads outside", "zip file names", "AWS's own behaviour is not documented", func(t *testing.T, w *world) {
			w.cloud.objects["assets/abc.zip"] = archive(t, map[string]fs.FileMode{"../evil": 0o644})
			w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip"}})
			if b := w.end(w.start(map[string]any{})); b.BuildStatus == "SUCCEEDED" || !strings.Contains(b.phase("DOWNLOAD_SOURCE").context(), `illegal file name "../evil"`) {
				t.Errorf("%s %q", b.BuildStatus, b.phase("DOWNLOAD_SOURCE").context())
			}
		}},
		{"bad buildspec", specPage, "", func(t *testing.T, w *world) {
			w.project(nil)
			if got := w.end(w.start(map[string]any{"buildspecOverride": "version: 0.2\nphases: 3\n"})).phase("DOWNLOAD_SOURCE").context(); !strings.HasPrefix(got, "YAML_FILE_ERROR: ") {
				t.Errorf("got %q", got)
			}
		}},
		{"container is lost", "CodeBuild API Reference, Build: FAULT", "", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(inline("echo begun; sleep 30"))
			w.logged(id, "\nbegun\n")
			w.hosts[0].kill()
			b := w.end(id)
			if b.BuildStatus != "FAULT" || b.phase("BUILD").context() != "INTERNAL_SERVICE_ERROR: The build container was lost" || !w.hosts[0].removed {
				t.Errorf("%s %+v", b.BuildStatus, b.phase("BUILD"))
			}
		}},
		{"stop", "CodeBuild User Guide, Stop a build, 2026-10", "StopBuild answers when the build has ended", func(t *testing.T, w *world) {
			w.project(nil)
			id := w.start(inline("echo begun; sleep 30"))
			w.logged(id, "\nbegun\n")
			out, err := w.call("StopBuild", map[string]any{"id": id})
			if err != nil || out["build"].(map[string]any)["buildStatus"] != "STOPPED" {
				t.Errorf("%v %v", err, out)
			}
			if b := w.get(id); b.phase("BUILD").PhaseStatus != "STOPPED" || !w.hosts[0].removed {
				t.Errorf("%+v", b.Phases)
			}
			if out, err := w.call("StopBuild", map[string]any{"id": id}); err != nil || out["build"].(map[string]any)["buildStatus"] != "STOPPED" {
				t.Errorf("second time: %v %v", err, out)
			}
		}},
		{"time-out", startPage, "", func(t *testing.T, w *world) {
			w.project(nil)
			in := inline("sleep 30")
			in["timeoutInMinutesOverride"] = 5
			b := w.end(w.start(in))
			if got := b.phase("BUILD").context(); b.BuildStatus != "TIMED_OUT" || got != "BUILD_TIMED_OUT: Build has timed out. " {
				t.Errorf("%s %q", b.BuildStatus, got)
			}
			if d := b.EndTime - b.StartTime; d < 300 || d > 900 {
				t.Errorf("it took %.0f simulated seconds", d)
			}
		}},
		{"time-out in the queue", startPage, "", func(t *testing.T, w *world) {
			w.project(nil)
			w.switches.BuildSlots = 1
			first := w.start(inline("sleep 30"))
			b := w.end(w.start(map[string]any{"queuedTimeoutInMinutesOverride": 5}))
			if b.BuildStatus != "TIMED_OUT" || b.phase("QUEUED").PhaseStatus != "TIMED_OUT" || b.CurrentPhase != "COMPLETED" {
				t.Errorf("%+v", b)
			}
			if w.get(first).BuildStatus != "IN_PROGRESS" {
				t.Error("the build with the slot has ended")
			}
		}},
		{"queue and its limit", "CodeBuild User Guide, builds-working, 2026-10", "", func(t *testing.T, w *world) {
			w.project(nil)
			w.switches.BuildSlots = 1
			first := w.start(inline("sleep 0.3"))
			second := w.start(inline("true"))
			for range 4 {
				w.start(inline("true"))
			}
			_, err := w.call("StartBuild", map[string]any{"projectName": "app"})
			if err == nil || err.Error() != "AccountLimitExceededException: Cannot have more than 5 builds in queue for the account" {
				t.Errorf("got %v", err)
			}
			if b := w.get(second); b.CurrentPhase != "QUEUED" {
				t.Errorf("second build is in %s", b.CurrentPhase)
			}
			if a, b := w.end(first), w.end(second); b.EndTime < a.EndTime {
				t.Error("the second build ended first")
			}
		}},
		{"no slots at all", "flightcontrol.dev, CodeBuild concurrency", "", func(t *testing.T, w *world) {
			w.project(nil)
			w.switches.BuildSlots = -1
			_, err := w.call("StartBuild", map[string]any{"projectName": "app"})
			if err == nil || err.Error() != "AccountLimitExceededException: Cannot have more than 0 builds in queue for the account" {
				t.Errorf("got %v", err)
			}
		}},
		{"project's own limit", "CodeBuild API Reference, CreateProject, concurrentBuildLimit", "the text is our own", func(t *testing.T, w *world) {
			w.project(map[string]any{"ConcurrentBuildLimit": 1})
			w.start(inline("sleep 30"))
			if _, err := w.call("StartBuild", map[string]any{"projectName": "app"}); err == nil || !strings.Contains(err.Error(), "AccountLimitExceededException: ") {
				t.Errorf("got %v", err)
			}
		}},
		{"idempotency token", startPage, "", func(t *testing.T, w *world) {
			w.project(nil)
			in := inline("sleep 30")
			in["idempotencyToken"] = "t"
			if first, again := w.start(in), w.start(in); first != again {
				t.Errorf("%s and %s", first, again)
			}
			in["timeoutInMinutesOverride"] = 9
			if _, err := w.call("StartBuild", in); err == nil || !strings.Contains(err.Error(), "parameter mismatch") {
				t.Errorf("got %v", err)
			}
		}},
		{"order of a project's builds", "CodeBuild API Reference, ListBuildsForProject", "", func(t *testing.T, w *world) {
			w.project(nil)
			first, second := w.start(inline("true")), w.start(inline("true"))
			out, err := w.call("ListBuildsForProject", map[string]any{"projectName": "app"})
			if err != nil || out["ids"].([]any)[0] != second || out["ids"].([]any)[1] != first {
				t.Errorf("%v %v", out, err)
			}
			if w.get(second).BuildNumber != 2 {
				t.Errorf("number %d", w.get(second).BuildNumber)
			}
			if b := w.get("arn:aws:codebuild:us-east-1:123456789012:build/" + first); b.ID != first {
				t.Errorf("by ARN: %+v", b)
			}
		}},
		{"retry", "CodeBuild API Reference, RetryBuild", "", func(t *testing.T, w *world) {
			w.project(nil)
			first := w.start(inline("echo again"))
			w.end(first)
			out, err := w.call("RetryBuild", map[string]any{"id": first})
			if err != nil {
				t.Fatal(err)
			}
			second := out["build"].(map[string]any)["id"].(string)
			w.end(second)
			checkLog(t, w.cloud.log(second), []string{"\nagain\n"}, nil)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			factor := 1.0
			if strings.HasPrefix(c.name, "time-out") {
				factor = 300 // five minutes pass in a second
			}
			c.run(t, newWorld(t, factor))
		})
	}
}

// logged waits until a text stands in a build's log.
func (w *world) logged(id, text string) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(w.cloud.log(id), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("the log lacks %q:\n%s", text, w.cloud.log(id))
		}
	}
}

func TestStartBuildRefusals(t *testing.T) {
	cases := []struct {
		name, source, limit string
		in                  map[string]any
		want                string
	}{
		{"no project", "CodeBuild API Reference, StartBuild", "", map[string]any{"projectName": "nope"}, "ResourceNotFoundException: Project cannot be found: arn:aws:codebuild:us-east-1:123456789012:project/nope"},
		{"long buildspec", "aws/aws-cdk#14974", "", map[string]any{"buildspecOverride": "version: 0.2\n" + strings.Repeat("#", 25_588)}, "InvalidInputException: The inline buildspec has 25601 characters, it must not have more than 25600"},
		{"long value", "wolfeidau/buildkite-serverless-agent#35", "", map[string]any{"environmentVariablesOverride": []map[string]string{{"name": "A", "value": strings.Repeat("x", 4097)}}}, "at most 4096"},
		{"reserved name", "CodeBuild User Guide, buildspec reference, env/variables", "", map[string]any{"environmentVariablesOverride": []map[string]string{{"name": "CODEBUILD_X", "value": "1"}}}, "the prefix CODEBUILD_ is reserved"},
		{"short time-out", "CodeBuild API Reference, StartBuild", "", map[string]any{"timeoutInMinutesOverride": 4}, "It must be between 5 and 2160"},
		{"long time-out", "CodeBuild API Reference, StartBuild", "", map[string]any{"timeoutInMinutesOverride": 2161}, "It must be between 5 and 2160"},
		{"short queue", "CodeBuild API Reference, StartBuild", "", map[string]any{"queuedTimeoutInMinutesOverride": 4}, "It must be between 5 and 480"},
		{"other source", "CodeBuild API Reference, StartBuild", "only S3 and NO_SOURCE", map[string]any{"sourceTypeOverride": "GITHUB"}, "does not read sources of type GITHUB"},
		{"what there is not", "CodeBuild API Reference, StartBuild", "refused, not ignored", map[string]any{"fleetOverride": map[string]string{"fleetArn": "x"}}, "does not support fleetOverride"},
	}
	w := newWorld(t, 1)
	w.project(nil)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.in["projectName"] == nil {
				c.in["projectName"] = "app"
			}
			if _, err := w.call("StartBuild", c.in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A build that has answered its custom resource ends later than that; whoever reports on it waits.
func TestSettle(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	w.start(inline("sleep 0.3"))
	w.room.Settle(t.Context(), func(c session.Cause) bool { return c.Request.ID == "another" })
	if r := w.room.Records()[0]; r.Status != "IN_PROGRESS" {
		t.Errorf("another request's build was waited for: %+v", r)
	}
	w.room.Settle(t.Context(), func(c session.Cause) bool { return c.Request.ID == "r1" })
	if r := w.room.Records()[0]; r.Status != "SUCCEEDED" || r.Images != 1 {
		t.Errorf("not settled: %+v", r)
	}
}

func TestEventsAndRecords(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	id := w.start(inline("true"))
	w.end(id)
	w.told(id + " SUCCEEDED")
	r := w.room.Records()[0]
	if r.ID != id || r.Images != 1 || r.Buildx != 3*time.Second || r.Cause.Request.ID != "r1" || r.Status != "SUCCEEDED" {
		t.Errorf("%+v", r)
	}
	if c := w.cloud.causes[len(w.cloud.causes)-1]; c.Build != id || c.Execution != "arn:exec" {
		t.Errorf("the role's session has cause %+v", c)
	}
	w.switches.LoseBuildEvents = true
	lost := w.start(inline("true"))
	w.end(lost)
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ended) != 1 {
		t.Errorf("a lost event was told: %v", w.ended)
	}
}

// told waits until a build's end was told.
func (w *world) told(event string) {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		w.mu.Lock()
		found := len(w.ended) > 0 && w.ended[len(w.ended)-1] == event
		w.mu.Unlock()
		if found {
			return
		}
	}
	w.t.Errorf("told %v, want %s", w.ended, event)
}

func TestCloseStopsBuilds(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	id := w.start(inline("echo begun; sleep 30"))
	w.logged(id, "\nbegun\n")
	if err := w.room.Close(); err != nil {
		t.Fatal(err)
	}
	if b := w.get(id); b.BuildStatus != "STOPPED" || !w.hosts[0].removed {
		t.Errorf("%+v", b)
	}
	if _, err := w.call("StartBuild", map[string]any{"projectName": "app"}); err == nil {
		t.Error("a build started after Close")
	}
}

func TestBuildsOfAKilledEngine(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	id := w.start(inline("echo begun; sleep 30"))
	w.logged(id, "\nbegun\n")
	old := w.room
	w.open(t.TempDir())
	if b := w.get(id); b.BuildStatus != "FAULT" || b.phase("BUILD").PhaseStatus != "FAULT" || b.CurrentPhase != "COMPLETED" {
		t.Errorf("%+v", b)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLogIsWhole(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	id := w.start(inline("seq 1 30000; head -c 300000 /dev/zero | tr '\\0' x; printf end"))
	w.end(id)
	log := w.cloud.log(id)
	var want strings.Builder
	for i := range 30000 {
		want.WriteString(strconv.Itoa(i+1) + "\n")
	}
	if !strings.Contains(log, "\n"+want.String()) {
		t.Error("lines are missing or out of order")
	}
	if n := strings.Count(log, "x"); n < 300000 {
		t.Errorf("%d of 300000 characters of the long line", n)
	}
	if w.cloud.batches > 400 {
		t.Errorf("%d batches", w.cloud.batches)
	}
}

func TestProjectProvider(t *testing.T) {
	w := newWorld(t, 1)
	p := w.room.Resources()["AWS::CodeBuild::Project"]
	request := func(changes, old map[string]any) resource.Request {
		return resource.Request{Stack: stack(), LogicalID: "Project", PhysicalID: "app", Properties: properties(changes), Old: old}
	}
	got, err := p.Create(t.Context(), request(nil, nil))
	if err != nil || got.PhysicalID != "app" || got.Attributes["Arn"] != "arn:aws:codebuild:us-east-1:123456789012:project/app" {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := p.Create(t.Context(), request(nil, nil)); err == nil || !strings.Contains(err.Error(), "Project already exists: arn:") {
		t.Errorf("second project of a name: %v", err)
	}
	generated, err := p.Create(t.Context(), request(map[string]any{"Name": nil}, nil))
	if err != nil || !strings.HasPrefix(generated.PhysicalID, "App-Project-") {
		t.Errorf("%+v %v", generated, err)
	}
	if _, err := p.Update(t.Context(), request(map[string]any{"TimeoutInMinutes": "30"}, properties(nil))); err != nil {
		t.Error(err)
	}
	out, err := w.call("BatchGetProjects", map[string]any{"names": []string{"app", "nope"}})
	if err != nil || out["projects"].([]any)[0].(map[string]any)["timeoutInMinutes"] != 30.0 || out["projectsNotFound"].([]any)[0] != "nope" {
		t.Errorf("%v %v", out, err)
	}
	w.cloud.denied = []string{"sts:AssumeRole"}
	if _, err := p.Create(t.Context(), request(map[string]any{"Name": "other"}, nil)); err == nil || err.Error() != "InvalidInputException: CodeBuild is not authorized to perform: sts:AssumeRole on "+roleARN {
		t.Errorf("role that cannot be assumed: %v", err)
	}
	if err := p.Delete(t.Context(), request(nil, nil)); err != nil {
		t.Error(err)
	}
	if _, err := w.call("StartBuild", map[string]any{"projectName": "app"}); err == nil {
		t.Error("the project is still there")
	}
}

// TestProjectDeletedWhileABuildStarts: whatever comes first, no project is left that nobody made.
func TestProjectDeletedWhileABuildStarts(t *testing.T) {
	w := newWorld(t, 1)
	for range 30 {
		w.project(nil)
		var both sync.WaitGroup
		both.Go(func() {
			out, err := w.call("StartBuild", map[string]any{"projectName": "app"})
			if err == nil {
				_, err = w.call("StopBuild", map[string]any{"id": out["build"].(map[string]any)["id"]})
			}
			if err != nil && !strings.Contains(err.Error(), "Project cannot be found") {
				t.Error(err)
			}
		})
		both.Go(func() {
			if err := w.room.Resources()["AWS::CodeBuild::Project"].Delete(t.Context(), resource.Request{Stack: stack(), PhysicalID: "app"}); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		if out, err := w.call("ListProjects", map[string]any{}); err != nil || len(out["projects"].([]any)) > 0 {
			t.Fatalf("%v, %v", out, err)
		}
	}
}

// TestProjectsByARN: projects may be named by ARN. Source: CodeBuild API Reference, BatchGetProjects, "names", 2026-11.
func TestProjectsByARN(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	const arn = "arn:aws:codebuild:us-east-1:123456789012:project/"
	out, err := w.call("BatchGetProjects", map[string]any{"names": []string{arn + "app", arn + "absent"}})
	if err != nil || len(out["projects"].([]any)) != 1 || fmt.Sprint(out["projectsNotFound"]) != "["+arn+"absent]" {
		t.Errorf("%v, %v", out, err)
	}
}

// TestRetryTwice: a repeated RetryBuild starts one build, and a token is for one request.
// Source: CodeBuild API Reference, RetryBuild, "idempotencyToken", 2026-11.
func TestRetryTwice(t *testing.T) {
	w := newWorld(t, 1)
	w.project(nil)
	first, second := w.start(inline("true")), w.start(inline("true"))
	w.end(first)
	w.end(second)
	retry := func(id, token string) (string, error) {
		out, err := w.call("RetryBuild", map[string]any{"id": id, "idempotencyToken": token})
		if err != nil {
			return "", err
		}
		return out["build"].(map[string]any)["id"].(string), nil
	}
	one, err := retry(first, "t")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := retry(first, "t"); err != nil || again != one {
		t.Errorf("the repeated request starts %s beside %s, %v", again, one, err)
	}
	if other, err := retry(second, "t"); err == nil || !strings.Contains(err.Error(), "parameter mismatch") {
		t.Errorf("the token for another build: %s, %v", other, err)
	}
	for range 2 {
		next, err := retry(first, "")
		if err != nil || next == one {
			t.Errorf("without a token: %s, %v", next, err)
		}
		one = next
	}
}
