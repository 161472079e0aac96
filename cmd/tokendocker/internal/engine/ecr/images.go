package ecr

import (
	"context"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const imagesByPage = 100

// imageID names an image by digest, by tag, or by both.
type imageID struct {
	ImageDigest string `json:"imageDigest,omitempty"`
	ImageTag    string `json:"imageTag,omitempty"`
}

// failure says why a batch operation left an image or layer out.
type failure struct {
	ImageID       *imageID `json:"imageId,omitempty"`
	LayerDigest   string   `json:"layerDigest,omitempty"`
	FailureCode   string   `json:"failureCode"`
	FailureReason string   `json:"failureReason"`
}

// lookup returns the digest of the image that id names, or why there is none.
func (r repository) lookup(id imageID) (string, *failure) {
	fail := func(code, reason string) (string, *failure) {
		return "", &failure{ImageID: &id, FailureCode: code, FailureReason: reason}
	}
	switch {
	case id.ImageDigest == "" && id.ImageTag == "":
		return fail("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
	case id.ImageDigest == "":
		digest, found := r.resolve(id.ImageTag)
		if !found || strings.Contains(id.ImageTag, ":") {
			return fail("ImageNotFound", "Requested image not found")
		}
		return digest, nil
	}
	img, found := r.Images[id.ImageDigest]
	switch {
	case !found:
		return fail("ImageNotFound", "Requested image not found")
	case id.ImageTag != "" && !slices.Contains(img.Tags, id.ImageTag):
		return fail("ImageTagDoesNotMatchDigest", "Requested tag does not match the digest")
	}
	return id.ImageDigest, nil
}

type imageFilter struct {
	TagStatus string `json:"tagStatus"` // TAGGED, UNTAGGED, ANY
}

func (f *imageFilter) takes(img image) bool {
	if f == nil {
		return true
	}
	switch f.TagStatus {
	case "TAGGED":
		return len(img.Tags) > 0
	case "UNTAGGED":
		return len(img.Tags) == 0
	}
	return true
}

func (r *Room) describeImages(_ context.Context, call *protocol.Call, in struct {
	target
	ImageIDs   []imageID    `json:"imageIds"`
	Filter     *imageFilter `json:"filter"`
	NextToken  string       `json:"nextToken"`
	MaxResults int          `json:"maxResults"`
}) (any, error) {
	if err := checkLength("imageIds", in.ImageIDs, 0, maxBatch); err != nil {
		return nil, err
	}
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	var digests []string
	for _, id := range in.ImageIDs {
		digest, missing := repo.lookup(id)
		if missing != nil {
			return nil, errNoImage(repo, id)
		}
		if !slices.Contains(digests, digest) {
			digests = append(digests, digest)
		}
		r.seen(call.Session, repo, repo.tagOf(id, digest), digest, false)
	}
	if len(in.ImageIDs) == 0 {
		digests = repo.newest()
	}
	details := []map[string]any{}
	for _, digest := range digests {
		if img := repo.Images[digest]; in.Filter.takes(img) {
			details = append(details, detail(repo, digest, img))
		}
	}
	part, next, err := page(details, in.NextToken, in.MaxResults, imagesByPage)
	if err != nil {
		return nil, err
	}
	return paged(map[string]any{"imageDetails": part}, next), nil
}

// tagOf returns the tag by which id found digest: its own, else the image's first.
func (r repository) tagOf(id imageID, digest string) string {
	if id.ImageTag == "" && len(r.Images[digest].Tags) > 0 {
		return r.Images[digest].Tags[0]
	}
	return id.ImageTag
}

func detail(repo repository, digest string, img image) map[string]any {
	out := map[string]any{
		"registryId": repo.Account, "repositoryName": repo.Name, "imageDigest": digest,
		"imageSizeInBytes": img.Size, "imagePushedAt": protocol.Timestamp(img.Pushed), "imageManifestMediaType": img.MediaType,
	}
	if len(img.Tags) > 0 {
		out["imageTags"] = img.Tags
	}
	if img.ArtifactType != "" {
		out["artifactMediaType"] = img.ArtifactType
	}
	return out
}

func (r *Room) listImages(_ context.Context, call *protocol.Call, in struct {
	target
	Filter     *imageFilter `json:"filter"`
	NextToken  string       `json:"nextToken"`
	MaxResults int          `json:"maxResults"`
}) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	ids := []imageID{}
	for _, digest := range repo.newest() {
		img := repo.Images[digest]
		if !in.Filter.takes(img) {
			continue
		}
		if len(img.Tags) == 0 {
			ids = append(ids, imageID{ImageDigest: digest})
		}
		for _, t := range img.Tags {
			ids = append(ids, imageID{ImageDigest: digest, ImageTag: t})
		}
	}
	part, next, err := page(ids, in.NextToken, in.MaxResults, imagesByPage)
	if err != nil {
		return nil, err
	}
	return paged(map[string]any{"imageIds": part}, next), nil
}

func (r *Room) batchGetImage(ctx context.Context, call *protocol.Call, in struct {
	target
	ImageIDs           []imageID `json:"imageIds"`
	AcceptedMediaTypes []string  `json:"acceptedMediaTypes"`
}) (any, error) {
	if err := checkLength("imageIds", in.ImageIDs, 1, maxBatch); err != nil {
		return nil, err
	}
	arn := where(call, in.RegistryID).arn(in.RepositoryName)
	if err := r.importAll(ctx, call.Session, arn, in.ImageIDs); err != nil {
		return nil, err
	}
	repo, err := r.find(arn)
	if err != nil {
		return nil, err
	}
	images, failures := []map[string]any{}, []failure{}
	for _, id := range in.ImageIDs {
		digest, missing := repo.lookup(id)
		if missing == nil && len(in.AcceptedMediaTypes) > 0 &&
			!slices.Contains(in.AcceptedMediaTypes, repo.Images[digest].MediaType) {
			missing = &failure{ImageID: &id, FailureCode: "ImageNotFound", FailureReason: "Requested image not found"}
		}
		if missing != nil {
			failures = append(failures, *missing)
			continue
		}
		mediaType, body, err := r.Content.Manifest(ctx, repo.ARN, digest)
		if err != nil {
			return nil, err
		}
		r.seen(call.Session, repo, repo.tagOf(id, digest), digest, false)
		images = append(images, map[string]any{
			"registryId": repo.Account, "repositoryName": repo.Name,
			"imageId":       imageID{ImageDigest: digest, ImageTag: id.ImageTag},
			"imageManifest": string(body), "imageManifestMediaType": mediaType,
		})
	}
	return map[string]any{"images": images, "failures": failures}, nil
}

func (r *Room) batchDeleteImage(ctx context.Context, call *protocol.Call, in struct {
	target
	ImageIDs []imageID `json:"imageIds"`
}) (any, error) {
	if err := checkLength("imageIds", in.ImageIDs, 1, maxBatch); err != nil {
		return nil, err
	}
	arn := where(call, in.RegistryID).arn(in.RepositoryName)
	deleted, failures := []imageID{}, []failure{}
	for _, id := range in.ImageIDs {
		gone, failed, err := r.deleteImage(ctx, arn, id)
		if err != nil {
			return nil, err
		}
		if failed != nil {
			failures = append(failures, *failed)
		}
		deleted = append(deleted, gone...)
	}
	return map[string]any{"imageIds": deleted, "failures": failures}, nil
}

// deleteImage removes what id names: by tag only that tag, and the image with its last one; by digest the image with
// all its tags.
// Source: ECR API Reference, BatchDeleteImage.
func (r *Room) deleteImage(ctx context.Context, arn string, id imageID) (gone []imageID, failed *failure, err error) {
	var removed string
	_, err = r.change(arn, func(repo *repository) error {
		var digest string
		if digest, failed = repo.lookup(id); failed != nil {
			return nil
		}
		img := repo.Images[digest]
		if id.ImageDigest == "" && len(img.Tags) > 1 {
			repo.untag(id.ImageTag)
			gone = []imageID{{ImageDigest: digest, ImageTag: id.ImageTag}}
			return nil
		}
		if parents := repo.parents(digest); len(parents) > 0 {
			failed = &failure{ImageID: &id, FailureCode: "ImageReferencedByManifestList",
				FailureReason: "Requested image referenced by manifest list: [" + strings.Join(parents, ", ") + "]"}
			return nil
		}
		delete(repo.Images, digest)
		removed = digest
		for _, t := range img.Tags {
			gone = append(gone, imageID{ImageDigest: digest, ImageTag: t})
		}
		if len(img.Tags) == 0 {
			gone = []imageID{{ImageDigest: digest}}
		}
		return nil
	})
	if err == nil && removed != "" {
		err = r.Content.DeleteManifest(ctx, arn, removed)
	}
	for _, id := range gone {
		r.tell(arn, actionDelete, id.ImageTag, id.ImageDigest, nil)
	}
	return gone, failed, err
}

// parents returns the digests of the indexes that hold an image.
func (r repository) parents(digest string) []string {
	var parents []string
	for _, d := range r.newest() {
		if slices.Contains(r.Images[d].Children, digest) {
			parents = append(parents, d)
		}
	}
	return parents
}

func (r *Room) putImage(ctx context.Context, call *protocol.Call, in struct {
	target
	ImageManifest          string `json:"imageManifest"`
	ImageManifestMediaType string `json:"imageManifestMediaType"`
	ImageTag               string `json:"imageTag"`
	ImageDigest            string `json:"imageDigest"`
}) (any, error) {
	arn := where(call, in.RegistryID).arn(in.RepositoryName)
	before, err := r.find(arn)
	if err != nil {
		return nil, err
	}
	digest := digestOf(in.ImageManifest)
	if in.ImageDigest != "" && in.ImageDigest != digest {
		return nil, protocol.Errorf("ImageDigestDoesNotMatchException",
			"The image digest '%s' does not match the manifest's digest '%s'", in.ImageDigest, digest)
	}
	old, found := before.Images[digest]
	if found && (in.ImageTag == "" || slices.Contains(old.Tags, in.ImageTag)) {
		return nil, protocol.Errorf("ImageAlreadyExistsException",
			"Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
			digest, in.ImageTag, before.Name, before.Account)
	}
	if _, err := r.Push(ctx, call.Session, arn, in.ImageTag, in.ImageManifestMediaType, []byte(in.ImageManifest)); err != nil {
		return nil, err
	}
	return map[string]any{"image": map[string]any{
		"registryId": before.Account, "repositoryName": before.Name,
		"imageId":       imageID{ImageDigest: digest, ImageTag: in.ImageTag},
		"imageManifest": in.ImageManifest,
	}}, nil
}

func (r *Room) batchCheckLayerAvailability(ctx context.Context, call *protocol.Call, in struct {
	target
	LayerDigests []string `json:"layerDigests"`
}) (any, error) {
	if err := checkLength("layerDigests", in.LayerDigests, 1, maxBatch); err != nil {
		return nil, err
	}
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	layers := []map[string]any{}
	for _, digest := range in.LayerDigests {
		layer := map[string]any{"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
		if size, err := r.Content.BlobSize(ctx, repo.ARN, digest); err == nil {
			layer["layerAvailability"], layer["layerSize"] = "AVAILABLE", size
		}
		layers = append(layers, layer)
	}
	return map[string]any{"layers": layers, "failures": []failure{}}, nil
}

func (r *Room) getDownloadURLForLayer(ctx context.Context, call *protocol.Call, in struct {
	target
	LayerDigest string `json:"layerDigest"`
}) (any, error) {
	at := where(call, in.RegistryID)
	repo, err := r.find(at.arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if _, err := r.Content.BlobSize(ctx, repo.ARN, in.LayerDigest); err != nil {
		return nil, protocol.Errorf("LayersNotFoundException",
			"The layer with digest '%s' does not exist within the repository with name '%s' in the registry with id '%s'",
			in.LayerDigest, repo.Name, repo.Account)
	}
	password, _ := r.Tokens.Issue(call.Session)
	return map[string]any{
		"downloadUrl": "https://AWS:" + escape(password) + "@" + at.host() + "/v2/" + repo.Name + "/blobs/" + in.LayerDigest,
		"layerDigest": in.LayerDigest,
	}, nil
}

// Manifest returns the manifest that a reference (tag or digest) of a repository stands for, with its media type and
// digest, or RepositoryNotFoundException or ImageNotFoundException. It decides no permission.
func (r *Room) Manifest(ctx context.Context, arn, reference string) (mediaType, digest string, body []byte, err error) {
	repo, err := r.find(arn)
	if err != nil {
		return "", "", nil, err
	}
	digest, found := repo.resolve(reference)
	if !found {
		id := imageID{ImageTag: reference}
		if strings.Contains(reference, ":") {
			id = imageID{ImageDigest: reference}
		}
		return "", "", nil, errNoImage(repo, id)
	}
	mediaType, body, err = r.Content.Manifest(ctx, arn, digest)
	return mediaType, digest, body, err
}
