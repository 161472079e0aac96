package registry_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

const (
	host = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
	user = "arn:aws:sts::123456789012:assumed-role/Builder/build"
)

// gate allows everything but the actions in denied, and notes what it was asked. A client may still be at work when a
// test goes on.
type gate struct {
	mu     sync.Mutex
	denied []string
	asked  []string
}

// deny replaces the denied actions and forgets what was asked.
func (g *gate) deny(actions ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.denied, g.asked = actions, nil
}

// was returns what was asked since the last deny.
func (g *gate) was() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asked)
}

func (g *gate) Call(context.Context, *session.Session, string, string, string, any, any) error {
	return errors.New("no calls here")
}

func (g *gate) Allow(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, need.Action+" "+need.Resources[0])
	if slices.Contains(g.denied, need.Action) {
		return protocol.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s",
			as.ARN, need.Action, need.Resources[0])
	}
	return nil
}

type seen struct {
	cause       session.Cause
	tag, digest string
	pushed      bool
}

// world is a registry behind TLS with ECR as its catalog.
type world struct {
	dir    string
	store  *registry.Store
	room   *ecr.Room
	tokens *registry.Tokens
	gate   *gate
	server *httptest.Server
	client *http.Client
	seen   []seen
	state  *state.Store
	clock  *clock.Clock

	mirror   *registry.Mirror // of Docker Hub
	upstream http.RoundTripper
	cutOff   *session.Session // no way leads from it to the registry
}

func newWorld(t *testing.T, dir string, factor float64) *world {
	t.Helper()
	w := &world{dir: dir, gate: &gate{}, clock: clock.New(factor)}
	var err error
	if w.state, err = state.Open(dir); err != nil {
		t.Fatal(err)
	}
	blobs, err := w.state.Dir("registry")
	if err != nil {
		t.Fatal(err)
	}
	w.store = registry.NewStore(t.Context(), blobs)
	w.tokens = registry.NewTokens(w.clock)
	w.room, err = ecr.New(ecr.Options{
		State: w.state, Clock: w.clock, Content: w.store, Tokens: w.tokens, Missing: registry.Missing, Caller: w.gate,
		Secret: func(string, string) (string, error) { return `{"username":"me","accessToken":"secret"}`, nil },
		Upstream: func(ctx context.Context, from ecr.UpstreamImage, arn string) ([]string, error) {
			return registry.NewImporter(w.store, w.mirror, w.upstream).Import(ctx, registry.Upstream(from), arn)
		},
		Seen: func(c session.Cause, _, tag, digest string, pushed bool) {
			w.seen = append(w.seen, seen{c, tag, digest, pushed})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	front := registry.NewFront(w.store, w.tokens, w.room, w.gate)
	front.Reachable = func(as *session.Session) bool { return as != w.cutOff }
	w.server = httptest.NewTLSServer(front)
	w.client = clientTo(w.server)
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	w.server.Close()
	w.store.Close() //nolint:errcheck // the folder goes away
	w.state.Close() //nolint:errcheck // the folder goes away
}

// clientTo returns a client for which every host name is the server.
func clientTo(s *httptest.Server) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own certificate
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}}
}

func (w *world) call(t *testing.T, region, operation, body string) (any, error) {
	t.Helper()
	return w.room.Serve(t.Context(), &protocol.Call{
		Service: "ecr", Operation: operation, Partition: "aws", Region: region, Account: "123456789012",
		Session: builder(), Body: []byte(body),
	})
}

func (w *world) create(t *testing.T, region, input string) {
	t.Helper()
	if _, err := w.call(t, region, "CreateRepository", input); err != nil {
		t.Fatal(err)
	}
}

func builder() *session.Session {
	s := &session.Session{ARN: user, Account: "123456789012", RoleARN: "arn:aws:iam::123456789012:role/Builder"}
	s.SetCause(session.Cause{Build: "p:1", Request: session.Request{ID: "r1"}})
	return s
}

