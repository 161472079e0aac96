package codebuild_test

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const artifactsPage = "CodeBuild API Reference, ProjectArtifacts, 2026-11"

// produce is what the builds of this table write.
const produce = "mkdir -p dist/css dist/js other && echo a > dist/a.txt && echo b > dist/css/b.css && echo c > dist/js/c.js && echo d > other/d.txt && ln -s a.txt dist/link"

// TestArtifacts is the marked case table of what builds keep in S3.
func TestArtifacts(t *testing.T) {
	cases := []struct {
		name, source, limit string
		artifacts           map[string]any // of the project
		secondary           []any
		spec                string            // artifacts of the buildspec
		key                 string            // of the project
		denied              string            // action
		want                map[string]string // objects; for a ZIP file its names
		fails               string            // context of the phase; empty: it succeeds
	}{
		{name: "files as they are", source: artifactsPage, artifacts: map[string]any{"Location": "out"},
			spec: "{files: ['dist/**/*', other/d.txt]}", want: map[string]string{"out/app/dist/a.txt": "a", "out/app/dist/link": "a",
				"out/app/dist/css/b.css": "b", "out/app/dist/js/c.js": "c", "out/app/other/d.txt": "d"}},
		{name: "base directory", source: specPage + ", artifacts/base-directory", artifacts: map[string]any{"Location": "out", "Path": "p/", "Name": "n"},
			spec: "{files: ['**/*'], base-directory: dist}", want: map[string]string{"out/p/n/a.txt": "a", "out/p/n/link": "a", "out/p/n/css/b.css": "b", "out/p/n/js/c.js": "c"}},
		{name: "pattern of base directories", source: specPage + ", artifacts/base-directory", artifacts: map[string]any{"Location": "out", "Name": "/"},
			spec: "{files: ['*.txt', b.css], base-directory: '[do]*'}", want: map[string]string{"out/a.txt": "a", "out/d.txt": "d"}},
		{name: "paths are discarded", source: specPage + ", artifacts/discard-paths", artifacts: map[string]any{"Location": "out", "Name": "/"},
			spec: "{files: ['dist/*/*'], discard-paths: yes}", want: map[string]string{"out/b.css": "b", "out/c.js": "c"}},
		{name: "excluded paths", source: specPage + ", artifacts/exclude-paths", artifacts: map[string]any{"Location": "out", "Name": "/"},
			spec: "{files: ['dist/**/*'], exclude-paths: ['dist/**/*.js', dist/link, dist/a.txt]}", want: map[string]string{"out/dist/css/b.css": "b"}},
		{name: "folder of the build's own", source: artifactsPage + ", namespaceType", artifacts: map[string]any{"Location": "arn:aws:s3:::out", "Path": "p", "NamespaceType": "BUILD_ID", "Name": "/"},
			spec: "{files: [other/d.txt], s3-prefix: first}", want: map[string]string{"out/first/p/UUID/other/d.txt": "d"}},
		{name: "ZIP file", source: artifactsPage + ", packaging", artifacts: map[string]any{"Location": "out", "Packaging": "ZIP", "Name": "all.zip"},
			spec: "{files: ['**/*'], base-directory: dist, enable-symlinks: yes}", want: map[string]string{"out/all.zip": "a.txt css/b.css js/c.js link"}},
		{name: "the buildspec's name", source: specPage + ", artifacts/name", artifacts: map[string]any{"Location": "out", "Name": "project", "OverrideArtifactName": true},
			spec: "{files: [dist/a.txt], name: 'mine-$(echo $CODEBUILD_BUILD_NUMBER)'}", want: map[string]string{"out/mine-1/dist/a.txt": "a"}},
		{name: "the buildspec's name does not count", source: artifactsPage + ", overrideArtifactName", artifacts: map[string]any{"Location": "out", "Name": "project"},
			spec: "{files: [dist/a.txt], name: mine}", want: map[string]string{"out/project/dist/a.txt": "a"}},
		{name: "secondary artifacts", source: specPage + ", artifacts/secondary-artifacts", artifacts: map[string]any{"Type": "NO_ARTIFACTS"},
			secondary: []any{map[string]any{"Type": "S3", "ArtifactIdentifier": "one", "Location": "first", "Name": "/"}, map[string]any{"Type": "S3", "ArtifactIdentifier": "two", "Location": "second", "Name": "t.zip", "Packaging": "ZIP"}},
			spec:      "{secondary-artifacts: {one: {files: [dist/a.txt]}, two: {files: ['*'], base-directory: other}}}", want: map[string]string{"first/dist/a.txt": "a", "second/t.zip": "d.txt"}},
		{name: "none match", source: "aws-samples/amazon-ecs-fargate-cdk-cicd#13", artifacts: map[string]any{"Location": "out"},
			spec: "{files: ['*.jar']}", fails: "CLIENT_ERROR: no matching artifact paths found"},
		{name: "no base directory", source: "aws/aws-cdk#25842", artifacts: map[string]any{"Location": "out"},
			spec: "{files: ['*'], base-directory: target}", fails: "CLIENT_ERROR: no matching base directory path found for target"},
		{name: "role may not put", source: "CodeBuild User Guide, Allow CodeBuild to interact with other AWS services, 2026-11", limit: "the message's words are ours",
			artifacts: map[string]any{"Location": "out"}, spec: "{files: [dist/a.txt]}", denied: "s3:PutObject",
			fails: "CLIENT_ERROR: AccessDenied: User: "},
		{name: "role may not use the key", source: artifactsPage + ", encryptionDisabled", limit: "the key's own policy is not asked; the message's words are ours",
			artifacts: map[string]any{"Location": "out"}, spec: "{files: [dist/a.txt]}", denied: "kms:GenerateDataKey",
			key: "arn:aws:kms:us-east-1:123456789012:key/k", fails: "CLIENT_ERROR: AccessDenied: User: "},
		{name: "no key is needed", source: artifactsPage + ", encryptionDisabled",
			artifacts: map[string]any{"Location": "out", "EncryptionDisabled": true, "Name": "/"}, spec: "{files: [dist/a.txt]}", denied: "kms:GenerateDataKey",
			key: "arn:aws:kms:us-east-1:123456789012:key/k", want: map[string]string{"out/dist/a.txt": "a"}},
		{name: "no bucket", source: artifactsPage, limit: "the message's words are ours", artifacts: map[string]any{"Location": "nowhere"},
			spec: "{files: [dist/a.txt]}", fails: "CLIENT_ERROR: NoSuchBucket: The specified bucket does not exist for artifact arn:aws:s3:::nowhere/app/dist/a.txt"},
		{name: "the buildspec names no files", source: specPage + ", artifacts", limit: "nothing is kept, and the build succeeds; the page does not say what it does",
			artifacts: map[string]any{"Location": "out"}},
		{name: "the project wants none", source: specPage + ", artifacts", artifacts: map[string]any{"Type": "NO_ARTIFACTS"}, spec: "{files: ['*.jar']}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			if c.artifacts["Type"] == nil {
				c.artifacts["Type"] = "S3"
			}
			w.project(map[string]any{"Artifacts": c.artifacts, "SecondaryArtifacts": c.secondary, "EncryptionKey": c.key})
			if c.denied != "" {
				w.cloud.denied = []string{c.denied}
			}
			spec := "version: 0.2\nphases: {build: {commands: ['" + produce + "']}}\n"
			if c.spec != "" {
				spec += "artifacts: " + c.spec + "\n"
			}
			b := w.end(w.start(map[string]any{"buildspecOverride": spec}))
			if got := b.phase("UPLOAD_ARTIFACTS").context(); c.fails != "" && !strings.HasPrefix(got, c.fails) || c.fails == "" && b.BuildStatus != "SUCCEEDED" {
				t.Errorf("%s: %q, want %q", b.BuildStatus, got, c.fails)
			}
			want := map[string]string{}
			for name, content := range c.want {
				_, uuid, _ := strings.Cut(b.ID, ":")
				want[strings.ReplaceAll(name, "UUID", uuid)] = content
			}
			if diff := cmp.Diff(want, w.kept(t)); diff != "" {
				t.Error(diff, w.cloud.log(b.ID))
			}
		})
	}
}

