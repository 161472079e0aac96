package clients

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/image"
)

// Registry is ECR.
type Registry struct{ Client *ecr.Client }

// Image implements handler.Registry. It asks for every kind of manifest that ECR knows: ECR converts a manifest of a
// kind that is not asked for (API Reference, BatchGetImage), and what a consumer would get must be looked at as it is.
func (r Registry) Image(ctx context.Context, repository, tag string) (handler.Manifest, bool, error) {
	subject := repository + ":" + tag
	out, err := r.Client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName:     &repository,
		ImageIds:           []types.ImageIdentifier{{ImageTag: &tag}},
		AcceptedMediaTypes: image.Accepted(),
	})
	switch {
	case is(err, "RepositoryNotFoundException"):
		return handler.Manifest{}, false, nil
	case err != nil:
		return handler.Manifest{}, false, problem("look for image", subject, err)
	}
	for _, failure := range out.Failures {
		if failure.FailureCode != types.ImageFailureCodeImageNotFound {
			reason := string(failure.FailureCode) + ": " + aws.ToString(failure.FailureReason)
			return handler.Manifest{}, false, problem("look for image", subject, errors.New(reason))
		}
	}
	if len(out.Images) == 0 || out.Images[0].ImageId == nil {
		return handler.Manifest{}, false, nil
	}
	found := out.Images[0]
	return handler.Manifest{
		Digest:    aws.ToString(found.ImageId.ImageDigest),
		MediaType: aws.ToString(found.ImageManifestMediaType),
		Bytes:     []byte(aws.ToString(found.ImageManifest)),
	}, true, nil
}

// Delete implements handler.Registry.
func (r Registry) Delete(ctx context.Context, repository, tag string) error {
	subject := repository + ":" + tag
	out, err := r.Client.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
		RepositoryName: &repository,
		ImageIds:       []types.ImageIdentifier{{ImageTag: &tag}},
	})
	if err != nil {
		return problem("delete image", subject, err)
	}
	for _, failure := range out.Failures {
		if failure.FailureCode != types.ImageFailureCodeImageNotFound {
			reason := string(failure.FailureCode) + ": " + aws.ToString(failure.FailureReason)
			return problem("delete image", subject, errors.New(reason))
		}
	}
	return nil
}
