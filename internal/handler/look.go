package handler

import (
	"context"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/image"
)

// found is what ECR holds under a builder's tag.
type found struct {
	there   bool
	digest  string
	refused error // what is wrong with the image; nil when consumers take it
}

// accepted says whether the image is there and of a kind that consumers take.
func (f found) accepted() bool { return f.there && f.refused == nil }

// answer is what consumers read.
func (f found) answer(b builder) *contract.Answer {
	return &contract.Answer{ImageTag: b.tag, ImageDigest: f.digest, ImageUri: b.Repository.URI + "@" + f.digest}
}

// look asks ECR for the image. The same look decides before a build and after one.
func (h *Handler) look(ctx context.Context, b builder) (found, error) {
	m, ok, err := h.Registry.Image(ctx, b.Repository.Name, b.tag)
	if err != nil || !ok {
		return found{}, err
	}
	f := found{there: true, digest: m.Digest, refused: image.Check(m.Bytes, m.MediaType)}
	h.Log.Info("image", "repository", b.Repository.Name, "tag", b.tag, "digest", m.Digest, "accepted", f.accepted())
	return f, nil
}
