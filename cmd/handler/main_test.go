package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/internal/contract"
)

const (
	stackID = "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6c2b0b2e-1111-2222-3333-444455556666"
	digest  = "sha256:abababababababababababababababababababababababababababababababab"
)

// cloud is what surrounds the function: Lambda's Runtime API, the services' endpoint, and CloudFormation's response
// URL.
type cloud struct {
	t       *testing.T
	server  *httptest.Server
	event   chan []byte
	results chan result
	put     []byte            // what was uploaded as answer
	answers map[string]string // of the services, by operation
	asked   []string          // operations that were called
}

// result is what the function said of an event.
type result struct {
	path string // its last part: "response" or "error"
	body string
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{t: t, event: make(chan []byte, 1), results: make(chan result, 1), answers: map[string]string{
		"BatchGetImage": `{"images":[],"failures":[{"failureCode":"ImageNotFound"}]}`,
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", c.next)
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		c.results <- result{filepath.Base(r.URL.Path), string(body)}
	})
	mux.HandleFunc("PUT /answer", func(_ http.ResponseWriter, r *http.Request) { c.put, _ = io.ReadAll(r.Body) })
	mux.HandleFunc("POST /{$}", c.service)
	c.server = httptest.NewServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// next gives the function its event, once; then it waits for ever, as Lambda does.
func (c *cloud) next(w http.ResponseWriter, r *http.Request) {
	select {
	case event := <-c.event:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "11111111-2222-3333-4444-555555555555")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:111122223333:function:f")
		_, _ = w.Write(event)
	case <-r.Context().Done():
	}
}

func (c *cloud) service(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.asked = append(c.asked, operation)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=ASIAROLE/") {
		c.t.Errorf("%s is not signed by the role", operation)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if c.answers[operation] == "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not in this test"}`)
		return
	}
	_, _ = io.WriteString(w, c.answers[operation])
}

// invoke runs the function's program for one event, as Lambda does for the first event of an environment.
func (c *cloud) invoke(event []byte, program ...string) result {
	c.t.Helper()
	c.event <- event
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(c.server.URL, "http://"), "AWS_ENDPOINT_URL=" + c.server.URL,
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=ASIAROLE", "AWS_SECRET_ACCESS_KEY=s", "AWS_SESSION_TOKEN=t",
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_LOG_STREAM_NAME=stream", "_HANDLER=bootstrap",
		"MACHINE_ARN=arn:aws:states:eu-west-1:111122223333:stateMachine:m",
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
		if strings.Contains(log.String(), "hidden") {
			c.t.Errorf("the log shows the response URL: %s", log.String())
		}
	}()
	select {
	case r := <-c.results:
		return r
	case <-ctx.Done():
		c.t.Fatalf("no result; the function's log:\n%s", log.String())
		return result{}
	}
}

// create is CloudFormation's event for a new builder.
func (c *cloud) create() []byte {
	request := contract.Request{
		Version:    contract.Version,
		Source:     contract.Source{Bucket: "assets", Key: "0f.zip", Hash: strings.Repeat("0f", 32)},
		Repository: contract.Repository{Name: "shop", URI: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"},
		Project:    "td-6c2b0b2e-0a1b2c3d", LogGroup: "/aws/codebuild/td-6c2b0b2e-0a1b2c3d",
		Args:         []contract.Argument{{Name: "API_URL", Value: contract.Text{contract.Value("https://x.test/prod")}}},
		BuildMinutes: "30", ServiceSeconds: "2280",
	}
	return c.marshal(map[string]any{
		"RequestType": "Create", "RequestId": "9f3c", "ResponseURL": c.server.URL + "/answer?X-Amz-Signature=hidden",
		"StackId": stackID, "LogicalResourceId": "WebBuild", "ResourceType": "Custom::TokenInjectableDockerBuilder",
		"ResourceProperties": map[string]any{"ServiceToken": "f", "ServiceTimeout": "2280", "Request": request},
	})
}

func (c *cloud) marshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// hasImage lets ECR hold the image.
func (c *cloud) hasImage() {
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + digest + `","size":7},` +
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"` + digest + `","size":9}]}`
	c.answers["BatchGetImage"] = string(c.marshal(map[string]any{"images": []any{map[string]any{
		"imageId": map[string]string{"imageDigest": digest}, "imageManifest": manifest,
		"imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
	}}}))
}

// checkAnswer checks that CloudFormation has been told of the image.
func (c *cloud) checkAnswer(r result) {
	c.t.Helper()
	var answer contract.Response
	if err := json.Unmarshal(c.put, &answer); err != nil {
		c.t.Fatalf("answer %q (%v), result %+v", c.put, err, r)
	}
	if r.path != "response" || answer.Status != contract.Success || answer.Data == nil ||
		answer.Data.ImageUri != "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@"+digest {
		c.t.Errorf("result %+v, answer %s", r, c.put)
	}
}

// compiled builds the program for this machine.
func compiled(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return program
}

func TestProgram(t *testing.T) {
	program := compiled(t)
	t.Run("image there", func(t *testing.T) {
		c := newCloud(t)
		c.hasImage()
		c.checkAnswer(c.invoke(c.create(), program))
	})
	t.Run("image not there", func(t *testing.T) {
		c := newCloud(t)
		c.answers["StartExecution"] = `{"executionArn":"e","startDate":1}`
		if r := c.invoke(c.create(), program); r.path != "response" || c.put != nil || c.asked[len(c.asked)-1] != "StartExecution" {
			t.Errorf("result %+v, answer %q, calls %v", r, c.put, c.asked)
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := newCloud(t)
		if r := c.invoke(c.create(), program); r.path != "error" || !strings.Contains(r.body, "AccessDeniedException") || c.put != nil {
			t.Errorf("result %+v, answer %q: want an error, so that Lambda tries again", r, c.put)
		}
	})
	t.Run("foreign event", func(t *testing.T) {
		c := newCloud(t)
		if r := c.invoke([]byte(`{"detail-type":"Scheduled Event"}`), program); r.path != "error" || len(c.asked) > 0 {
			t.Errorf("result %+v, calls %v", r, c.asked)
		}
	})
}

func TestNoMachine(t *testing.T) {
	t.Setenv("MACHINE_ARN", "")
	if _, err := connect(t.Context()); err == nil || !strings.Contains(err.Error(), "MACHINE_ARN is not set") {
		t.Errorf("error %v", err)
	}
}
