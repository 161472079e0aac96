package engine

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Image is an image that a custom resource built, or found to be there.
type Image struct {
	StackID   string
	LogicalID string // of the custom resource
	URI       string // of the repository
	Tag       string
	Digest    string
}

// Region returns the region that the image is in.
func (i Image) Region() string {
	host, _, _ := strings.Cut(i.URI, "/")
	h, _ := registry.ParseHost(host)
	return h.Region
}

// images remembers which custom resource stands for which image. It knows from who acted: a session's cause says for
// which custom resource it pushes an image, or asks ECR for one.
type images struct {
	content *registry.Store
	table   state.Table[Image]
	mu      sync.Mutex
}

func newImages(store *state.Store, content *registry.Store) (*images, error) {
	table, err := state.NewTable[Image](store, "engine.images")
	return &images{content: content, table: table}, err
}

// see hears of every image that somebody pushed, or asked ECR for. A build asks for base images and caches too, so of
// a build only what it pushes counts.
func (i *images) see(cause session.Cause, uri, tag, digest string, pushed bool) {
	request := cause.Request
	if request.StackID == "" || tag == "" || cause.Build != "" && !pushed || i.cache(uri, digest) {
		return
	}
	made := Image{StackID: request.StackID, LogicalID: request.LogicalID, URI: uri, Tag: tag, Digest: digest}
	i.mu.Lock()
	defer i.mu.Unlock()
	if old, found, err := i.table.Get(request.StackID + "|" + request.LogicalID); err == nil && found && made.replicates(old) {
		return
	}
	// The table is a report's memory: an image that cannot be written down is missing there and nowhere else.
	_ = i.table.Put(request.StackID+"|"+request.LogicalID, made)
}

// replicates reports whether the image is another one in a region that is not its stack's.
func (i Image) replicates(other Image) bool {
	_, rest, _ := strings.Cut(i.StackID, ":cloudformation:")
	home, _, _ := strings.Cut(rest, ":")
	return i.Region() != home && i.Digest == other.Digest
}

// The media type of the configuration of BuildKit's cache manifests. Source: moby/buildkit, cache/remotecache.
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// cache reports whether a manifest holds BuildKit's cache rather than an image.
func (i *images) cache(uri, digest string) bool {
	host, name, _ := strings.Cut(uri, "/")
	h, ok := registry.ParseHost(host)
	if !ok {
		return false
	}
	_, body, err := i.content.Manifest(context.Background(), h.ARN(name), digest)
	if err != nil {
		return false
	}
	var manifest struct {
		Config struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	return json.Unmarshal(body, &manifest) == nil && manifest.Config.MediaType == cacheConfig
}

// of returns the images of a stack's present custom resources, by logical id.
func (i *images) of(stackID string, present func(logicalID string) bool) []Image {
	var out []Image
	for _, image := range i.table.All() {
		if image.StackID == stackID && present(image.LogicalID) {
			out = append(out, image)
		}
	}
	return out
}
