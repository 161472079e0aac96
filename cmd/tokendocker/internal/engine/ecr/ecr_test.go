package ecr_test

import (
	"context"
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
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// world is ECR behind the real SDK's client.
type world struct {
	*client.Client
	t     *testing.T
	room  *ecr.Room
	store *registry.Store
	seen  []string

	switches switches.Switches
	needs    []protocol.Need // of the last call
	imported []ecr.UpstreamImage
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // the folder goes away
	w := &world{t: t, store: registry.NewStore(t.Context(), t.TempDir())}
	c := clock.New(1)
	w.room, err = ecr.New(ecr.Options{
		State: st, Clock: c, Content: w.store, Tokens: registry.NewTokens(c), Missing: registry.Missing,
		Switches: &w.switches,
		Seen: func(_ session.Cause, uri, tag, digest string, pushed bool) {
			what := "found "
			if pushed {
				what = "pushed "
			}
			w.seen = append(w.seen, what+uri[strings.Index(uri, "/")+1:]+":"+tag+" "+digest[:10])
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.room.Close() }) //nolint:errcheck // it never fails
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	w.Client = client.New(client.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
	})
	return w
}

// serve is a door that lets everybody in.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, _ := io.ReadAll(r.Body)
	region := strings.Split(r.Header.Get("Authorization"), "/")[2]
	call := &protocol.Call{Service: "ecr", Operation: operation, Partition: "aws", Region: region, Account: "111122223333",
		Session: &session.Session{ARN: "arn:aws:iam::111122223333:root"}, Body: body}
	needs, err := w.room.Needs(r.Context(), call)
	w.needs = needs
	var answer any
	if err == nil {
		answer, err = w.room.Serve(r.Context(), call)
	}
	rw.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var e *protocol.Error
	if errors.As(err, &e) {
		rw.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": e.Code, "message": e.Message}
	} else if err != nil {
		rw.WriteHeader(http.StatusInternalServerError)
		answer = map[string]string{"__type": "ServerException", "message": err.Error()}
	}
	json.NewEncoder(rw).Encode(answer) //nolint:errcheck // the client has gone away
}

// ok is for what must work.
func ok[T any](out T, err error) T {
	if err != nil {
		panic(err)
	}
	return out
}

