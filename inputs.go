package tokendocker

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
	"github.com/tokendocker/tokendocker/internal/contract"
)

const defaultMinutes = 30

// argumentName is the handler's rule for names, said here in the words of the property.
var argumentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// imageReference is what docker can pull; the rest of its grammar is docker's to check.
var imageReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// cachePrefix is what a pull-through cache rule may be called (Amazon ECR API Reference, CreatePullThroughCacheRule).
var cachePrefix = regexp.MustCompile(`^[a-z0-9]+(?:[._/-][a-z0-9]+)*$`)

// read takes the properties over. Whatever is wrong becomes a problem, and its default stands in.
func (b *builder) read(props *TokenInjectableDockerBuilderProps) {
	b.readContext(props)
	b.readPlatform(b.known("Platform", props.Platform, platforms[0].docker))
	b.readCompute(props.ComputeType)
	b.readBuildImage(props.BuildImage)
	b.readArgs(props.BuildArgs)
	b.readCommands(props)
	b.readLogin(props.DockerLoginSecretArn, props.DockerLogin)
	b.readNetwork(props.Vpc, props.SubnetSelection, props.SecurityGroups)
	b.readLogs(props.BuildLogGroup, props.RetainBuildLogs)
	b.readReplicas(props.ReplicaRegions)
	b.readRetention(props)
	b.readPrefixes(props.EcrPullThroughCachePrefixes)
	b.cacheDisabled = isTrue(props.CacheDisabled)
	if b.buildkit = b.known("BuildkitImage", props.BuildkitImage, ""); b.buildkit != "" && !imageReference.MatchString(b.buildkit) {
		b.problems.add("BuildkitImage is %q: give the name of an image, such as \"moby/buildkit:v0.26.0\"", b.buildkit)
	}
	if props.ExtraHash != nil {
		b.extraHash = b.text("ExtraHash", props.ExtraHash)
	}
	b.readTimeout(props.BuildTimeout)
	b.readProvider(props.Provider)
}

// readContext takes what is uploaded.
func (b *builder) readContext(props *TokenInjectableDockerBuilderProps) {
	b.context = buildcontext.Context{
		Folder:     b.known("Path", props.Path, ""),
		Dockerfile: path.Clean(filepath.ToSlash(b.known("File", props.File, buildcontext.Dockerfile))),
		Exclude:    b.knownList("Exclude", props.Exclude),
		Extra:      b.knownList("StageExtra", props.StageExtra),
	}
	if props.Path == nil || *props.Path == "" {
		b.problems.add("Path is missing: give the folder of the build context")
	}
}

// readTimeout takes the build's time-out. With replicas it is shorter, since they must arrive within the same hour.
func (b *builder) readTimeout(timeout awscdk.Duration) {
	most := float64(contract.MaxBuildMinutes)
	if len(b.replicas) > 0 {
		most = contract.MaxReplicaBuildMinutes
	}
	b.minutes = min(defaultMinutes, most)
	if timeout == nil {
		return
	}
	minutes, problem := wholeUnits(timeout, "BuildTimeout", "minutes", contract.MinBuildMinutes, most, timeout.ToMinutes)
	switch {
	case problem == "":
		b.minutes = minutes
	case len(b.replicas) > 0:
		b.problems.add("%s, since replicas need the rest of the hour that a custom resource has", problem)
	default:
		b.problems.add("%s", problem)
	}
}

// readPrefixes takes the prefixes of pull-through caches.
func (b *builder) readPrefixes(prefixes *[]*string) {
	if prefixes == nil {
		return
	}
	for i, prefix := range *prefixes {
		switch {
		case prefix == nil || *prefix == "":
			b.problems.add("EcrPullThroughCachePrefixes[%d] is empty: give the prefix of a pull-through cache rule", i)
		case !isToken(*prefix) && !cachePrefix.MatchString(*prefix):
			b.problems.add("EcrPullThroughCachePrefixes[%d] is %q: give the prefix of a pull-through cache rule as ECR has it, without a slash at its end", i, *prefix)
		default:
			b.prefixes = append(b.prefixes, *prefix)
		}
	}
}

// knownList takes a list of texts that must be known at synth.
func (b *builder) knownList(property string, list *[]*string) []string {
	if list == nil {
		return nil
	}
	var texts []string
	for i, text := range *list {
		if text == nil {
			b.problems.add("%s[%d] %v", property, i, errNil)
			continue
		}
		texts = append(texts, b.known(fmt.Sprintf("%s[%d]", property, i), text, ""))
	}
	return texts
}

// isTrue reads a flag that may be left out.
func isTrue(flag *bool) bool { return flag != nil && *flag }

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

// argument takes the value of a build argument or of an environment variable. What of it is known at synth may be too
// long already.
func (b *builder) argument(property, name string, value *string) contract.Text {
	text := b.text(fmt.Sprintf("%s[%q]", property, name), value)
	known, err := literals(text).Bytes()
	if size := len(name) + 1 + len(known); err == nil && size > contract.MaxArgument {
		b.problems.add("%s[%q] has %d bytes with its name, and Linux passes at most %d in one argument: put the value into a file of the context",
			property, name, size, contract.MaxArgument)
		return nil
	}
	return text
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
			b.args[name] = b.argument("BuildArgs", name, (*args)[name])
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
