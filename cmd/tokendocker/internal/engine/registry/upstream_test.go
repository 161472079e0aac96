package registry_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	upstream "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
)

const secretARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-a1B2c3"

// cached makes rules for Docker Hub, Quay and ECR Public, and a Docker Hub that has library/busybox:1.
func cached(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t, t.TempDir(), 1)
	img, dir := image(t), t.TempDir()
	seed(t, dir, "library/busybox:1", img)
	var err error
	if w.mirror, err = registry.NewMirror(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.mirror.Close() }) //nolint:errcheck // the folder goes away
	for _, rule := range []string{
		`{"ecrRepositoryPrefix":"hub","upstreamRegistryUrl":"registry-1.docker.io","credentialArn":"` + secretARN + `"}`,
		`{"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"}`,
		`{"ecrRepositoryPrefix":"public","upstreamRegistryUrl":"public.ecr.aws"}`,
	} {
		if _, err := w.call(t, "us-east-1", "CreatePullThroughCacheRule", rule); err != nil {
			t.Fatal(err)
		}
	}
	return w, digest(t, img)
}

// TestPullThrough is the marked case table of pulls through a cache with docker's protocol.
func TestPullThrough(t *testing.T) {
	const (
		iam          = "Amazon ECR User Guide, IAM permissions required to sync an upstream registry, 2026-11"
		troubles     = "Amazon ECR User Guide, Troubleshooting pull through cache issues, 2026-11"
		notThere     = "NAME_UNKNOWN: The repository with name 'hub/library/busybox' does not exist in the registry with id '123456789012'"
		noImage      = "MANIFEST_UNKNOWN: Requested image not found"
		noCredential = "DENIED: The authentication to the upstream registry failed."
	)
	cases := []struct {
		name, source, limit string
		repository          string // that there is already
		denied              string // action
		reference           string
		want                string
	}{
		{name: "first pull", source: iam, reference: "hub/library/busybox:1"},
		{name: "official image of ECR Public", source: "Amazon ECR Public Gallery, Docker Official Images, 2026-11", reference: "public/docker/library/busybox:1"},
		{name: "into a repository that is there", source: iam, repository: "hub/library/busybox", denied: "ecr:CreateRepository", reference: "hub/library/busybox:1"},
		{name: "may not pull", source: iam, denied: "ecr:BatchGetImage", reference: "hub/library/busybox:1", want: "DENIED: User: " + user + " is not authorized to perform: ecr:BatchGetImage"},
		{name: "may not create the repository", source: troubles, denied: "ecr:CreateRepository", reference: "hub/library/busybox:1", want: notThere},
		{name: "may not import", source: troubles, repository: "hub/library/busybox", denied: "ecr:BatchImportUpstreamImage", reference: "hub/library/busybox:1", want: noImage},
		{name: "may create, but not import", source: troubles, limit: "the message is that of a repository that is there", denied: "ecr:BatchImportUpstreamImage", reference: "hub/library/busybox:1", want: noImage},
		{name: "not upstream", source: troubles, reference: "hub/library/busybox:2", want: noImage},
		{name: "no such upstream repository", source: troubles, reference: "hub/library/absent:1", want: noImage},
		{name: "official image without library", source: troubles, reference: "hub/busybox:1", want: noCredential},
		{name: "no rule", source: iam, reference: "other/library/busybox:1", want: "NAME_UNKNOWN: The repository with name 'other/library/busybox' does not exist"},
		{name: "the prefix ends at a slash", source: iam, reference: "hubs/library/busybox:1", want: "NAME_UNKNOWN: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, digest := cached(t)
			if c.repository != "" {
				w.create(t, "us-east-1", `{"repositoryName":"`+c.repository+`"}`)
			}
			w.gate.deny(c.denied)
			_, err := remote.Image(ref(t, host+"/"+c.reference), w.options(t)...)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q (%s)", err, c.want, c.source)
			}
			if c.want != "" {
				return
			}
			// The next pull needs what every pull needs; it is the whole image.
			w.gate.deny("ecr:CreateRepository", "ecr:BatchImportUpstreamImage")
			if err := pull(ref(t, host+"/"+c.reference), w.options(t)); err != nil {
				t.Error(err)
			}
			if slices.ContainsFunc(w.gate.was(), func(a string) bool { return strings.Contains(a, "Import") }) {
				t.Errorf("the second pull asks for %v", w.gate.was())
			}
			repository, _, _ := strings.Cut(c.reference, ":")
			if err := pull(ref(t, host+"/"+repository+"@"+digest), w.options(t)); err != nil {
				t.Errorf("by digest: %v", err)
			}
			if len(w.seen) > 0 {
				t.Errorf("an import counts as somebody's push: %v", w.seen)
			}
		})
	}
}

