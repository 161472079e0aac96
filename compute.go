package tokendocker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// platform is what a builder's platform means to docker and to CodeBuild (AWS CodeBuild User Guide, "Docker images
// provided by CodeBuild" and "Build environment compute modes and types").
type platform struct {
	docker, environment, image string
}

// platforms are the platforms that CodeBuild has machines for, each with its newest image; the first is the default.
var platforms = []platform{
	{"linux/amd64", "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:6.0"},
	{"linux/arm64", "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:4.0"},
}

func (b *builder) readPlatform(name string) {
	var names []string
	for _, p := range platforms {
		if p.docker == name {
			b.platform = p
			return
		}
		names = append(names, fmt.Sprintf("%q", p.docker))
	}
	b.problems.add("Platform is %q: give %s", name, strings.Join(names, " or "))
	b.platform = platforms[0]
}

// sizes are the machines that can run docker, as CodeBuild names them.
var sizes = map[awscodebuild.ComputeType]string{
	awscodebuild.ComputeType_SMALL:    "BUILD_GENERAL1_SMALL",
	awscodebuild.ComputeType_MEDIUM:   "BUILD_GENERAL1_MEDIUM",
	awscodebuild.ComputeType_LARGE:    "BUILD_GENERAL1_LARGE",
	awscodebuild.ComputeType_X_LARGE:  "BUILD_GENERAL1_XLARGE",
	awscodebuild.ComputeType_X2_LARGE: "BUILD_GENERAL1_2XLARGE",
}

func (b *builder) readCompute(size awscodebuild.ComputeType) {
	b.compute = sizes[awscodebuild.ComputeType_SMALL]
	if size == "" {
		return
	}
	name, known := sizes[size]
	if !known {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(sizes)) {
			names = append(names, string(name))
		}
		b.problems.add("ComputeType is %q, where docker cannot build: give one of %s", size, strings.Join(names, ", "))
		return
	}
	b.compute = name
}

// buildImage is the image that CodeBuild runs builds in.
type buildImage struct {
	id          string
	chosen      string // id, where the user chose it
	credentials string // whose right to pull it counts
	given       awscodebuild.IBuildImage
}

// readBuildImage takes the user's image, or the platform's newest.
func (b *builder) readBuildImage(image awscodebuild.IBuildImage) {
	b.image = buildImage{id: b.platform.image, credentials: "CODEBUILD"}
	if image == nil {
		return
	}
	if *image.Type() != b.platform.environment {
		b.problems.add("BuildImage is of type %s, and Platform %s needs %s: give another image or another Platform",
			*image.Type(), b.platform.docker, b.platform.environment)
		return
	}
	b.image = buildImage{id: *image.ImageId(), chosen: *image.ImageId(), credentials: "CODEBUILD", given: image}
	if image.ImagePullPrincipalType() == awscodebuild.ImagePullPrincipalType_SERVICE_ROLE {
		b.image.credentials = "SERVICE_ROLE"
	}
}

// registryCredential is the secret that CodeBuild pulls the image with; nil without one.
func (i buildImage) registryCredential() any {
	if i.given == nil || i.given.SecretsManagerCredentials() == nil {
		return nil
	}
	return &awscodebuild.CfnProject_RegistryCredentialProperty{
		CredentialProvider: jsii.String("SECRETS_MANAGER"),
		Credential:         i.given.SecretsManagerCredentials().SecretArn(),
	}
}

// grant lets the builds' role pull the image, and read the secret that it is pulled with.
func (i buildImage) grant(role awsiam.IGrantable) {
	if i.given == nil {
		return
	}
	if repository := i.given.Repository(); repository != nil {
		repository.GrantPull(role)
	}
	if secret := i.given.SecretsManagerCredentials(); secret != nil {
		secret.GrantRead(role, nil)
	}
}
