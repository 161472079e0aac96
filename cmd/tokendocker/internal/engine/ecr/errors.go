package ecr

import (
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func errNoRepository(name, account string) error {
	return protocol.Errorf("RepositoryNotFoundException",
		"The repository with name '%s' does not exist in the registry with id '%s'", name, account)
}

func errNoImage(repo repository, id imageID) error {
	quote := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	return protocol.Errorf("ImageNotFoundException",
		"The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		quote(id.ImageDigest), quote(id.ImageTag), repo.Name, repo.Account)
}

func errFrozen(repo repository, tag string) error {
	return protocol.Errorf("ImageTagAlreadyExistsException",
		"The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.",
		tag, repo.Name)
}

func errParameter(name, constraint string) error {
	return protocol.Errorf("InvalidParameterException",
		"Invalid parameter at '%s' failed to satisfy constraint: '%s'", name, constraint)
}
