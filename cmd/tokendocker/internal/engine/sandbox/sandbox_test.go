package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// shared is the sandbox that most tests use; starting one takes seconds.
var shared struct {
	*sandbox.Sandbox
	outside *outside
	mirror  bool
	state   string
}

type tempDir string

func (d tempDir) TempDir() string { return string(d) }

func TestMain(m *testing.M) {
	if os.Getenv("SANDBOX_TEST_STATE") != "" { // the process that TestKilledProcess kills
		os.Exit(m.Run())
	}
	os.Exit(func() int {
		if err := sandbox.Check(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		installed, err := sandbox.Installed()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		o, done, err := newOutside(installed.Mirror)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer done()
		shared.outside, shared.mirror, shared.state = o, installed.Mirror != "", fmt.Sprintf("test-%d", os.Getpid())
		dir, err := os.MkdirTemp("", "td-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		config := o.config(tempDir(dir), shared.state, shared.mirror)
		config.Log = func(line string) { fmt.Fprintln(os.Stderr, line) }
		if shared.Sandbox, err = sandbox.New(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := shared.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		if left, err := sandbox.Leftovers(context.Background(), shared.state); err != nil || len(left) > 0 {
			fmt.Fprintln(os.Stderr, "left after Stop:", left, err)
			code = 1
		}
		return code
	}())
}

var containerNumber = struct {
	sync.Mutex
	n int
}{}

// newBuild returns a build container of the shared sandbox.
func newBuild(t *testing.T) *sandbox.Container {
	t.Helper()
	containerNumber.Lock()
	containerNumber.n++
	name := fmt.Sprintf("%d", containerNumber.n)
	containerNumber.Unlock()
	c, err := shared.NewContainer(t.Context(), sandbox.ContainerSpec{Name: name, Docker: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// bash runs a script in c and returns its exit code and output.
func bash(t *testing.T, c *sandbox.Container, script string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code, err := c.Exec(t.Context(), sandbox.ExecSpec{
		Argv: append([]string{"bash", "-c", script, "bash"}, args...), Stdout: &out, Stderr: &out,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return code, out.String()
}

// mustBash is bash for a script that ends with exit code 0.
func mustBash(t *testing.T, c *sandbox.Container, script string, args ...string) string {
	t.Helper()
	code, out := bash(t, c, "set -euo pipefail\n"+script, args...)
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	return out
}

const login = `echo ` + password + ` | docker login --username AWS --password-stdin ` + ecrHost + ` 2>&1
`

func TestBuildPushesToECRWithRegistryCache(t *testing.T) {
	c := newBuild(t)
	build := login + `
mkdir -p /codebuild/app; cd /codebuild/app
printf 'FROM node:22 AS one\nARG VALUE\nRUN node -p "process.version" && date +%%s%%N > /stamp && printf %%s "$VALUE" > /value\nFROM scratch\nCOPY --from=one /stamp /value /\n' > Dockerfile
docker buildx create --name td --driver docker-container --use
timeout 60 docker buildx inspect --bootstrap
docker buildx build --progress=plain --push --build-arg VALUE --provenance=false --sbom=false -t ` + ecrHost + `/app:one \
  --cache-from type=registry,ref=` + ecrHost + `/app:cache --cache-to type=registry,ref=` + ecrHost + `/app:cache,mode=max,image-manifest=true,oci-mediatypes=true .
docker pull -q ` + ecrHost + `/app:one
id=$(docker create ` + ecrHost + `/app:one /none)
docker cp "$id:/stamp" - | tar -xO > stamp
docker cp "$id:/value" - | tar -xO > value
cat stamp
`
	if !shared.mirror {
		t.Log("node:22 comes from Docker Hub")
	}
	start := time.Now()
	first := mustBash(t, c, "export VALUE='a \"b\" $(c) `d`'\n"+build)
	t.Logf("first build: %v", time.Since(start))
	if !strings.Contains(first, "\nv22.") && !strings.Contains(first, " v22.") {
		t.Errorf("node 22 did not run in the build:\n%s", first)
	}
	if value := mustBash(t, c, "cat /codebuild/app/value"); value != "a \"b\" $(c) `d`" {
		t.Errorf("the build argument's value arrived as %q", value)
	}
	runs, err := c.Buildx(t.Context())
	if err != nil || len(runs) != 1 || runs[0].ExitCode != 0 || runs[0].Command != "build" ||
		!runs[0].End.After(runs[0].Start) || runs[0].Start.Before(start) {
		t.Errorf("got runs %+v, %v", runs, err)
	}
	stamp := last(first)

	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := shared.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	c = newBuild(t)
	if left := mustBash(t, c, "docker ps -aq; docker volume ls -q; docker image ls --format '{{.Repository}}:{{.Tag}}'; ls -A /codebuild"); left != sandbox.DefaultBuildKitImage+"\n" {
		t.Errorf("after Reset the build daemon holds:\n%s", left)
	}
	start = time.Now()
	second := mustBash(t, c, "export VALUE='a \"b\" $(c) `d`'\n"+build)
	t.Logf("second build, a new builder with the registry's cache: %v", time.Since(start))
	if last(second) != stamp {
		t.Errorf("the second build ran the step again: stamp %q, then %q\n%s", stamp, last(second), second)
	}
}

func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
