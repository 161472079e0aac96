// Package ecr is Amazon ECR's control plane: repositories with their settings and policies, and the images in them,
// over ECR's JSON API and as resource types; what belongs to a registry, replication, pull-through caches, templates and
// its policy. Layers and manifests themselves lie behind the
// port Content. The room also answers the registry's questions about names and tags, so that a push over Docker's
// protocol and one over the API meet the same rules.
//
// What differs from AWS on purpose is marked in the case table of the tests.
package ecr
