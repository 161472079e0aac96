// Package kms is AWS Key Management Service as far as other services' secrets need it: symmetric keys with their
// policies, aliases, grants and tags, and encryption of small values. Rotation is a setting that changes nothing, and
// asymmetric keys have identifiers only.
package kms
