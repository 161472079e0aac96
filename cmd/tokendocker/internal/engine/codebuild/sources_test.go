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
		{name: "pipeline", source: "CodeBuild API Reference, ProjectArtifacts, 2026-11", limit: "there are no pipelines to start it",
			from: "CODEPIPELINE", to: "CODEPIPELINE", start: "does not read sources of type CODEPIPELINE"},
		{name: "half a pipeline", source: "CodeBuild API Reference, ProjectSource, 2026-11", limit: "the message's words are ours",
			from: "NO_SOURCE", to: "CODEPIPELINE", create: "must both have the type CODEPIPELINE"},
		{name: "GitHub", source: "CodeBuild API Reference, ProjectSource, 2026-11", limit: "repositories of elsewhere are not read",
			from: "GITHUB", to: "NO_ARTIFACTS", start: "does not read sources of type GITHUB"},
		{name: "artifacts without a bucket", source: "CodeBuild API Reference, ProjectArtifacts, 2026-11", limit: "the message's words are ours",
			from: "NO_SOURCE", to: "S3", create: "location must be set"},
		{name: "made up", source: "CodeBuild API Reference, ProjectSource, 2026-11", limit: "the message's words are ours",
			from: "FLOPPY", to: "NO_ARTIFACTS", create: "Invalid source type: FLOPPY"},
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
