package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/sirupsen/logrus"
)

// ErrUnknown says that the registry holds no such blob or manifest.
var ErrUnknown = errors.New("not in the registry")

// missingError says that a manifest names content which was never pushed.
type missingError struct{ digests []string }

// Error names the missing content.
func (e *missingError) Error() string {
	return fmt.Sprintf("manifest names unknown content %v", e.digests)
}

// Store keeps layers and manifests in files, one folder for each account and region, so that no registry sees
// another's content. Repositories are named by their ARN. It is safe for concurrent use.
type Store struct {
	dir string
	ctx context.Context // lifetime of the distribution apps, which take it at construction

	mu     sync.Mutex
	shares map[string]*share
}

// share is the registry of one account in one region.
type share struct {
	root  string
	app   *handlers.App // blobs and uploads over HTTP
	names distribution.Namespace
}

// NewStore returns the store in dir. The context ends its background work.
//
// The distribution registry logs to the logrus package's standard logger, which cannot be passed in; nothing else here
// uses that logger, so its output is turned off.
func NewStore(ctx context.Context, dir string) *Store {
	logrus.SetOutput(io.Discard)
	return &Store{dir: dir, ctx: ctx, shares: map[string]*share{}}
}

// Close ends the store's background work.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, sh := range s.shares {
		errs = append(errs, sh.app.Shutdown())
	}
	s.shares = map[string]*share{}
	return errors.Join(errs...)
}

func (s *Store) share(account, region string) (*share, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := account + "/" + region
	if found, ok := s.shares[key]; ok {
		return found, nil
	}
	made, err := openShare(s.ctx, filepath.Join(s.dir, account, region), false)
	if err != nil {
		return nil, err
	}
	s.shares[key] = made
	return made, nil
}

func openShare(ctx context.Context, root string, readOnly bool) (*share, error) {
	driver, err := filesystem.FromParameters(map[string]any{"rootdirectory": root})
	if err != nil {
		return nil, fmt.Errorf("open registry storage: %w", err)
	}
	names, err := storage.NewRegistry(ctx, driver, storage.EnableDelete, storage.EnableValidateImageIndexImagesExist)
	if err != nil {
		return nil, fmt.Errorf("open registry: %w", err)
	}
	maintenance := configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}}
	if readOnly {
		maintenance["readonly"] = map[any]any{"enabled": true}
	}
	cfg := &configuration.Configuration{Storage: configuration.Storage{
		"filesystem":  {"rootdirectory": root},
		"maintenance": maintenance,
	}}
	cfg.HTTP.RelativeURLs = true
	secret := make([]byte, 32)
	rand.Read(secret) //nolint:errcheck // crypto/rand.Read never fails
	cfg.HTTP.Secret = hex.EncodeToString(secret)
	return &share{root: root, app: handlers.NewApp(ctx, cfg), names: names}, nil
}

// serveBlobs answers a blob or upload request whose permission is decided.
func (s *Store) serveBlobs(w http.ResponseWriter, r *http.Request, h Host) error {
	sh, err := s.share(h.Account, h.Region)
	if err != nil {
		return err
	}
	sh.app.ServeHTTP(w, r)
	return nil
}

func (s *Store) repository(ctx context.Context, arn string) (distribution.Repository, error) {
	account, region, name := splitARN(arn)
	named, err := reference.WithName(name)
	if err != nil {
		return nil, fmt.Errorf("repository name %q: %w", name, err)
	}
	sh, err := s.share(account, region)
	if err != nil {
		return nil, err
	}
	return sh.names.Repository(ctx, named)
}

// Manifest returns the manifest with this digest, or ErrUnknown.
func (s *Store) Manifest(ctx context.Context, arn, dgst string) (mediaType string, body []byte, err error) {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return "", nil, err
	}
	return readManifest(ctx, repo, dgst)
}

func readManifest(ctx context.Context, repo distribution.Repository, dgst string) (string, []byte, error) {
	manifests, err := repo.Manifests(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("open manifests: %w", err)
	}
	m, err := manifests.Get(ctx, digest.Digest(dgst))
	if err != nil {
		return "", nil, fmt.Errorf("manifest %s: %w", dgst, ErrUnknown)
	}
	return m.Payload()
}

// PutManifest keeps a manifest and returns its digest. It fails with an error that Missing reads when the content that
// it names was not pushed before.
func (s *Store) PutManifest(ctx context.Context, arn, mediaType string, body []byte) (string, error) {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return "", err
	}
	manifests, err := repo.Manifests(ctx)
	if err != nil {
		return "", fmt.Errorf("open manifests: %w", err)
	}
	m, desc, err := distribution.UnmarshalManifest(mediaType, body)
	if err != nil {
		return "", fmt.Errorf("manifest of type %q: %w", mediaType, err)
	}
	if _, err := manifests.Put(ctx, m); err != nil {
		return "", manifestError(err)
	}
	return desc.Digest.String(), nil
}

