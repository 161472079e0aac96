package codebuild_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	client "github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestSDK shows that the real client reads every answer.
func TestSDK(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, 1)
	w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/abc.zip", "BuildSpec": "version: 0.2\nphases: {build: {commands: ['false']}}\n"}})
	w.cloud.objects["assets/abc.zip"] = archive(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		body, _ := io.ReadAll(r.Body)
		answer, err := w.room.Serve(r.Context(), &protocol.Call{Service: "codebuild", Operation: operation, Partition: "aws",
			Region: "us-east-1", Account: "123456789012", Session: caller(), Body: body})
		rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if e := (*protocol.Error)(nil); errors.As(err, &e) {
			rw.WriteHeader(http.StatusBadRequest)
			answer = map[string]string{"__type": e.Code, "message": e.Message}
		}
		json.NewEncoder(rw).Encode(answer) //nolint:errcheck // the client has gone away
	}))
	defer server.Close()
	c := client.New(client.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", "")})
	started, err := c.StartBuild(ctx, &client.StartBuildInput{ProjectName: aws.String("app"), TimeoutInMinutesOverride: aws.Int32(7),
		PrivilegedModeOverride: aws.Bool(true), EnvironmentVariablesOverride: []types.EnvironmentVariable{{Name: aws.String("A"), Value: aws.String("1"), Type: types.EnvironmentVariableTypePlaintext}}})
	if err != nil {
		t.Fatal(err)
	}
	if b := started.Build; b.BuildStatus != types.StatusTypeInProgress || b.BuildComplete || *b.TimeoutInMinutes != 7 || time.Since(*b.StartTime) > time.Minute || b.EndTime != nil {
		t.Errorf("%+v", b)
	}
	w.end(*started.Build.Id)
	got, err := c.BatchGetBuilds(ctx, &client.BatchGetBuildsInput{Ids: []string{*started.Build.Id, "app:none"}})
	if err != nil {
		t.Fatal(err)
	}
	b := got.Builds[0]
	if b.BuildStatus != types.StatusTypeFailed || !b.BuildComplete || b.EndTime.Before(*b.StartTime) || len(got.BuildsNotFound) != 1 ||
		*b.Logs.GroupName != "/aws/codebuild/app" || *b.Environment.EnvironmentVariables[0].Value != "1" || !*b.Environment.PrivilegedMode {
		t.Errorf("%+v", b)
	}
	for _, p := range b.Phases {
		if p.PhaseType == types.BuildPhaseTypeBuild && *p.Contexts[0].StatusCode != "COMMAND_EXECUTION_ERROR" {
			t.Errorf("%+v", p)
		}
	}
	projects, err := c.BatchGetProjects(ctx, &client.BatchGetProjectsInput{Names: []string{"app"}})
	if err != nil || projects.Projects[0].Source.Type != types.SourceTypeS3 || projects.Projects[0].Created == nil {
		t.Errorf("%+v %v", projects, err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := c.ListBuildsForProject(ctx, &client.ListBuildsForProjectInput{ProjectName: aws.String("none")}); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}
