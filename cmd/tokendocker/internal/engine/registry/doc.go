// Package registry is the Docker half of Amazon ECR: a real OCI registry under ECR's host names, whose users are AWS
// sessions and whose verbs are IAM actions. Layers and manifests lie in files of the state folder, kept by the
// distribution project's registry; which repositories, tags and rules there are is ECR's business, behind the port
// Catalog.
//
// Importer brings images of other registries in, for repositories of a pull-through cache.
//
// A second handler, Mirror, serves a folder of seeded images in place of Docker Hub on a machine without internet.
package registry