// TestCacheIsNotRefreshed is a marked case: ECR looks for a newer image of a tag once in 24 hours.
func TestCacheIsNotRefreshed(t *testing.T) {
	c := struct{ name, source, limit string }{name: "tag that moved upstream",
		source: "Amazon ECR User Guide, Sync an upstream registry with an Amazon ECR private registry, 2026-11", limit: "an image that is there is not looked for again"}
	w, want := cached(t)
	if err := pull(ref(t, host+"/hub/library/busybox:1"), w.options(t)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seed(t, dir, "library/busybox:1", image(t))
	moved, err := registry.NewMirror(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Close() //nolint:errcheck // the folder goes away
	w.mirror = moved
	if img, err := remote.Image(ref(t, host+"/hub/library/busybox:1"), w.options(t)...); err != nil || digest(t, img) != want {
		t.Errorf("%s (%s): %v", c.name, c.source, err)
	}
}

// TestImportOverTheNetwork: an index comes with every image that it names, from a registry that is asked with the secret's
// user; and what registries refuse has ECR's own words.
// Source: Amazon ECR User Guide, "Sync an upstream registry with an Amazon ECR private registry", considerations for
// multi-architecture images (read 2026-11-21).
func TestImportOverTheNetwork(t *testing.T) {
	w, _ := cached(t)
	status := 0
	there := upstream.New(upstream.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if status != 0 {
			rw.WriteHeader(status)
			return
		}
		there.ServeHTTP(rw, r)
	}))
	defer s.Close()
	w.upstream = clientTo(s).Transport
	child, other := image(t), image(t)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: child}, mutate.IndexAddendum{Add: other})
	if err := remote.WriteIndex(ref(t, "quay.io/team/app:1"), index, remote.WithTransport(w.upstream)); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Index(ref(t, host+"/quay/team/app:1"), w.options(t)...); err != nil {
		t.Fatal(err)
	}
	w.gate.deny("ecr:BatchImportUpstreamImage")
	for _, d := range []string{digest(t, child), digest(t, other)} {
		if err := pull(ref(t, host+"/quay/team/app@"+d), w.options(t)); err != nil {
			t.Errorf("an image of the index is missing: %v", err)
		}
	}
	w.gate.deny()
	for code, want := range map[int]string{
		http.StatusNotFound: "MANIFEST_UNKNOWN: Requested image not found", http.StatusForbidden: "DENIED: The authentication to the upstream registry failed",
		http.StatusBadRequest: "DENIED: The upstream registry did not give the image: it answers 400 Bad Request",
	} {
		status = code
		if _, err := remote.Image(ref(t, host+"/quay/team/new:1"), w.options(t)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v, want %q", code, err, want)
		}
	}
}

// TestPullThroughByAPI: BatchGetImage imports as a pull does.
func TestPullThroughByAPI(t *testing.T) {
	w, want := cached(t)
	in := `{"repositoryName":"hub/library/busybox","imageIds":[{"imageTag":"1"},{"imageTag":"2"}]}`
	out, err := w.call(t, "us-east-1", "BatchGetImage", in)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Images   []struct{ ImageID struct{ ImageDigest string } }
		Failures []struct{ FailureCode string }
	}
	fromJSON(t, out, &answer)
	if len(answer.Images) != 1 || answer.Images[0].ImageID.ImageDigest != want || len(answer.Failures) != 1 || answer.Failures[0].FailureCode != "ImageNotFound" {
		t.Errorf("%+v", answer)
	}
	if out, err := w.call(t, "eu-west-1", "BatchGetImage", in); err == nil || !strings.Contains(err.Error(), "RepositoryNotFoundException") {
		t.Errorf("a rule holds in another region: %v %v", out, err)
	}
}
