package registry

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image returns an image of the repository, to be read layer by layer. It fails with ErrUnknown when there is no
// manifest of that digest.
func (s *Store) Image(ctx context.Context, arn, digest string) (v1.Image, error) {
	mediaType, manifest, err := s.Manifest(ctx, arn, digest)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&stored{ctx: ctx, store: s, arn: arn, mediaType: types.MediaType(mediaType), manifest: manifest})
}

// stored is what partial needs to make an image of a manifest and its blobs. It keeps the context of the read that it
// is made for, since v1.Image has none in its methods.
type stored struct {
	ctx       context.Context //nolint:containedctx // see above
	store     *Store
	arn       string
	mediaType types.MediaType
	manifest  []byte
}

var _ partial.CompressedImageCore = (*stored)(nil)

// MediaType returns the manifest's media type.
func (i *stored) MediaType() (types.MediaType, error) { return i.mediaType, nil }

// RawManifest returns the manifest as it was pushed.
func (i *stored) RawManifest() ([]byte, error) { return i.manifest, nil }

// RawConfigFile returns the image's configuration as it was pushed.
func (i *stored) RawConfigFile() ([]byte, error) {
	m, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	return i.store.blob(i.ctx, i.arn, m.Config.Digest.String())
}

// LayerByDigest returns a layer of the image.
func (i *stored) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	m, err := partial.Manifest(i)
	if err != nil {
		return nil, err
	}
	for _, d := range append(m.Layers, m.Config) {
		if d.Digest == digest {
			return &storedLayer{image: i, descriptor: d}, nil
		}
	}
	return nil, ErrUnknown
}

type storedLayer struct {
	image      *stored
	descriptor v1.Descriptor
}

// Digest returns the layer's digest.
func (l *storedLayer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

// Size returns the layer's size in bytes, as it was pushed.
func (l *storedLayer) Size() (int64, error) { return l.descriptor.Size, nil }

// MediaType returns the layer's media type.
func (l *storedLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }

// Compressed returns the layer as it was pushed.
func (l *storedLayer) Compressed() (io.ReadCloser, error) {
	return l.image.store.OpenBlob(l.image.ctx, l.image.arn, l.descriptor.Digest.String())
}
