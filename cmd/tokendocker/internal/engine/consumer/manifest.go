package consumer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// descriptor points from a manifest to a blob or to another manifest.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Platform  *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// manifest holds the members of image manifests and indexes.
type manifest struct {
	MediaType string       `json:"mediaType"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
)

// lambdaConfigs and lambdaLayers are the media types that Lambda takes: those of Docker's schema 2 and of OCI, without
// zstd (AWS Lambda Developer Guide, "Create a Lambda function using a container image"; that zstd is refused is known
// from cdklabs/deploy-time-build).
var (
	lambdaConfigs = []string{"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"}
	lambdaLayers  = []string{"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar"}
)

// lambdaRefuses says why Lambda does not take an image; empty means that it does.
func lambdaRefuses(mediaType string, body []byte) string {
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return "the manifest is not JSON"
	}
	if mediaType == "" {
		mediaType = m.MediaType
	}
	if mediaType == ociIndex || mediaType == dockerList {
		return "the tag holds an index of images: build without attestations (--provenance=false --sbom=false) and for one platform"
	}
	if mediaType != ociManifest && mediaType != dockerManifest {
		return "the manifest is of type " + mediaType
	}
	if !slices.Contains(lambdaConfigs, m.Config.MediaType) {
		return "the image's configuration is of type " + m.Config.MediaType
	}
	for _, l := range m.Layers {
		if !slices.Contains(lambdaLayers, l.MediaType) {
			return fmt.Sprintf("the layer %s is of type %s", l.Digest, l.MediaType)
		}
	}
	return ""
}

// hasPlatform reports whether an image could run on linux with this processor ("amd64", "arm64"), as far as the manifest
// tells: a single image tells nothing.
func hasPlatform(mediaType string, body []byte, architecture string) bool {
	if !strings.Contains(mediaType, "index") && !strings.Contains(mediaType, "list") {
		return true
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return false
	}
	return slices.ContainsFunc(m.Manifests, func(d descriptor) bool {
		return d.Platform != nil && d.Platform.OS == "linux" && d.Platform.Architecture == architecture
	})
}
