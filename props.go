package tokendocker

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// TokenInjectableDockerBuilderProps says what image to build. Only Path is required.
//
// Values that decide what is staged or how the build runs (Path, File, Exclude, Platform, BuildTimeout) must be known
// when the app is synthesized. Values of BuildArgs and ExtraHash may hold deploy-time tokens anywhere in their text.
type TokenInjectableDockerBuilderProps struct {
	// Path is the folder of the build context, as in `docker build PATH`; relative to the working directory of the
	// app. What Docker's ignore rules leave out is not uploaded.
	Path *string `field:"required"`

	// BuildArgs are the values of the Dockerfile's ARG instructions. Each value reaches `docker buildx build` byte
	// for byte, whatever it holds, and an empty value is an empty value. Names consist of letters, digits, "_", "." and
	// "-". NUL bytes and invalid UTF-8 are errors.
	//
	// Build arguments are no place for secrets: they stand in the template and in the image's history.
	BuildArgs *map[string]*string `field:"optional"`

	// File is the path of the Dockerfile inside Path, with slashes. Default: "Dockerfile".
	File *string `field:"optional"`

	// Exclude holds further patterns in the syntax of .dockerignore, which count after those of the ignore file. What
	// they leave out is not uploaded, so the build does not see it; an exception ("!") among them brings back only
	// what Exclude itself leaves out, since docker reads the ignore file again. Default: none.
	Exclude *[]*string `field:"optional"`

	// Platform is "linux/amd64" or "linux/arm64"; the build runs on a machine of that kind, without emulation.
	// Default: "linux/amd64".
	Platform *string `field:"optional"`

	// BuildTimeout ends a build that takes longer: 5 to 50 whole minutes, since a custom resource has one hour in
	// all. Default: 30 minutes.
	BuildTimeout awscdk.Duration `field:"optional"`

	// ExtraHash is text of your own that counts among what identifies the image. The same inputs give the same image
	// and no second build; another ExtraHash gives a build although nothing else has changed. Default: none.
	ExtraHash *string `field:"optional"`

	// Provider is the provider of the builder's stack. Default: the one that
	// TokenInjectableDockerBuilderProvider_GetOrCreate gives, which is the only one a stack can have.
	Provider TokenInjectableDockerBuilderProvider `field:"optional"`
}

// TokenInjectableDockerBuilderProviderProps tunes what the builders of a stack share.
type TokenInjectableDockerBuilderProviderProps struct {
	// QueryInterval is the time between two looks at what AWS does not announce: a free build slot, a replica that
	// has arrived. The end of a build is an event and needs no looking. Whole seconds, 5 to 300. Default: 30 seconds.
	QueryInterval awscdk.Duration `field:"optional"`
}
