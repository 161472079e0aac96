package tokendocker

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokendocker/tokendocker/internal/contract"
)

const defaultMinutes = 30

// platform is what a builder's platform means to docker and to CodeBuild (AWS CodeBuild User Guide, "Docker images
// provided by CodeBuild" and "Build environment compute modes and types").
type platform struct {
	docker, environment, image string
}

// platforms are the platforms that CodeBuild has machines for; the first is the default.
var platforms = []platform{
	{"linux/amd64", "LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"},
	{"linux/arm64", "ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"},
}

// argumentName is the handler's rule for names, said here in the words of the property.
var argumentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// read takes the properties over. Whatever is wrong becomes a problem, and its default stands in.
func (b *builder) read(props *TokenInjectableDockerBuilderProps) {
	b.context = buildContext{
		folder:     b.known("Path", props.Path, ""),
		dockerfile: path.Clean(filepath.ToSlash(b.known("File", props.File, defaultDockerfile))),
	}
	if props.Path == nil || *props.Path == "" {
		b.problems.add("Path is missing: give the folder of the build context")
	}
	if props.Exclude != nil {
		for i, pattern := range *props.Exclude {
			b.context.exclude = append(b.context.exclude, b.known(fmt.Sprintf("Exclude[%d]", i), pattern, ""))
		}
	}
	b.readPlatform(b.known("Platform", props.Platform, platforms[0].docker))
	b.readArgs(props.BuildArgs)
	if props.ExtraHash != nil {
		b.extraHash = b.text("ExtraHash", props.ExtraHash)
	}
	b.minutes = defaultMinutes
	if props.BuildTimeout != nil {
		minutes, problem := wholeUnits(props.BuildTimeout, "BuildTimeout", "minutes",
			contract.MinBuildMinutes, contract.MaxBuildMinutes, props.BuildTimeout.ToMinutes)
		if problem == "" {
			b.minutes = minutes
		} else {
			b.problems.add("%s", problem)
		}
	}
	b.readProvider(props.Provider)
}

// known takes a text that must be known at synth; fallback stands in for one that is not given.
func (b *builder) known(property string, text *string, fallback string) string {
	switch {
	case text == nil:
		return fallback
	case isToken(*text):
		b.problems.add("%s is a deploy-time token, but must be known at synth", property)
		return fallback
	case *text == "" && fallback != "":
		b.problems.add("%s is empty: leave it out for its default, or give a text", property)
		return fallback
	}
	return *text
}

// text takes a text that may hold tokens.
func (b *builder) text(property string, text *string) contract.Text {
	if err := checkText(text); err != nil {
		b.problems.add("%s %v", property, err)
		return nil
	}
	return split(*text)
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

func (b *builder) readArgs(args *map[string]*string) {
	b.args = map[string]contract.Text{}
	if args == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(*args)) {
		switch {
		case isToken(name):
			b.problems.add("BuildArgs has a deploy-time token as a name: names must be known at synth")
		case !argumentName.MatchString(name):
			b.problems.add("BuildArgs has the name %q: give letters, digits, \"_\", \".\" and \"-\", with a letter or \"_\" first", name)
		default:
			b.args[name] = b.text(fmt.Sprintf("BuildArgs[%q]", name), (*args)[name])
		}
	}
}

func (b *builder) readProvider(given TokenInjectableDockerBuilderProvider) {
	stack := awscdk.Stack_Of(b)
	b.provider = providerOf(stack)
	if given != nil && given != TokenInjectableDockerBuilderProvider(b.provider) {
		b.problems.add("Provider is %s, but the builder is in %s: leave Provider out, or give the one of the same stack",
			*given.Node().Path(), *stack.Node().Path())
	}
}
