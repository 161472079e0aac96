// Package buildspec writes the recipe that CodeBuild runs. It is the only place where a value meets a shell, and
// values meet it as data: no value is ever shell text.
package buildspec

import (
	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/image"
)

// Lines that the build's log is cut by; each stands alone on its line.
const (
	Prepare = "[tokendocker] preparing the build"  // our command has begun; what CodeBuild echoes of it is over
	Begin   = "[tokendocker] docker build begins"  // the next line is BuildKit's
	End     = "[tokendocker] end of the build log" // our command is over, whatever became of it
)

// BuildKit is the image of the builder's BuildKit daemon where Build names none.
const BuildKit = "moby/buildkit:buildx-stable-1"

// Build is one build to run.
type Build struct {
	Request  contract.Request // decoded, with every token resolved
	Tag      image.Tag        // tag to push the image under; normally contract.Tag of the request
	BuildKit string           // image of the BuildKit daemon; empty means the constant BuildKit
}

// Write gives the build's buildspec as JSON text, which is YAML too, for StartBuild's buildspecOverride.
func Write(b Build) (string, error) { return "", nil }