// put puts an image without layers and returns its digest.
func (w *world) put(repository, tag, marker string) (string, error) {
	w.t.Helper()
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"m":"` + marker + `"}}`
	out, err := w.PutImage(w.t.Context(), &client.PutImageInput{RepositoryName: &repository, ImageTag: text(tag), ImageManifest: &manifest})
	if err != nil {
		return "", err
	}
	return *out.Image.ImageId.ImageDigest, nil
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (w *world) create(in *client.CreateRepositoryInput) *types.Repository {
	w.t.Helper()
	return ok(w.CreateRepository(w.t.Context(), in)).Repository
}

// code returns an AWS error as "Code: message".
func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode() + ": " + e.ErrorMessage()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestRepositories(t *testing.T) {
	w := newWorld(t)
	r := w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("team/app")})
	if *r.RepositoryUri != "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app" || time.Since(*r.CreatedAt) > time.Minute ||
		*r.RepositoryArn != "arn:aws:ecr:eu-west-1:111122223333:repository/team/app" || r.ImageTagMutability != types.ImageTagMutabilityMutable {
		t.Errorf("%+v", r)
	}
	if n := len(ok(w.DescribeRepositories(t.Context(), &client.DescribeRepositoriesInput{})).Repositories); n != 1 {
		t.Errorf("%d repositories", n)
	}
	token := ok(w.GetAuthorizationToken(t.Context(), &client.GetAuthorizationTokenInput{})).AuthorizationData[0]
	if d := time.Until(*token.ExpiresAt); d < 11*time.Hour || d > 13*time.Hour {
		t.Errorf("token ends in %s", d)
	}
}

// TestErrors is the marked case table of ECR's errors.
func TestErrors(t *testing.T) {
	ctx := context.Background()
	name, absent := aws.String("app"), aws.String("absent")
	noRepository := "RepositoryNotFoundException: The repository with name 'absent' does not exist in the registry with id '111122223333'"
	cases := []struct {
		name, source, limit string
		do                  func(w *world) error
		want                string
	}{
		{"create twice", "ECR API Reference, CreateRepository", "", func(w *world) error {
			_, err := w.CreateRepository(ctx, &client.CreateRepositoryInput{RepositoryName: name})
			return err
		}, "RepositoryAlreadyExistsException: The repository with name 'app' already exists in the registry with id '111122223333'"},
		{"bad name", "ECR API Reference, CreateRepository", "", func(w *world) error {
			_, err := w.CreateRepository(ctx, &client.CreateRepositoryInput{RepositoryName: aws.String("App")})
			return err
		}, "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: "},
		{"describe absent", "ECR API Reference, DescribeRepositories", "", func(w *world) error {
			_, err := w.DescribeRepositories(ctx, &client.DescribeRepositoriesInput{RepositoryNames: []string{"absent"}})
			return err
		}, noRepository},
		{"images of absent", "ECR API Reference, DescribeImages", "", func(w *world) error {
			_, err := w.DescribeImages(ctx, &client.DescribeImagesInput{RepositoryName: absent})
			return err
		}, noRepository},
		{"absent image", "ECR API Reference, DescribeImages", "", func(w *world) error {
			_, err := w.DescribeImages(ctx, &client.DescribeImagesInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("x")}}})
			return err
		}, "ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'x'} does not exist within the repository with name 'app' in the registry with id '111122223333'"},
		{"delete with images", "ECR API Reference, DeleteRepository", "", func(w *world) error {
			ok(w.put("app", "v1", "a"))
			_, err := w.DeleteRepository(ctx, &client.DeleteRepositoryInput{RepositoryName: name})
			return err
		}, "RepositoryNotEmptyException: The repository with name 'app' in registry with id '111122223333' cannot be deleted because it still contains images"},
		{"same image again", "ECR API Reference, PutImage", "", func(w *world) error {
			d := ok(w.put("app", "v1", "a"))
			_, err := w.put("app", "v1", "a")
			if !strings.Contains(code(err), d) {
				return errors.New("the digest is missing: " + code(err))
			}
			return err
		}, "ImageAlreadyExistsException: Image with digest 'sha256:"},
		{"immutable tag", "ECR API Reference, PutImage", "", func(w *world) error {
			ok(w.PutImageTagMutability(ctx, &client.PutImageTagMutabilityInput{RepositoryName: name, ImageTagMutability: types.ImageTagMutabilityImmutable}))
			ok(w.put("app", "v1", "a"))
			_, err := w.put("app", "v1", "b")
			return err
		}, "ImageTagAlreadyExistsException: The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable."},
		{"too many filters", "ECR API Reference, PutImageTagMutability", "", func(w *world) error {
			var filters []types.ImageTagMutabilityExclusionFilter
			for range 6 {
				filters = append(filters, types.ImageTagMutabilityExclusionFilter{Filter: aws.String("a*"), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard})
			}
			_, err := w.PutImageTagMutability(ctx, &client.PutImageTagMutabilityInput{RepositoryName: name,
				ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion, ImageTagMutabilityExclusionFilters: filters})
			return err
		}, "InvalidParameterException: Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must have 1 to 5 filters"},
		{"no policy", "ECR API Reference, GetRepositoryPolicy", "", func(w *world) error {
			_, err := w.GetRepositoryPolicy(ctx, &client.GetRepositoryPolicyInput{RepositoryName: name})
			return err
		}, "RepositoryPolicyNotFoundException: Repository policy does not exist for the repository with name 'app' in the registry with id '111122223333'"},
		{"no lifecycle", "ECR API Reference, GetLifecyclePolicy", "", func(w *world) error {
			_, err := w.GetLifecyclePolicy(ctx, &client.GetLifecyclePolicyInput{RepositoryName: name})
			return err
		}, "LifecyclePolicyNotFoundException: Lifecycle policy does not exist for the repository with name 'app' in the registry with id '111122223333'"},
		{"not a manifest", "ECR API Reference, PutImage", "", func(w *world) error {
			_, err := w.PutImage(ctx, &client.PutImageInput{RepositoryName: name, ImageManifest: aws.String("{")})
			return err
		}, "InvalidParameterException: Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"},
		{"layers that are not there", "ECR API Reference, PutImage", "", func(w *world) error {
			digest := "sha256:" + strings.Repeat("a", 64)
			_, err := w.PutImage(ctx, &client.PutImageInput{RepositoryName: name, ImageManifest: aws.String(
				`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + digest + `","size":2},"layers":[]}`)})
			return err
		}, "LayersNotFoundException: Layers with digests 'sha256:aaaa"},
		{"more images than one call takes", "trek10inc/ecr-cleaner#8", "", func(w *world) error {
			_, err := w.BatchGetImage(ctx, &client.BatchGetImageInput{RepositoryName: name, ImageIds: make([]types.ImageIdentifier, 101)})
			return err
		}, "InvalidParameterException: Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length less than or equal to 100'"},
		{"more images deleted than one call takes", "fujiwara/ecrm#3", "", func(w *world) error {
			_, err := w.BatchDeleteImage(ctx, &client.BatchDeleteImageInput{RepositoryName: name, ImageIds: make([]types.ImageIdentifier, 101)})
			return err
		}, "InvalidParameterException: Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length less than or equal to 100'"},
		{"no images", "puemos/aws-lambda-ecr-cleaner#3", "", func(w *world) error {
			_, err := w.BatchDeleteImage(ctx, &client.BatchDeleteImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{}})
			return err
		}, "InvalidParameterException: Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'"},
		{"large page", "andrey-pohilko/registry-cli#79", "", func(w *world) error {
			_, err := w.ListImages(ctx, &client.ListImagesInput{RepositoryName: name, MaxResults: aws.Int32(1001)})
			return err
		}, "InvalidParameterException: Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'"},
		{"registry that is no account", "ECR API Reference, CreateRepository, 2026-11", "", func(w *world) error {
			_, err := w.CreateRepository(ctx, &client.CreateRepositoryInput{RepositoryName: aws.String("b"), RegistryId: aws.String("../../../tmp")})
			return err
		}, "InvalidParameterException: Invalid parameter at 'registryId' failed to satisfy constraint: "},
		{"password for what is no registry", "ECR API Reference, GetAuthorizationToken, 2026-11", "", func(w *world) error {
			_, err := w.GetAuthorizationToken(ctx, &client.GetAuthorizationTokenInput{RegistryIds: []string{"evil.example/"}}) //nolint:staticcheck // deprecated and still taken
			return err
		}, "InvalidParameterException: Invalid parameter at 'registryId' failed to satisfy constraint: "},
		{"policy that is none", "ECR API Reference, SetRepositoryPolicy, 2026-11", "", func(w *world) error {
			_, err := w.SetRepositoryPolicy(ctx, &client.SetRepositoryPolicyInput{RepositoryName: name, PolicyText: aws.String(`{"Statement":[{"Effect":"Perhaps"}]}`)})
			return err
		}, "InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided"},
		{"unknown operation", "AWS JSON protocol", "most of ECR's API is not there", func(w *world) error {
			_, err := w.StartImageScan(ctx, &client.StartImageScanInput{RepositoryName: name, ImageId: &types.ImageIdentifier{ImageTag: name}})
			return err
		}, "UnknownOperationException: tokendocker has no ecr:StartImageScan"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.create(&client.CreateRepositoryInput{RepositoryName: name})
			if got := code(c.do(w)); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestImages(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("app")})
	name := aws.String("app")
	a, b := ok(w.put("app", "v1", "a")), ok(w.put("app", "v1", "b"))
	ok(w.put("app", "v2", "b"))
	details := ok(w.DescribeImages(ctx, &client.DescribeImagesInput{RepositoryName: name})).ImageDetails
	tags := map[string][]string{}
	for _, d := range details {
		tags[*d.ImageDigest] = d.ImageTags
	}
	if diff := cmp.Diff(map[string][]string{a: nil, b: {"v1", "v2"}}, tags); diff != "" {
		t.Error(diff)
	}
	got := ok(w.BatchGetImage(ctx, &client.BatchGetImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{
		{ImageTag: aws.String("v2")}, {ImageTag: aws.String("none")}, {ImageDigest: &a, ImageTag: aws.String("v1")}}}))
	if len(got.Images) != 1 || *got.Images[0].ImageId.ImageDigest != b || *got.Images[0].ImageManifestMediaType != "application/vnd.oci.image.index.v1+json" {
		t.Errorf("%+v", got.Images)
	}
	if len(got.Failures) != 2 || got.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound || got.Failures[1].FailureCode != types.ImageFailureCodeImageTagDoesNotMatchDigest {
		t.Errorf("%+v", got.Failures)
	}
	picky := ok(w.BatchGetImage(ctx, &client.BatchGetImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v2")}},
		AcceptedMediaTypes: []string{"application/vnd.oci.image.manifest.v1+json"}}))
	if len(picky.Images) != 0 || len(picky.Failures) != 1 {
		t.Errorf("%+v", picky)
	}
	untagged := ok(w.ListImages(ctx, &client.ListImagesInput{RepositoryName: name, Filter: &types.ListImagesFilter{TagStatus: types.TagStatusUntagged}})).ImageIds
	if len(untagged) != 1 || *untagged[0].ImageDigest != a {
		t.Errorf("%+v", untagged)
	}
	first := ok(w.ListImages(ctx, &client.ListImagesInput{RepositoryName: name, MaxResults: aws.Int32(2)}))
	if len(first.ImageIds) != 2 || first.NextToken == nil {
		t.Errorf("%+v", first)
	}
	gone := ok(w.BatchDeleteImage(ctx, &client.BatchDeleteImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v1")}}}))
	if _, still := w.room.Resolve("arn:aws:ecr:eu-west-1:111122223333:repository/app", b); len(gone.ImageIds) != 1 || !still {
		t.Errorf("deleting one of two tags: %+v, image there: %v", gone, still)
	}
	ok(w.BatchDeleteImage(ctx, &client.BatchDeleteImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("v2")}}}))
	if _, still := w.room.Resolve("arn:aws:ecr:eu-west-1:111122223333:repository/app", b); still {
		t.Error("the image outlived its last tag")
	}
	want := []string{"pushed app:v1 " + a[:10], "pushed app:v1 " + b[:10], "pushed app:v2 " + b[:10], "found app:v2 " + b[:10]}
	if diff := cmp.Diff(want, w.seen); diff != "" {
		t.Error(diff)
	}
}

