package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Source: OCI Distribution Specification 1.1, "Pulling manifests".
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// manifest is the part of any manifest or index that ECR looks at.
type manifest struct {
	MediaType    string       `json:"mediaType"`
	ArtifactType string       `json:"artifactType"`
	Config       *descriptor  `json:"config"`
	Layers       []descriptor `json:"layers"`
	Manifests    []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// Exists reports whether there is a repository with this ARN.
func (r *Room) Exists(arn string) bool {
	_, found, err := r.repositories.Get(arn)
	return err == nil && found
}

// Resolve returns the digest that a tag or digest stands for, and whether the repository has such an image.
func (r *Room) Resolve(arn, reference string) (dgst string, found bool) {
	repo, _, err := r.repositories.Get(arn)
	if err != nil {
		return "", false
	}
	return repo.resolve(reference)
}

// Tags returns the repository's tags in order.
func (r *Room) Tags(arn string) []string {
	repo, _, _ := r.repositories.Get(arn) //nolint:errcheck // no repository has no tags
	tags := []string{}
	for _, img := range repo.Images {
		tags = append(tags, img.Tags...)
	}
	slices.Sort(tags)
	return tags
}

// Push keeps a manifest, under a tag if one is given, and returns its digest. It fails as PutImage does:
// ImageTagAlreadyExistsException for a tag that may not be moved, also onto the very image that it names already;
// LayersNotFoundException or ReferencedImagesNotFoundException for content that was not pushed before;
// InvalidParameterException for what is no manifest.
func (r *Room) Push(ctx context.Context, as *session.Session, arn, tag, mediaType string, body []byte) (string, error) {
	repo, err := r.find(arn)
	if err != nil {
		return "", err
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return "", errParameter("ImageManifest", "Invalid JSON syntax")
	}
	if tag != "" && !tagPattern.MatchString(tag) {
		return "", errParameter("imageTag", "must satisfy regular expression '"+strings.Trim(tagPattern.String(), "^$")+"'")
	}
	if err := repo.mayTag(tag); err != nil {
		return "", err
	}
	mediaType = cmp.Or(mediaType, m.MediaType)
	dgst, err := r.Content.PutManifest(ctx, arn, mediaType, body)
	if err != nil {
		return "", r.pushError(repo, m, err)
	}
	repo, err = r.change(arn, func(repo *repository) error {
		if err := repo.mayTag(tag); err != nil {
			return err
		}
		repo.add(dgst, tag, r.describeManifest(repo, mediaType, m))
		return nil
	})
	if err != nil {
		return "", err
	}
	r.seen(as, repo, tag, dgst, true)
	r.tell(arn, actionPush, tag, dgst, nil)
	return dgst, r.replicate(placeOf(arn), repo, tag, dgst)
}

// mayTag refuses a tag that exists and may not be moved.
func (r repository) mayTag(tag string) error {
	if tag == "" || !r.frozen(tag) {
		return nil
	}
	if _, taken := r.resolve(tag); taken {
		return errFrozen(r, tag)
	}
	return nil
}

// add keeps an image; one that is there already keeps its push time and tags.
func (r *repository) add(dgst, tag string, img image) {
	if r.Images == nil {
		r.Images = map[string]image{}
	}
	if old, found := r.Images[dgst]; found {
		img = old
	}
	if tag != "" {
		r.untag(tag)
		if old, found := r.Images[dgst]; found {
			img = old
		}
		img.Tags = append(img.Tags, tag)
	}
	r.Images[dgst] = img
}

func (r *Room) describeManifest(repo *repository, mediaType string, m manifest) image {
	img := image{MediaType: mediaType, ArtifactType: m.ArtifactType, Pushed: r.Clock.Now()}
	if m.Config != nil {
		img.Size = m.Config.Size
		img.ArtifactType = cmp.Or(img.ArtifactType, m.Config.MediaType)
	}
	for _, l := range m.Layers {
		img.Size += l.Size
	}
	for _, child := range m.Manifests {
		img.Children = append(img.Children, child.Digest)
		img.Size = max(img.Size, repo.Images[child.Digest].Size)
	}
	return img
}

func (r *Room) pushError(repo repository, m manifest, err error) error {
	missing := r.Missing(err)
	switch {
	case len(missing) == 0:
		return errParameter("ImageManifest", "Invalid image manifest provided: "+err.Error())
	case len(m.Manifests) > 0:
		return protocol.Errorf("ReferencedImagesNotFoundException",
			"Image manifest list or index references images with digests %s that do not exist in the repository with name '%s' in the registry with id '%s'",
			strings.Join(missing, ", "), repo.Name, repo.Account)
	}
	return protocol.Errorf("LayersNotFoundException",
		"Layers with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
		strings.Join(missing, ", "), repo.Name, repo.Account)
}

// Drop removes an image by digest, or a tag and with its last tag the image. It reports whether there was one.
func (r *Room) Drop(ctx context.Context, arn, reference string) (bool, error) {
	id := imageID{ImageTag: reference}
	if strings.Contains(reference, ":") {
		id = imageID{ImageDigest: reference}
	}
	gone, failed, err := r.deleteImage(ctx, arn, id)
	if err == nil && failed != nil && failed.FailureCode != "ImageNotFound" {
		err = protocol.Errorf(failed.FailureCode, "%s", failed.FailureReason)
	}
	return len(gone) > 0, err
}

func digestOf(body string) string { return digest.FromString(body).String() }

// escape makes a password fit for the user part of a URL.
func escape(password string) string { return url.QueryEscape(password) }
