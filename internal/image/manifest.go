package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Media types of manifests (OCI image specification, "Media types"; distribution, "Image manifest version 2,
// schema 2").
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	OCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	OCIIndex       = "application/vnd.oci.image.index.v1+json"
)

// Accepted are the media types to ask a registry for, so that it does not convert one kind into another.
func Accepted() []string { return []string{DockerManifest, OCIManifest, OCIIndex, DockerList} }

// Reasons for which Check refuses an image.
var (
	ErrIndex       = errors.New("the image is an index of several manifests, which Lambda does not take; build one platform without attestations")
	ErrZstd        = errors.New("the image has layers compressed with zstd, which Lambda does not take; build with gzip")
	ErrNotAnImage  = errors.New("the manifest is not one of a container image")
	ErrUnreadable  = errors.New("the manifest cannot be read")
	ErrMediaDiffer = errors.New("the manifest's own media type is not the one that the registry tells")
)

// configTypes are the media types of a container image's configuration.
var configTypes = map[string]bool{
	"application/vnd.docker.container.image.v1+json": true,
	"application/vnd.oci.image.config.v1+json":       true,
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
}

// Check says whether Lambda and ECS take the image with this manifest: one manifest of one platform, Docker's schema 2
// or OCI's, with plain or gzip layers ("Create a Lambda function using a container image", AWS Lambda Developer Guide;
// refusal of an index: docker/buildx#1533). mediaType is the media type that ECR tells; where it is empty, the
// manifest's own counts.
//
// The error wraps one of the Err values of this package.
func Check(manifest []byte, mediaType string) error {
	var m struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		ArtifactType  string       `json:"artifactType"`
		Config        *descriptor  `json:"config"`
		Layers        []descriptor `json:"layers"`
		Manifests     []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if mediaType == "" {
		mediaType = m.MediaType
	}
	if mediaType == DockerList || mediaType == OCIIndex || m.Manifests != nil {
		return ErrIndex
	}
	if m.MediaType != "" && m.MediaType != mediaType {
		return fmt.Errorf("%w: %q and %q", ErrMediaDiffer, m.MediaType, mediaType)
	}
	if mediaType != DockerManifest && mediaType != OCIManifest {
		return fmt.Errorf("%w: its media type is %q", ErrNotAnImage, mediaType)
	}
	if m.SchemaVersion != 2 || m.Config == nil || !configTypes[m.Config.MediaType] || m.ArtifactType != "" {
		return fmt.Errorf("%w: it has no image configuration", ErrNotAnImage)
	}
	for _, layer := range m.Layers {
		if strings.HasSuffix(layer.MediaType, "zstd") {
			return fmt.Errorf("%w (%s)", ErrZstd, layer.Digest)
		}
		if !layerType(layer.MediaType) {
			return fmt.Errorf("%w: a layer has the media type %q", ErrNotAnImage, layer.MediaType)
		}
	}
	return nil
}

// layerType says whether a consumer unpacks layers of this media type.
func layerType(mediaType string) bool {
	switch mediaType {
	case "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar":
		return true
	}
	return false
}
