package codebuild_test

import (
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// TestSourcesAndArtifacts: a project may have what its builds here cannot use; they say so.
func TestSourcesAndArtifacts(t *testing.T) {
	cases := []struct {
		name, source, limit string
		from, to            string // types of source and artifacts
		create, start       string // part of the error; empty: none
	}{
		{"pipeline", "CodeBuild API Reference, ProjectArtifacts", "there are no pipelines to start it", "CODEPIPELINE", "CODEPIPELINE", "", "does not read sources of type CODEPIPELINE"},
		{"half a pipeline", "CodeBuild API Reference, ProjectSource", "the message's words are ours", "NO_SOURCE", "CODEPIPELINE", "must both have the type CODEPIPELINE", ""},
		{"GitHub", "CodeBuild API Reference, ProjectSource", "repositories of elsewhere are not read", "GITHUB", "NO_ARTIFACTS", "", "does not read sources of type GITHUB"},
		{"artifacts without a bucket", "CodeBuild API Reference, ProjectArtifacts", "the message's words are ours", "NO_SOURCE", "S3", "location must be set", ""},
		{"made up", "CodeBuild API Reference, ProjectSource", "the message's words are ours", "FLOPPY", "NO_ARTIFACTS", "Invalid source type: FLOPPY", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			_, err := w.room.Resources()["AWS::CodeBuild::Project"].Create(t.Context(), resource.Request{
				Stack: stack(), Type: "AWS::CodeBuild::Project", LogicalID: "Project", Properties: properties(map[string]any{
					"Source":    map[string]any{"Type": c.from, "BuildSpec": "version: 0.2\nphases: {build: {commands: [echo hi]}}\n"},
					"Artifacts": map[string]any{"Type": c.to}})})
			if c.create != "" {
				if err == nil || !strings.Contains(err.Error(), c.create) {
					t.Errorf("created: %v, want %q", err, c.create)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.call("StartBuild", map[string]any{"projectName": "app"}); err == nil || !strings.Contains(err.Error(), c.start) {
				t.Errorf("started: %v, want %q", err, c.start)
			}
		})
	}
}
