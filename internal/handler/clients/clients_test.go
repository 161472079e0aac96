package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// amazon answers each call with the next of the texts for its operation; a text that begins with "!" is an error's
// code. It keeps what was asked.
type amazon struct {
	answers map[string][]string
	asked   []string
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	a.asked = append(a.asked, operation+" "+string(body))
	left := a.answers[operation]
	if len(left) == 0 {
		left = []string{"!UnexpectedCall"}
	}
	if len(left) > 1 {
		a.answers[operation] = left[1:]
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if code, bad := strings.CutPrefix(left[0], "!"); bad {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"message":"text of %s"}`, code, code)
		return
	}
	_, _ = io.WriteString(w, left[0])
}

func serve(t *testing.T, answers map[string][]string) (*amazon, aws.Config) {
	t.Helper()
	a := &amazon{answers: answers}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s"}, nil
		}),
	}
}

func TestImage(t *testing.T) {
	cases := []struct {
		name, answer string
		want         handler.Manifest
		ok           bool
		kind         fault.Kind
	}{
		{"there", `{"images":[{"imageId":{"imageDigest":"sha256:1"},"imageManifest":"{ }","imageManifestMediaType":"m"}]}`,
			handler.Manifest{Digest: "sha256:1", MediaType: "m", Bytes: []byte("{ }")}, true, ""},
		{"no image", `{"images":[],"failures":[{"failureCode":"ImageNotFound"}]}`, handler.Manifest{}, false, ""},
		{"no repository", "!RepositoryNotFoundException", handler.Manifest{}, false, ""},
		{"refused", "!AccessDeniedException", handler.Manifest{}, false, fault.Denied},
		{"encrypted", `{"failures":[{"failureCode":"KmsError","failureReason":"key gone"}]}`, handler.Manifest{}, false, fault.Internal},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, config := serve(t, map[string][]string{"BatchGetImage": {c.answer}})
			got, ok, err := Registry{ecr.NewFromConfig(config)}.Image(t.Context(), "shop", "tag")
			if fault.KindOf(err) != c.kind || ok != c.ok {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(a.asked[0], "oci.image.index") {
				t.Error("an index would be hidden")
			}
		})
	}
}

func TestDeleteImage(t *testing.T) {
	for answer, kind := range map[string]fault.Kind{
		`{"imageIds":[{"imageTag":"tag"}]}`:                                                  "",
		`{"failures":[{"failureCode":"ImageNotFound"}]}`:                                     "",
		`{"failures":[{"failureCode":"ImageReferencedByManifestList","failureReason":"x"}]}`: fault.Internal,
		`!AccessDeniedException`:                                                             fault.Denied,
	} {
		_, config := serve(t, map[string][]string{"BatchDeleteImage": {answer}})
		if err := (Registry{ecr.NewFromConfig(config)}).Delete(t.Context(), "shop", "tag"); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestRecentBuilds(t *testing.T) {
	a, config := serve(t, map[string][]string{
		"ListBuildsForProject": {`{"ids":["p:2","p:1"],"nextToken":"more"}`},
		"BatchGetBuilds": {`{"builds":[
			{"id":"p:1","buildStatus":"SUCCEEDED"},
			{"id":"p:2","buildStatus":"FAILED","currentPhase":"COMPLETED","serviceRole":"r","timeoutInMinutes":30,
			 "logs":{"groupName":"g","streamName":"s"},
			 "phases":[{"phaseType":"QUEUED","phaseStatus":"FAILED","durationInSeconds":7,"contexts":[{"statusCode":"ACCESS_DENIED","message":"no"}]},{"phaseType":"COMPLETED"}]}]}`},
	})
	got, err := Builds{codebuild.NewFromConfig(config)}.Recent(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	want := []handler.Build{
		{ID: "p:2", Status: "FAILED", Phase: "COMPLETED", Role: "r", Minutes: 30, LogGroup: "g", LogStream: "s",
			Phases: []handler.Phase{{Type: "QUEUED", Status: "FAILED", Code: "ACCESS_DENIED", Message: "no", Seconds: 7}, {Type: "COMPLETED"}}},
		{ID: "p:1", Status: "SUCCEEDED"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(a.asked[0], "DESCENDING") {
		t.Errorf("asked %s", a.asked[0])
	}
}

func TestNoBuilds(t *testing.T) {
	for answer, kind := range map[string]fault.Kind{
		`{"ids":[]}`: "", "!ResourceNotFoundException": "", "!AccessDeniedException": fault.Denied, "!ThrottlingException": fault.Throttled,
	} {
		_, config := serve(t, map[string][]string{"ListBuildsForProject": {answer}})
		got, err := Builds{codebuild.NewFromConfig(config)}.Recent(t.Context(), "p")
		if len(got) != 0 || fault.KindOf(err) != kind {
			t.Errorf("%s: %v, %v", answer, got, err)
		}
	}
}

func TestExecutions(t *testing.T) {
	a, config := serve(t, map[string][]string{
		"ListExecutions": {
			`{"executions":[{"name":"a-1","executionArn":"arn1"},{"name":"b-1","executionArn":"arn2"}],"nextToken":"2"}`,
			`{"executions":[{"name":"a-2","executionArn":"arn3"}]}`,
			"!StateMachineDoesNotExist",
		},
		"StartExecution": {`{"executionArn":"x","startDate":1}`, "!ExecutionAlreadyExists", "!AccessDeniedException"},
		"StopExecution":  {`{"stopDate":1}`, "!ExecutionDoesNotExist", "!AccessDeniedException"},
	})
	m := Machine{Client: sfn.NewFromConfig(config), ARN: "machine"}
	got, err := m.Running(t.Context(), "a-")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]handler.Execution{{Name: "a-1", ARN: "arn1"}, {Name: "a-2", ARN: "arn3"}}, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(a.asked[0], "RUNNING") {
		t.Errorf("asked %s", a.asked[0])
	}
	if none, err := m.Running(t.Context(), "a-"); err != nil || len(none) != 0 {
		t.Errorf("no machine: %v, %v", none, err)
	}
	for i, want := range []struct {
		started bool
		kind    fault.Kind
	}{{true, ""}, {false, ""}, {false, fault.Denied}} {
		started, err := m.Start(t.Context(), "n", []byte(`{}`))
		if started != want.started || fault.KindOf(err) != want.kind {
			t.Errorf("start %d: %v %v", i, started, err)
		}
		if err := m.Stop(t.Context(), "arn1"); fault.KindOf(err) != want.kind {
			t.Errorf("stop %d: %v", i, err)
		}
	}
}

func TestLogPages(t *testing.T) {
	a, config := serve(t, map[string][]string{"GetLogEvents": {
		`{"events":[{"message":"3\n"},{"message":"4\n"}],"nextBackwardToken":"b/1"}`,
		`{"events":[{"message":"1\n"},{"message":"2\n"}],"nextBackwardToken":"b/1"}`,
		"!ResourceNotFoundException",
		"!AccessDeniedException",
	}})
	l := Logs{cloudwatchlogs.NewFromConfig(config)}
	newest, older, err := l.Page(t.Context(), "g", "s", "")
	if err != nil || len(newest) != 2 || newest[0] != "3\n" || older != "b/1" {
		t.Errorf("newest page: %q, %q, %v", newest, older, err)
	}
	first, older, err := l.Page(t.Context(), "g", "s", older)
	if err != nil || len(first) != 2 || older != "" {
		t.Errorf("first page: %q, %q, %v", first, older, err)
	}
	if none, _, err := l.Page(t.Context(), "g", "s", ""); err != nil || len(none) != 0 {
		t.Errorf("no stream: %q, %v", none, err)
	}
	if _, _, err := l.Page(t.Context(), "g", "s", ""); fault.KindOf(err) != fault.Denied {
		t.Errorf("refused: %v", err)
	}
	if !strings.Contains(a.asked[0], `"startFromHead":false`) {
		t.Errorf("asked %s", a.asked[0])
	}
}

// Error texts name what the service said and nothing that changes from try to try.
func TestErrorsAreEqual(t *testing.T) {
	_, config := serve(t, map[string][]string{"StopBuild": {"!AccessDeniedException"}})
	b := Builds{codebuild.NewFromConfig(config)}
	got := b.Stop(t.Context(), "p:1").Error()
	if want := "stop build p:1: AccessDeniedException: text of AccessDeniedException"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPut(t *testing.T) {
	cases := []struct {
		name   string
		status []int // of the tries
		tries  int
		ok     bool
	}{
		{"at once", []int{200}, 1, true},
		{"after trouble", []int{503, 500, 429, 200}, 4, true},
		{"refused", []int{403}, 1, false},
		{"never", []int{500}, putTries, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if _, sent := r.Header["Content-Type"]; sent || r.Method != http.MethodPut || !json.Valid(body) || r.ContentLength != int64(len(body)) {
					t.Errorf("%s with header %v, body %q", r.Method, r.Header, body)
				}
				w.WriteHeader(c.status[min(tries, len(c.status)-1)])
				tries++
			}))
			defer server.Close()
			err := Responder{Client: server.Client(), Pause: time.Millisecond}.Put(t.Context(), fault.Redact(server.URL+"/?X-Amz-Signature=hidden"), []byte(`{}`))
			if tries != c.tries || (err == nil) != c.ok {
				t.Errorf("%d tries, error %v", tries, err)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("error shows the URL: %v", err)
			}
		})
	}
}

func TestPutHidesTheURL(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1/?X-Amz-Signature=hidden", "http://[hidden", "hidden", "\x00hidden"} {
		err := Responder{Client: http.DefaultClient, Pause: time.Microsecond}.Put(t.Context(), fault.Redact(url), nil)
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %v", err)
		}
	}
}

// services are the prefixes of actions by the prefixes of targets.
var services = map[string]string{
	"AmazonEC2ContainerRegistry_V20150921": "ecr", "CodeBuild_20161006": "codebuild", "Logs_20140328": "logs", "AWSStepFunctions": "states",
}

// What the clients call is what the function is permitted, no more and no less.
func TestCallsAreWhatIsPermitted(t *testing.T) {
	called := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		called[services[service]+":"+operation] = true
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"ids":["p:1"]}`)
	}))
	defer server.Close()
	_, config := serve(t, nil)
	config.BaseEndpoint = &server.URL
	r, b := Registry{ecr.NewFromConfig(config)}, Builds{codebuild.NewFromConfig(config)}
	m, l := Machine{sfn.NewFromConfig(config), "m"}, Logs{cloudwatchlogs.NewFromConfig(config)}
	ctx := t.Context()
	_, _, imageErr := r.Image(ctx, "shop", "tag")
	_, buildsErr := b.Recent(ctx, "p")
	_, startErr := m.Start(ctx, "n", []byte("{}"))
	_, runningErr := m.Running(ctx, "p")
	_, _, logErr := l.Page(ctx, "g", "s", "")
	if err := errors.Join(imageErr, r.Delete(ctx, "shop", "tag"), buildsErr, b.Stop(ctx, "p:1"), startErr, runningErr, m.Stop(ctx, "e"), logErr); err != nil {
		t.Fatal(err)
	}
	permitted := map[string]bool{}
	for _, grant := range machine.FunctionActions() {
		for _, action := range grant.Actions {
			if grant.Resource != machine.FunctionLog { // Lambda writes it, in the role's name
				permitted[action] = true
			}
		}
	}
	if diff := cmp.Diff(permitted, called); diff != "" {
		t.Errorf("permitted and not called (-), called and not permitted (+):\n%s", diff)
	}
}