func manifestError(err error) error {
	var verification distribution.ErrManifestVerification
	if !errors.As(err, &verification) {
		return fmt.Errorf("keep manifest: %w", err)
	}
	missing := &missingError{}
	for _, v := range verification {
		var unknown distribution.ErrManifestBlobUnknown
		if errors.As(v, &unknown) {
			missing.digests = append(missing.digests, unknown.Digest.String())
		}
	}
	if len(missing.digests) == 0 {
		return fmt.Errorf("keep manifest: %w", err)
	}
	return missing
}

// DeleteManifest removes a manifest. A manifest that is not there is no error.
func (s *Store) DeleteManifest(ctx context.Context, arn, dgst string) error {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return err
	}
	manifests, err := repo.Manifests(ctx)
	if err != nil {
		return fmt.Errorf("open manifests: %w", err)
	}
	if err := manifests.Delete(ctx, digest.Digest(dgst)); err != nil && !errors.Is(err, distribution.ErrBlobUnknown) {
		return fmt.Errorf("delete manifest %s: %w", dgst, err)
	}
	return nil
}

// BlobSize returns the size of a blob of the repository in bytes, or ErrUnknown.
func (s *Store) BlobSize(ctx context.Context, arn, dgst string) (int64, error) {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return 0, err
	}
	desc, err := repo.Blobs(ctx).Stat(ctx, digest.Digest(dgst))
	if err != nil {
		return 0, fmt.Errorf("blob %s: %w", dgst, ErrUnknown)
	}
	return desc.Size, nil
}

// blob returns the content of a small blob of the repository, such as a configuration, or ErrUnknown.
func (s *Store) blob(ctx context.Context, arn, dgst string) ([]byte, error) {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return nil, err
	}
	body, err := repo.Blobs(ctx).Get(ctx, digest.Digest(dgst))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", dgst, ErrUnknown)
	}
	return body, nil
}

// OpenBlob opens the content of a blob of the repository, which may be a large layer, or fails with ErrUnknown.
func (s *Store) OpenBlob(ctx context.Context, arn, dgst string) (io.ReadCloser, error) {
	repo, err := s.repository(ctx, arn)
	if err != nil {
		return nil, err
	}
	body, err := repo.Blobs(ctx).Open(ctx, digest.Digest(dgst))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", dgst, ErrUnknown)
	}
	return body, nil
}

// Copy brings a manifest and the blobs that it names to another repository, perhaps of another registry. The manifests
// of an index must be there already.
func (s *Store) Copy(ctx context.Context, from, to, dgst string) error {
	source, err := s.repository(ctx, from)
	if err != nil {
		return err
	}
	target, err := s.repository(ctx, to)
	if err != nil {
		return err
	}
	mediaType, body, err := readManifest(ctx, source, dgst)
	if err != nil {
		return err
	}
	m, _, err := distribution.UnmarshalManifest(mediaType, body)
	if err != nil {
		return fmt.Errorf("manifest of type %q: %w", mediaType, err)
	}
	for _, part := range m.References() {
		if _, err := source.Blobs(ctx).Stat(ctx, part.Digest); err != nil {
			continue // a manifest of an index
		}
		open := func() (io.ReadCloser, error) { return source.Blobs(ctx).Open(ctx, part.Digest) }
		if err := putBlob(ctx, target, part, open); err != nil {
			return fmt.Errorf("copy %s: %w", part.Digest, err)
		}
	}
	_, err = s.PutManifest(ctx, to, mediaType, body)
	return err
}

// putBlob brings a blob to a repository that does not have it yet.
func putBlob(ctx context.Context, target distribution.Repository, part distribution.Descriptor, open func() (io.ReadCloser, error)) error {
	if _, err := target.Blobs(ctx).Stat(ctx, part.Digest); err == nil {
		return nil
	}
	in, err := open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read from
	out, err := target.Blobs(ctx).Create(ctx)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Cancel(ctx))
	}
	_, err = out.Commit(ctx, part) // which closes it
	return err
}

// DeleteRepository removes the repository's links to its content. The content itself stays, since other repositories
// may share it.
func (s *Store) DeleteRepository(_ context.Context, arn string) error {
	account, region, name := splitARN(arn)
	if _, err := reference.WithName(name); err != nil {
		return fmt.Errorf("repository name %q: %w", name, err)
	}
	sh, err := s.share(account, region)
	if err != nil {
		return err
	}
	root := filepath.Join(sh.root, "docker", "registry", "v2", "repositories", filepath.FromSlash(name))
	for _, part := range []string{"_layers", "_manifests", "_uploads"} { // a deeper repository may lie beside them
		if err := os.RemoveAll(filepath.Join(root, part)); err != nil {
			return fmt.Errorf("delete repository %s: %w", name, err)
		}
	}
	return nil
}

// Missing returns the digests that an error of PutManifest names as never pushed; nil for another error.
func Missing(err error) []string {
	var missing *missingError
	if errors.As(err, &missing) {
		return missing.digests
	}
	return nil
}