// kept is what stands in the buckets: texts, and the names in ZIP files.
func (w *world) kept(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, content := range w.cloud.objects {
		out[name] = strings.TrimSpace(string(content))
		if strings.HasSuffix(name, ".zip") {
			z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, f := range z.File {
				names[f.Name] = true
				if link := f.Mode().Type() != 0; link != (f.Name == "link") {
					t.Errorf("%s is a link: %v", f.Name, link)
				}
				r, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					t.Error(err)
				}
			}
			out[name] = strings.Join(slices.Sorted(maps.Keys(names)), " ")
		}
	}
	return out
}

// TestArtifactsTold: BatchGetBuilds says where a build's artifacts are.
func TestArtifactsTold(t *testing.T) {
	w := newWorld(t, 1)
	w.project(map[string]any{"Artifacts": map[string]any{"Type": "S3", "Location": "out", "Packaging": "ZIP", "Name": "x.zip"}})
	id := w.start(map[string]any{"buildspecOverride": "version: 0.2\nphases: {build: {commands: ['echo x > y']}}\nartifacts: {files: [y]}\n",
		"artifactsOverride": map[string]any{"type": "S3", "location": "other", "packaging": "ZIP", "name": "z.zip"}})
	w.end(id)
	out, err := w.call("BatchGetBuilds", map[string]any{"ids": []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	got := out["builds"].([]any)[0].(map[string]any)["artifacts"].(map[string]any)
	if got["location"] != "arn:aws:s3:::other/z.zip" || len(got["sha256sum"].(string)) != 64 || w.cloud.objects["other/z.zip"] == nil {
		t.Errorf("%v", got)
	}
}

// TestSecondarySources: further sources have folders of their own, which variables name.
func TestSecondarySources(t *testing.T) {
	w := newWorld(t, 1)
	w.cloud.objects["assets/main/m"] = []byte("main\n")
	w.cloud.objects["assets/further/f"] = []byte("further\n")
	w.project(map[string]any{"Source": map[string]any{"Type": "S3", "Location": "assets/main/", "BuildSpec": "version: 0.2\nphases: {build: {commands: ['cat m $CODEBUILD_SRC_DIR_lib/f']}}\n"},
		"SecondarySources": []any{map[string]any{"Type": "S3", "Location": "assets/further/", "SourceIdentifier": "lib"}}})
	id := w.start(map[string]any{})
	if b := w.end(id); b.BuildStatus != "SUCCEEDED" {
		t.Error(b.BuildStatus)
	}
	checkLog(t, w.cloud.log(id), []string{"main\nfurther\n"}, nil)
	w.cloud.denied = []string{"s3:ListBucket"}
	if got := w.end(w.start(map[string]any{})).phase("DOWNLOAD_SOURCE").context(); !strings.Contains(got, "for primary source and source version arn:aws:s3:::assets") {
		t.Error(got)
	}
}

// TestNotDoneHere is the marked case table of what projects and buildspecs may ask for and builds here do not do.
func TestNotDoneHere(t *testing.T) {
	cases := []struct {
		name, source, limit string
		project             map[string]any
		spec                string
		log                 string
	}{
		{name: "cache in S3", source: "CodeBuild API Reference, ProjectCache, 2026-11", limit: "each build begins without a cache, as on a new host, and the log says so",
			project: map[string]any{"Cache": map[string]any{"Type": "S3", "Location": "bucket/cache"}}, log: "Not done here: cache of type S3"},
		{name: "cache of the host", source: "CodeBuild API Reference, ProjectCache, 2026-11", limit: "each build begins without a cache, as on a new host, and the log says so",
			project: map[string]any{"Cache": map[string]any{"Type": "LOCAL", "Modes": []any{"LOCAL_DOCKER_LAYER_CACHE"}}}, log: "Not done here: cache of type LOCAL"},
		{name: "cached paths", source: specPage + ", cache", limit: "each build begins without a cache, as on a new host, and the log says so",
			spec: "cache: {paths: ['/root/.m2/**/*']}\n", log: "Not done here: cache"},
		{name: "reports", source: specPage + ", reports", limit: "test reports are not kept, and the log says so",
			spec: "reports: {group: {files: ['*.xml']}}\n", log: "Not done here: reports"},
		{name: "batch", source: "CodeBuild User Guide, Batch build buildspec reference, 2026-11", limit: "a project may be for batch builds, which cannot be started",
			project: map[string]any{"BuildBatchConfig": map[string]any{"ServiceRole": roleARN}}, spec: "batch: {build-list: [{identifier: one}]}\n", log: "Not done here: batch"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.project(c.project)
			id := w.start(map[string]any{"buildspecOverride": "version: 0.2\n" + c.spec + "phases: {build: {commands: [echo on]}}\n"})
			if b := w.end(id); b.BuildStatus != "SUCCEEDED" {
				t.Error(b.BuildStatus)
			}
			checkLog(t, w.cloud.log(id), []string{c.log, "on\n"}, nil)
		})
	}
	if _, err := newWorld(t, 1).call("StartBuildBatch", map[string]any{"projectName": "app"}); err == nil || !strings.Contains(err.Error(), "StartBuildBatch") {
		t.Error(err)
	}
}

// TestProjectsThatAreWrong: further sources and artifacts are checked with the project.
func TestProjectsThatAreWrong(t *testing.T) {
	s3 := func(changes map[string]any) map[string]any {
		out := map[string]any{"Type": "S3", "Location": "out"}
		maps.Copy(out, changes)
		return out
	}
	cases := []struct {
		name, source, limit string
		change              map[string]any
		want                string
	}{
		{name: "packaging", source: artifactsPage, limit: "the message's words are ours",
			change: map[string]any{"Artifacts": s3(map[string]any{"Packaging": "TAR"})}, want: "Invalid artifacts packaging: TAR"},
		{name: "namespace", source: artifactsPage, limit: "the message's words are ours",
			change: map[string]any{"Artifacts": s3(map[string]any{"NamespaceType": "X"})}, want: "Invalid artifacts namespaceType: X"},
		{name: "no encryption of nothing", source: artifactsPage, limit: "the message's words are ours",
			change: map[string]any{"Artifacts": map[string]any{"Type": "NO_ARTIFACTS", "EncryptionDisabled": true}}, want: "encryptionDisabled may be set"},
		{name: "artifact without identifier", source: artifactsPage, limit: "the message's words are ours",
			change: map[string]any{"SecondaryArtifacts": []any{s3(nil)}}, want: `Invalid artifact identifier ""`},
		{name: "source identifier", source: "CodeBuild API Reference, ProjectSource, 2026-11", limit: "the message's words are ours",
			change: map[string]any{"SecondarySources": []any{map[string]any{"Type": "S3", "Location": "a/b.zip", "SourceIdentifier": "a-b"}}}, want: `Invalid source identifier "a-b"`},
		{name: "version of no source", source: "CodeBuild API Reference, ProjectSourceVersion, 2026-11", limit: "the message's words are ours",
			change: map[string]any{"SecondarySourceVersions": []any{map[string]any{"SourceIdentifier": "a", "SourceVersion": "1"}}}, want: `no secondary source "a"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := newWorld(t, 1).room.Resources()["AWS::CodeBuild::Project"].Create(t.Context(), resource.Request{
				Stack: stack(), Type: "AWS::CodeBuild::Project", LogicalID: "Project", Properties: properties(c.change)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
