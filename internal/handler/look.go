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
	refused error              // what is wrong with the image; nil when consumers take it
	missing []string           // regions whose replica is not complete, sorted
	replica map[string]Replica // what ECR knows of those
}

// accepted says whether the image is there, of a kind that consumers take, and in every region.
func (f found) accepted() bool { return f.there && f.refused == nil && len(f.missing) == 0 }

// replicating says whether nothing but replicas is missing.
func (f found) replicating() bool { return f.there && f.refused == nil && len(f.missing) > 0 }

// answer is what consumers read.
func (f found) answer(b builder) *contract.Answer {
	return &contract.Answer{ImageTag: b.tag, ImageDigest: f.digest, ImageUri: b.Repository.URI + "@" + f.digest}
}

// look asks ECR for the image and its replicas. The same look decides before a build and after one.
func (h *Handler) look(ctx context.Context, b builder) (found, error) {
	m, ok, err := h.Registry.Image(ctx, b.Repository.Name, b.tag)
	if err != nil || !ok {
		return found{}, err
	}
	f := found{there: true, digest: m.Digest, refused: image.Check(m.Bytes, m.MediaType)}
	if len(b.Replicas) > 0 && f.refused == nil {
		if err := h.lookAtReplicas(ctx, b, &f); err != nil {
			return found{}, err
		}
	}
	h.Log.Info("image", "repository", b.Repository.Name, "tag", b.tag, "digest", m.Digest, "accepted", f.accepted(), "missing", f.missing)
	return f, nil
}