func (w *world) options(t *testing.T) []remote.Option {
	t.Helper()
	password, _ := w.tokens.Issue(builder())
	return []remote.Option{
		remote.WithTransport(w.client.Transport), remote.WithContext(t.Context()),
		remote.WithAuth(&authn.Basic{Username: "AWS", Password: password}),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
}

func ref(t *testing.T, s string) name.Reference {
	t.Helper()
	r, err := name.ParseReference(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func image(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(2000, 3)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestPushAndPull(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"team/app"}`)
	img := image(t)
	if err := remote.Write(ref(t, host+"/team/app:v1"), img, w.options(t)...); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{host + "/team/app:v1", host + "/team/app@" + digest(t, img)} {
		got, err := remote.Image(ref(t, reference), w.options(t)...)
		if err != nil {
			t.Fatalf("%s: %v", reference, err)
		}
		layers, err := got.Layers()
		if err != nil || len(layers) != 3 {
			t.Fatalf("%s: %d layers, %v", reference, len(layers), err)
		}
		content, err := layers[0].Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(content); err != nil || len(raw) == 0 {
			t.Errorf("%s: layer of %d bytes, %v", reference, len(raw), err)
		}
	}
	tags, err := remote.List(ref(t, host+"/team/app:v1").Context(), w.options(t)...)
	if err != nil || !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("tags %v, %v", tags, err)
	}
	last := w.seen[len(w.seen)-1]
	if want := (seen{builder().Cause(), "v1", digest(t, img), true}); last != want {
		t.Errorf("seen %+v, want %+v", last, want)
	}
}

func TestActionPerVerb(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"app"}`)
	img := image(t)
	cases := []struct {
		action string
		source string
		pull   bool
	}{
		{"ecr:BatchCheckLayerAvailability", "ECR User Guide, image push required permissions, 2026-10", false},
		{"ecr:InitiateLayerUpload", "ECR User Guide, image push required permissions, 2026-10", false},
		{"ecr:UploadLayerPart", "ECR User Guide, image push required permissions, 2026-10", false},
		{"ecr:CompleteLayerUpload", "ECR User Guide, image push required permissions, 2026-10", false},
		{"ecr:PutImage", "ECR User Guide, image push required permissions, 2026-10", false},
		{"ecr:BatchGetImage", "ECR User Guide, repository policies, 2026-10", true},
		{"ecr:GetDownloadUrlForLayer", "ECR User Guide, repository policies, 2026-10", true},
	}
	for _, c := range cases {
		t.Run(c.action, func(t *testing.T) {
			if c.pull {
				w.gate.deny()
				if err := remote.Write(ref(t, host+"/app:x"), img, w.options(t)...); err != nil {
					t.Fatal(err)
				}
			}
			w.gate.deny(c.action)
			var err error
			if c.pull {
				err = pull(ref(t, host+"/app:x"), w.options(t))
			} else {
				err = remote.Write(ref(t, host+"/app:"+strings.ToLower(c.action[4:])), image(t), w.options(t)...)
			}
			want := "User: " + user + " is not authorized to perform: " + c.action +
				" on resource: arn:aws:ecr:us-east-1:123456789012:repository/app"
			// A client cannot read the text of a refused HEAD request.
			if err == nil || !strings.Contains(err.Error(), want) && c.action != "ecr:BatchCheckLayerAvailability" {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func pull(r name.Reference, o []remote.Option) error {
	img, err := remote.Image(r, o...)
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	content, err := layers[0].Compressed()
	if err != nil {
		return err
	}
	return content.Close()
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"fixed","imageTagMutability":"IMMUTABLE"}`)
	w.create(t, "us-east-1", `{"repositoryName":"mixed","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION",
		"imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"cache*"}]}`)
	w.create(t, "us-east-1", `{"repositoryName":"turned","imageTagMutability":"MUTABLE_WITH_EXCLUSION",
		"imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"v*"}]}`)
	first, second := image(t), image(t)
	frozen := func(tag, repo string) string {
		return "TAG_INVALID: The image tag '" + tag + "' already exists in the '" + repo +
			"' repository and cannot be overwritten because the tag is immutable."
	}
	cases := []struct {
		name, source, ref string
		img               v1.Image
		want              string // text of the error; empty means that the push works
	}{
		{"first push", "ECR User Guide, image tag mutability, 2026-10", "fixed:v1", first, ""},
		{"other image, same tag", "ECR User Guide, image tag mutability, 2026-10", "fixed:v1", second, frozen("v1", "fixed")},
		{"same image, same tag", "aws/containers-roadmap#2179", "fixed:v1", first, frozen("v1", "fixed")},
		{"same image, other tag", "ECR User Guide, image tag mutability, 2026-10", "fixed:v2", first, ""},
		{"excluded tag", "ECR API Reference, PutImageTagMutability, 2025-07", "mixed:cache-1", first, ""},
		{"excluded tag moves", "ECR API Reference, PutImageTagMutability, 2025-07", "mixed:cache-1", second, ""},
		{"tag that is not excluded", "ECR API Reference, PutImageTagMutability, 2025-07", "mixed:v1", first, ""},
		{"tag that is not excluded stays", "ECR API Reference, PutImageTagMutability, 2025-07", "mixed:v1", second, frozen("v1", "mixed")},
		{"mutable tag", "ECR API Reference, PutImageTagMutability, 2025-07", "turned:x", first, ""},
		{"mutable tag moves", "ECR API Reference, PutImageTagMutability, 2025-07", "turned:x", second, ""},
		{"excluded from mutable", "ECR API Reference, PutImageTagMutability, 2025-07", "turned:v1", first, ""},
		{"excluded from mutable stays", "ECR API Reference, PutImageTagMutability, 2025-07", "turned:v1", second, frozen("v1", "turned")},
		{"no repository", "ECR User Guide, troubleshooting docker push errors, 2026-10", "absent:v1", first,
			"NAME_UNKNOWN: The repository with name 'absent' does not exist in the registry with id '123456789012'"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			push := remote.Write
			if c.name == "same image, same tag" { // Write would see that it is there
				push = func(r name.Reference, img v1.Image, o ...remote.Option) error { return remote.Put(r, img, o...) }
			}
			err := push(ref(t, host+"/"+c.ref), c.img, w.options(t)...)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if err := pull(ref(t, host+"/fixed:nope"), w.options(t)); err == nil || !strings.Contains(err.Error(), "MANIFEST_UNKNOWN: Requested image not found") {
		t.Errorf("pull of a missing tag: %v", err)
	}
}

func TestPasswords(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1e6) // twelve hours pass in 43 ms
	good, _ := w.tokens.Issue(builder())
	lent := builder()
	lent.Ends = w.clock.Now().Add(time.Hour)
	short, ends := w.tokens.Issue(lent)
	if !ends.Equal(lent.Ends) {
		t.Errorf("the password works until %s, its credentials until %s", ends, lent.Ends)
	}
	cases := []struct {
		name, source, limit, user, password string
		status                              int
		text                                string
	}{
		{name: "none", source: "ECR User Guide, private registry authentication, 2026-10", user: "", password: "", status: 401, text: "Not Authorized\n"},
		{name: "unknown", source: "ECR User Guide, private registry authentication, 2026-10", user: "AWS", password: "x", status: 401, text: "Not Authorized\n"},
		{name: "wrong user", source: "ECR User Guide, private registry authentication, 2026-10", user: "me", password: good, status: 401, text: "Not Authorized\n"},
		{name: "of credentials that have ended", source: "ECR API Reference, GetAuthorizationToken, 2026-11",
			limit: "a password ends with the credentials that it was got with; the page says that it is valid for twelve hours",
			user:  "AWS", password: short, status: 403, text: "Your authorization token has expired. Reauthenticate and try again."},
		{name: "expired", source: "ECR User Guide, troubleshooting: no basic auth credentials, 2026-10", user: "AWS", password: good, status: 403, text: "Your authorization token has expired. Reauthenticate and try again."},
	}
	time.Sleep(w.clock.Real(12*time.Hour) + 20*time.Millisecond)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/v2/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			resp, err := w.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || !strings.Contains(string(body), c.text) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, body, c.status, c.text)
			}
			challenge := `Basic realm="https://` + host + `/",service="ecr.amazonaws.com"`
			if got := resp.Header.Get("WWW-Authenticate"); c.status == 401 && got != challenge {
				t.Errorf("challenge %q, want %q", got, challenge)
			}
		})
	}
}

// A caller whose network does not lead to the registry gets no answer, not even to a login.
func TestUnreachable(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.cutOff = builder()
	for _, as := range []*session.Session{builder(), w.cutOff} {
		password, _ := w.tokens.Issue(as)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("AWS", password)
		resp, err := w.client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		if (err != nil) != (as == w.cutOff) {
			t.Errorf("cut off: %t, got %v", as == w.cutOff, err)
		}
	}
}

func TestRegistriesAreApart(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		w.create(t, region, `{"repositoryName":"app"}`)
	}
	img := image(t)
	if err := remote.Write(ref(t, host+"/app:v1"), img, w.options(t)...); err != nil {
		t.Fatal(err)
	}
	other := "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@" + digest(t, img)
	if err := pull(ref(t, other), w.options(t)); err == nil {
		t.Error("the image of us-east-1 is in eu-west-1")
	}
}

func TestImagesOutliveARun(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir, 1)
	w.create(t, "us-east-1", `{"repositoryName":"app"}`)
	img := image(t)
	if err := remote.Write(ref(t, host+"/app:v1"), img, w.options(t)...); err != nil {
		t.Fatal(err)
	}
	w.close()
	w = newWorld(t, dir, 1)
	got, err := remote.Image(ref(t, host+"/app:v1"), w.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, got) != digest(t, img) {
		t.Errorf("digest %s, want %s", digest(t, got), digest(t, img))
	}
}

func TestIndex(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"app"}`)
	child := image(t)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: child})
	if err := remote.WriteIndex(ref(t, host+"/app:multi"), index, w.options(t)...); err != nil {
		t.Fatal(err)
	}
	if err := pull(ref(t, host+"/app@"+digest(t, child)), w.options(t)); err != nil {
		t.Errorf("child: %v", err)
	}
	gone, err := w.call(t, "us-east-1", "BatchDeleteImage",
		`{"repositoryName":"app","imageIds":[{"imageDigest":"`+digest(t, child)+`"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if text := asJSON(t, gone); !strings.Contains(text, "ImageReferencedByManifestList") {
		t.Errorf("a child of an index was deleted: %s", text)
	}
}

func TestManifestWithoutItsLayers(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"app"}`)
	if err := remote.Put(ref(t, host+"/app:v1"), image(t), w.options(t)...); err == nil || !strings.Contains(err.Error(), "MANIFEST_BLOB_UNKNOWN") {
		t.Errorf("got %v", err)
	}
}

func TestMirror(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	w.create(t, "us-east-1", `{"repositoryName":"library/busybox"}`)
	img := image(t)
	dir := t.TempDir()
	seed(t, dir, "library/busybox:1", img)
	m, err := registry.NewMirror(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close() //nolint:errcheck // the folder goes away
	s := httptest.NewTLSServer(m)
	defer s.Close()
	o := []remote.Option{remote.WithTransport(clientTo(s).Transport)}
	if err := pull(ref(t, registry.MirrorHost+"/library/busybox:1"), o); err != nil {
		t.Error(err)
	}
	if err := pull(ref(t, registry.MirrorHost+"/library/absent:1"), o); err == nil || !strings.Contains(err.Error(), "404") && !strings.Contains(err.Error(), "UNKNOWN") {
		t.Errorf("absent image: %v", err)
	}
	if err := remote.Write(ref(t, registry.MirrorHost+"/library/new:1"), img, o...); err == nil {
		t.Error("a push to the mirror worked")
	}
}

func TestTokenNamesItsUser(t *testing.T) {
	w := newWorld(t, t.TempDir(), 1)
	out, err := w.call(t, "us-east-1", "GetAuthorizationToken", `{}`)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		AuthorizationData []struct {
			AuthorizationToken, ProxyEndpoint string
			ExpiresAt                         float64
		}
	}
	fromJSON(t, out, &answer)
	data := answer.AuthorizationData[0]
	raw, err := base64.StdEncoding.DecodeString(data.AuthorizationToken)
	if err != nil || !strings.HasPrefix(string(raw), "AWS:") {
		t.Errorf("token %q, %v", raw, err)
	}
	if data.ProxyEndpoint != "https://"+host || data.ExpiresAt < float64(time.Now().Unix()) {
		t.Errorf("%+v", data)
	}
}
