package assembly

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAddImage reads docker images of asset manifests as the CDK CLI does.
// Source: aws-cdk-lib, cloud-assembly-schema, DockerImageSource; aws-cdk-cli, cdk-assets-lib, docker.ts, 2026-11.
func TestAddImage(t *testing.T) {
	cases := []struct{ name, source, flags, refused string }{
		{name: "plain", source: `{"directory": "asset.1"}`},
		{name: "every flag", source: `{"directory": "asset.1", "dockerFile": "Other", "dockerBuildTarget": "web", "dockerBuildArgs": {"B": "2 3", "A": "1"},
			"dockerBuildContexts": {"alpine": "docker-image://busybox:1"}, "networkMode": "host", "platform": "linux/arm64", "dockerOutputs": ["type=docker"],
			"cacheFrom": [{"type": "registry", "params": {"ref": "x"}}], "cacheTo": {"type": "inline"}, "cacheDisabled": true}`,
			flags: "--build-arg|A=1|--build-arg|B=2 3|--build-context|alpine=docker-image://busybox:1|--target|web|--file|Other|--network|host|" +
				"--platform|linux/arm64|--output=type=docker|--cache-from|type=registry,ref=x|--cache-to|type=inline|--no-cache"},
		{name: "command", source: `{"executable": ["make", "image"]}`, refused: "made by a command"},
		{name: "SSH", source: `{"directory": "asset.1", "dockerBuildSsh": "default"}`, refused: "built with an SSH agent"},
		{name: "secrets", source: `{"directory": "asset.1", "dockerBuildSecrets": {"a": "src=a"}}`, refused: "built with secrets of this machine"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var a assetImage
			text := `{"source": ` + c.source + `, "destinations": {"x": {"repositoryName": "images-${AWS::Region}", "imageTag": "abc"}}}`
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				t.Fatal(err)
			}
			s := Stack{ID: "Web"}
			err := s.addImage("out", "Image", a)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("%v, want %q", err, c.refused)
				}
				return
			}
			var flags []string
			if c.flags != "" {
				flags = strings.Split(c.flags, "|")
			}
			want := []Image{{Name: "Image", Dir: "out/asset.1", Flags: flags, Repository: "images-${AWS::Region}", Tag: "abc"}}
			if diff := cmp.Diff(want, s.Images); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestWriteContext: links, modes and empty folders reach docker as they are.
func TestWriteContext(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(dir, "sub", "empty"), 0o755), os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!"), 0o755),
		os.WriteFile(filepath.Join(dir, "sub", "a"), []byte("a"), 0o644), os.Symlink("run.sh", filepath.Join(dir, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var archive bytes.Buffer
	if err := (Image{Dir: dir}).WriteContext(&archive); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(&archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(h.FileInfo().Mode().String()+" "+h.Name+" "+h.Linkname))
	}
	want := "drwx ./,Lrwxrwxrwx link run.sh,-rwxr-xr-x run.sh,drwxr-xr-x sub/,-rw-r--r-- sub/a,drwxr-xr-x sub/empty/"
	got[0] = got[0][:4] + got[0][10:]
	if strings.Join(got, ",") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ","), want)
	}
}
