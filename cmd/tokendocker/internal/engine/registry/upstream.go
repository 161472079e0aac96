package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// The registries for which Mirror stands in: Docker Hub, and ECR Public for the official images that it keeps below
// docker/library (Amazon ECR Public Gallery, "Docker Official Images").
const (
	dockerHub = "registry-1.docker.io"
	ecrPublic = "public.ecr.aws"
)

// Upstream names an image of an upstream registry, and a user of it.
type Upstream struct {
	Host       string // "registry-1.docker.io"
	Repository string // "library/busybox"
	Reference  string // tag or digest
	Username   string // empty: nobody in particular
	Password   string
}

// Importer brings images of upstream registries into a Store.
type Importer struct {
	store     *Store
	mirror    *Mirror
	transport http.RoundTripper
}

// NewImporter returns an importer into store. A mirror stands in for Docker Hub, and for ECR Public's official images
// of Docker Hub; it may be nil. Other registries are reached through transport.
func NewImporter(store *Store, mirror *Mirror, transport http.RoundTripper) *Importer {
	return &Importer{store: store, mirror: mirror, transport: transport}
}

// Import copies an image, and of an index every image that it names, into the repository with this ARN. It returns
// their digests; the image's own is the last. It fails with ImageNotFoundException for an image that is not there, and
// with UnableToGetUpstreamImageException for a registry that does not give it.
func (i *Importer) Import(ctx context.Context, from Upstream, arn string) (digests []string, err error) {
	s, err := i.source(ctx, from)
	if err != nil {
		return nil, err
	}
	target, err := i.store.repository(ctx, arn)
	if err != nil {
		return nil, err
	}
	return i.take(ctx, s, target, arn, from.Reference)
}

// source opens the upstream repository.
func (i *Importer) source(ctx context.Context, from Upstream) (source, error) {
	if repository, stands := from.mirrored(); stands && i.mirror != nil {
		named, err := reference.WithName(repository)
		if err != nil {
			return nil, errNotUpstream()
		}
		repo, err := i.mirror.share.names.Repository(ctx, named)
		return mirrored{repo}, err
	}
	repo, err := name.NewRepository(from.Host + "/" + from.Repository)
	if err != nil {
		return nil, errNotUpstream()
	}
	options := []remote.Option{remote.WithTransport(i.transport)}
	if from.Username != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: from.Username, Password: from.Password}))
	}
	return distant{repo, options}, nil
}

// mirrored is the name that the image's repository has in a mirror of Docker Hub.
func (u Upstream) mirrored() (repository string, stands bool) {
	switch u.Host {
	case dockerHub:
		return u.Repository, true
	case ecrPublic:
		repository, stands = strings.CutPrefix(u.Repository, "docker/")
		return repository, stands && strings.HasPrefix(repository, "library/")
	}
	return "", false
}

// take copies what a manifest names, and then the manifest.
func (i *Importer) take(ctx context.Context, s source, target distribution.Repository, arn, reference string) (digests []string, err error) {
	mediaType, body, err := s.manifest(ctx, reference)
	if err != nil {
		return nil, err
	}
	m, _, err := distribution.UnmarshalManifest(mediaType, body)
	if err != nil {
		return nil, errUpstream("its manifest of type %q cannot be read: %v", mediaType, err)
	}
	for _, part := range m.References() {
		if manifestType(part.MediaType) {
			children, err := i.take(ctx, s, target, arn, part.Digest.String())
			if err != nil {
				return nil, err
			}
			digests = append(digests, children...)
			continue
		}
		if err := putBlob(ctx, target, part, func() (io.ReadCloser, error) { return s.blob(ctx, part.Digest) }); err != nil {
			return nil, fmt.Errorf("import %s: %w", part.Digest, err)
		}
	}
	dgst, err := i.store.PutManifest(ctx, arn, mediaType, body)
	return append(digests, dgst), err
}

// manifestType reports whether a media type is that of a manifest or an index.
func manifestType(mediaType string) bool {
	return strings.Contains(mediaType, ".manifest.") || strings.Contains(mediaType, ".index.")
}

// source is a repository to import from.
type source interface {
	manifest(ctx context.Context, reference string) (mediaType string, body []byte, err error)
	blob(ctx context.Context, dgst digest.Digest) (io.ReadCloser, error)
}

// mirrored is a repository of Mirror.
type mirrored struct{ repo distribution.Repository }

func (m mirrored) manifest(ctx context.Context, ref string) (string, []byte, error) {
	if !strings.Contains(ref, ":") {
		found, err := m.repo.Tags(ctx).Get(ctx, ref)
		if err != nil {
			return "", nil, errNotUpstream()
		}
		ref = found.Digest.String()
	}
	mediaType, body, err := readManifest(ctx, m.repo, ref)
	if errors.Is(err, ErrUnknown) {
		err = errNotUpstream()
	}
	return mediaType, body, err
}

func (m mirrored) blob(ctx context.Context, dgst digest.Digest) (io.ReadCloser, error) {
	return m.repo.Blobs(ctx).Open(ctx, dgst)
}

// distant is a repository of a registry that is reached over the network.
type distant struct {
	repo    name.Repository
	options []remote.Option
}

func (d distant) manifest(ctx context.Context, ref string) (string, []byte, error) {
	var named name.Reference = d.repo.Tag(ref)
	if strings.Contains(ref, ":") {
		named = d.repo.Digest(ref)
	}
	found, err := remote.Get(named, append(d.options, remote.WithContext(ctx))...)
	var refused *transport.Error
	switch {
	case err == nil:
		return string(found.MediaType), found.Manifest, nil
	case !errors.As(err, &refused):
		return "", nil, errUpstream("%v", err)
	case refused.StatusCode == http.StatusNotFound:
		return "", nil, errNotUpstream()
	case refused.StatusCode == http.StatusUnauthorized, refused.StatusCode == http.StatusForbidden:
		return "", nil, protocol.Errorf("UnableToGetUpstreamImageException", "The authentication to the upstream registry failed. "+
			"Verify that the credentials provided in the pull through cache rule are correct, and try again.")
	}
	return "", nil, errUpstream("it answers %d %s", refused.StatusCode, http.StatusText(refused.StatusCode))
}

func (d distant) blob(ctx context.Context, dgst digest.Digest) (io.ReadCloser, error) {
	layer, err := remote.Layer(d.repo.Digest(dgst.String()), append(d.options, remote.WithContext(ctx))...)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// errNotUpstream is ECR's answer for an image that the upstream registry does not have either.
func errNotUpstream() error {
	return protocol.Errorf("ImageNotFoundException", "Requested image not found")
}

func errUpstream(format string, args ...any) error {
	return protocol.Errorf("UnableToGetUpstreamImageException", "The upstream registry did not give the image: "+format, args...)
}
