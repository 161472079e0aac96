package codebuild_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// recipe logs in with the AWS CLI, builds with a builder of its own and registry cache, pushes twice under a tag that
// may not be moved, pulls with the docker daemon, and says what it saw.
const recipe = `version: 0.2
env:
  shell: bash
phases:
  pre_build:
    commands:
      - aws sts get-caller-identity || true
      - aws ecr get-login-password | docker login --username AWS --password-stdin $HOST
  build:
    commands:
      - |
        set -euo pipefail
        printf 'FROM scratch\nARG V\nLABEL v=$V\nCOPY Dockerfile /\n' > Dockerfile
        docker buildx create --driver docker-container --use --name b >/dev/null
        docker buildx build --progress=plain --provenance=false --sbom=false --push --build-arg V=1 -t $HOST/app:v1 \
          --cache-to type=registry,ref=$HOST/app:cache,mode=max,image-manifest=true,oci-mediatypes=true .
      - docker buildx build --progress=plain --provenance=false --push --build-arg V=2 -t $HOST/app:v1 . 2>&1 && exit 1 || echo refused as it must be
      - docker pull $HOST/app:v1
      - docker tag $HOST/app:v1 $HOST/nowhere:v1 && docker push $HOST/nowhere:v1 2>&1 || echo no such repository
`

// everybody may do everything.
type everybody struct{}

func (everybody) Authorize(context.Context, *session.Session, string, protocol.Need) error {
	return nil
}

// trust gives sessions of any role.
type trust struct{ sessions *session.Sessions }

func (r trust) AssumeAsService(_ context.Context, role, _, name string, cause session.Cause) (*session.Session, error) {
	s := &session.Session{Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/Builder/" + name, RoleARN: role}
	s.SetCause(cause)
	return r.sessions.Add(s), nil
}

// TestDockerBuild runs one build with the real tools, through the real door, against the real registry.
func TestDockerBuild(t *testing.T) {
	installed, err := sandbox.Installed()
	if err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the folder goes away
	c, good, sessions := clock.New(1), &switches.Switches{}, session.NewSessions()
	d := door.New(door.Options{Partition: "aws", Region: "us-east-1", Clock: c, Sessions: sessions,
		Authorizer: everybody{}, Switches: good, Log: slog.New(slog.DiscardHandler)})
	store := registry.NewStore(t.Context(), t.TempDir())
	tokens := registry.NewTokens(c)
	pushes := make(chan string, 100)
	images, err := ecr.New(ecr.Options{State: st, Clock: c, Content: store, Tokens: tokens, Missing: registry.Missing,
		Seen: func(cause session.Cause, _, tag, _ string, pushed bool) {
			if pushed {
				pushes <- cause.Build + " " + cause.Request.ID + " " + tag
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	d.Register(images)
	d.Host("*.dkr.ecr.*.amazonaws.com", registry.NewFront(store, tokens, images, d))
	mirrored := installed.Mirror != ""
	if mirrored {
		m, err := registry.NewMirror(t.Context(), installed.Mirror)
		if err != nil {
			t.Fatal(err)
		}
		d.Host(registry.MirrorHost, m)
	}
	box := startSandbox(t, d, mirrored)
	cl := newCloud()
	room, err := codebuild.New(codebuild.Options{State: st, Clock: c, Switches: good, Caller: cl, Roles: trust{sessions}, Objects: cl,
		NewContainer: func(ctx context.Context, spec sandbox.ContainerSpec) (codebuild.Container, error) {
			return box.NewContainer(ctx, spec)
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer room.Close() //nolint:errcheck // never fails
	d.Host(codebuild.CredentialsHost, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { room.ServeCredentials(w, r) }))
	w := &world{t: t, cloud: cl, room: room, switches: good}
	w.project(map[string]any{"Environment": map[string]any{"Type": "LINUX_CONTAINER", "Image": "aws/codebuild/standard:7.0", "ComputeType": "X",
		"PrivilegedMode": true, "EnvironmentVariables": []any{map[string]any{"Name": "HOST", "Value": "123456789012.dkr.ecr.us-east-1.amazonaws.com"}}}})
	_, err = images.Resources()["AWS::ECR::Repository"].Create(t.Context(), resource.Request{Stack: stack(), LogicalID: "R", Properties: map[string]any{
		"RepositoryName": "app", "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "ImageTagMutabilityExclusionFilters": []any{
			map[string]any{"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "cache"}}}})
	if err != nil {
		t.Fatal(err)
	}
	id := w.start(map[string]any{"buildspecOverride": recipe})
	b := w.endWithin(id, 3*time.Minute)
	log := cl.log(id)
	if b.BuildStatus != "SUCCEEDED" {
		t.Fatalf("build is %s; log:\n%s", b.BuildStatus, log)
	}
	checkLog(t, log, []string{"Login Succeeded", "pushing manifest",
		"The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.",
		"\nrefused as it must be", "Status: Downloaded newer image for",
		"name unknown: The repository with name 'nowhere' does not exist in the registry with id '123456789012'", "\nno such repository"}, nil)
	arn := "arn:aws:ecr:us-east-1:123456789012:repository/app"
	for _, tag := range []string{"v1", "cache"} {
		if _, found := images.Resolve(arn, tag); !found {
			t.Errorf("tag %s is not in the registry", tag)
		}
	}
	r := room.Records()[0]
	if r.Images != 2 || r.Buildx <= 0 || r.Buildx > time.Minute {
		t.Errorf("%+v", r)
	}
	if first := <-pushes; !strings.HasPrefix(first, id+" r1 ") {
		t.Errorf("push %q", first)
	}
}

// startSandbox starts a sandbox whose AWS is front.
func startSandbox(t *testing.T, front http.Handler, mirrored bool) *sandbox.Sandbox {
	t.Helper()
	dir, err := os.MkdirTemp("", "td-") // a socket's path may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) }) //nolint:errcheck // a test's own folder
	authority, err := door.OpenAuthority(t.TempDir(), registry.MirrorHost)
	if err != nil {
		t.Fatal(err)
	}
	secure, err := net.Listen("unix", filepath.Join(dir, sandbox.HTTPSSocket))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("unix", filepath.Join(dir, sandbox.HTTPSocket))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: front, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), 0)}
	go server.Serve(tls.NewListener(secure, authority.Config())) //nolint:errcheck // ends with the test
	go server.Serve(plain)                                       //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })                         //nolint:errcheck // ends with the test
	box, err := sandbox.New(sandbox.Config{State: "test-builds", Dir: filepath.Join(dir, "box"), Sockets: dir, CA: authority.PEM(),
		ECRHosts: []string{"123456789012.dkr.ecr.us-east-1.amazonaws.com"}, Mirror: mirrored})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return box
}
