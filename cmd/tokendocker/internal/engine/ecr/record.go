package ecr

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Values of a repository's tag mutability (ECR API Reference, PutImageTagMutability).
const (
	mutable              = "MUTABLE"
	immutable            = "IMMUTABLE"
	immutableWithExclude = "IMMUTABLE_WITH_EXCLUSION"
	mutableWithExclude   = "MUTABLE_WITH_EXCLUSION"
)

// repository is what is kept of one repository, under its ARN.
type repository struct {
	Name       string
	ARN        string
	URI        string
	Account    string
	Created    time.Time
	Mutability string
	Exclusions []exclusion `json:",omitempty"`
	ScanOnPush bool
	Encryption encryption
	Policy     string            `json:",omitempty"`
	Lifecycle  string            `json:",omitempty"`
	Tags       map[string]string `json:",omitempty"`
	Images     map[string]image  `json:",omitempty"` // by digest
}

// exclusion is a pattern of tags for which a repository's mutability does not hold.
type exclusion struct {
	FilterType string `json:"filterType"` // WILDCARD
	Filter     string `json:"filter"`
}

type encryption struct {
	EncryptionType string `json:"encryptionType"` // AES256, KMS
	KMSKey         string `json:"kmsKey,omitempty"`
}

// image is one manifest of a repository.
type image struct {
	MediaType    string
	ArtifactType string    `json:",omitempty"` // media type of its configuration
	Size         int64     // bytes of its layers and configuration; of its largest child for an index
	Pushed       time.Time // simulated
	Tags         []string  `json:",omitempty"`
	Children     []string  `json:",omitempty"` // digests of an index's manifests
	Replicas     []replica `json:",omitempty"`
}

// resolve returns the digest of a tag or digest, and whether the repository has it.
func (r repository) resolve(reference string) (string, bool) {
	if _, ok := r.Images[reference]; ok {
		return reference, true
	}
	for digest, img := range r.Images {
		if slices.Contains(img.Tags, reference) {
			return digest, true
		}
	}
	return "", false
}

// frozen reports whether a tag that exists may not be moved.
// Source: Amazon ECR User Guide, "Preventing image tags from being overwritten".
func (r repository) frozen(tag string) bool {
	excluded := slices.ContainsFunc(r.Exclusions, func(e exclusion) bool { return wildcard(e.Filter, tag) })
	switch r.Mutability {
	case immutable:
		return true
	case immutableWithExclude:
		return !excluded
	case mutableWithExclude:
		return excluded
	}
	return false
}

// wildcard reports whether a filter, in which * stands for any characters, matches the whole tag.
func wildcard(filter, tag string) bool {
	parts := strings.Split(filter, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(tag)
}

// untag takes a tag away from whatever image has it.
func (r *repository) untag(tag string) {
	for digest, img := range r.Images {
		if i := slices.Index(img.Tags, tag); i >= 0 {
			img.Tags = slices.Delete(img.Tags, i, i+1)
			r.Images[digest] = img
		}
	}
}

// newest returns the repository's digests, newest push first.
func (r repository) newest() []string {
	digests := make([]string, 0, len(r.Images))
	for d := range r.Images {
		digests = append(digests, d)
	}
	slices.SortFunc(digests, func(a, b string) int {
		if c := r.Images[b].Pushed.Compare(r.Images[a].Pushed); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return digests
}