func TestLifecyclePreview(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	name := aws.String("app")
	w.create(&client.CreateRepositoryInput{RepositoryName: name})
	a, b, c := ok(w.put("app", "v1", "a")), ok(w.put("app", "v2", "b")), ok(w.put("app", "", "c"))
	ok(w.PutLifecyclePolicy(ctx, &client.PutLifecyclePolicyInput{RepositoryName: name, LifecyclePolicyText: aws.String(
		`{"rules":[{"rulePriority":2,"selection":{"tagStatus":"tagged","tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}},
		{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1},"action":{"type":"expire"}}]}`)}))
	ok(w.StartLifecyclePolicyPreview(ctx, &client.StartLifecyclePolicyPreviewInput{RepositoryName: name}))
	preview := ok(w.GetLifecyclePolicyPreview(ctx, &client.GetLifecyclePolicyPreviewInput{RepositoryName: name}))
	if len(preview.PreviewResults) != 1 || *preview.PreviewResults[0].ImageDigest != a || *preview.PreviewResults[0].AppliedRulePriority != 2 {
		t.Errorf("%+v; images %s %s %s", preview.PreviewResults, a, b, c)
	}
	for _, bad := range []string{`{`, `{"rules":[]}`, `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}`} {
		if _, err := w.PutLifecyclePolicy(ctx, &client.PutLifecyclePolicyInput{RepositoryName: name, LifecyclePolicyText: &bad}); !strings.HasPrefix(code(err), "InvalidParameterException: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
