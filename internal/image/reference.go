// Package image holds what names an image and what kind of thing the name stands for: references, tags, digests,
// and the kinds of manifest that a consumer takes.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// Tag is an image's tag: 1 to 128 letters, digits, "_", "." and "-", not beginning with "." or "-".
type Tag string

// Digest is the digest of a manifest: "sha256:" and 64 lower-case hexadecimal digits.
type Digest string

// Reference names an image in a registry by tag, by digest, or by both. With both, the digest decides.
type Reference struct {
	Repository string // registry host and repository name, "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"
	Tag        Tag    // may be empty
	Digest     Digest // may be empty
}

// The grammar of references (github.com/distribution/reference, regexp.go).
var (
	tagForm        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestForm     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+$`)
)

// ParseTag reads a tag.
func ParseTag(s string) (Tag, error) {
	if !tagForm.MatchString(s) {
		return "", fmt.Errorf("%q is not an image tag; it has 1 to 128 letters, digits, \"_\", \".\" and \"-\"", s)
	}
	return Tag(s), nil
}

// ParseDigest reads a digest. Only SHA-256 is taken, which is all that ECR makes.
func ParseDigest(s string) (Digest, error) {
	if !digestForm.MatchString(s) {
		return "", fmt.Errorf("%q is not an image digest; it is \"sha256:\" and 64 lower-case hexadecimal digits", s)
	}
	return Digest(s), nil
}

// DigestOf gives the digest of a manifest's bytes.
func DigestOf(manifest []byte) Digest {
	sum := sha256.Sum256(manifest)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// Parse reads a reference such as "host/name:tag", "host/name@sha256:..." or "host/name:tag@sha256:...". The registry
// host must be there: a name without one would mean Docker Hub.
func Parse(s string) (Reference, error) {
	var r Reference
	rest, digest, has := strings.Cut(s, "@")
	if has {
		parsed, err := ParseDigest(digest)
		if err != nil {
			return Reference{}, fmt.Errorf("image reference %q: %w", s, err)
		}
		r.Digest = parsed
	}
	slash, colon := strings.LastIndexByte(rest, '/'), strings.LastIndexByte(rest, ':')
	if colon > slash {
		parsed, err := ParseTag(rest[colon+1:])
		if err != nil {
			return Reference{}, fmt.Errorf("image reference %q: %w", s, err)
		}
		r.Tag, rest = parsed, rest[:colon]
	}
	if !repositoryForm.MatchString(rest) {
		return Reference{}, fmt.Errorf("image reference %q: %q is not a registry host and a repository name", s, rest)
	}
	r.Repository = rest
	return r, nil
}

// String is the reference as docker writes it.
func (r Reference) String() string {
	s := r.Repository
	if r.Tag != "" {
		s += ":" + string(r.Tag)
	}
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}

// ByDigest is the reference by digest alone, which no later push can change.
func (r Reference) ByDigest() Reference { return Reference{Repository: r.Repository, Digest: r.Digest} }
