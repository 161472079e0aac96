package tokendocker

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/image"
)

// Bounds of a QueryInterval, in seconds.
const (
	minQuerySeconds = 5
	maxQuerySeconds = 300
)

// fail is the only place where this package panics, which is what CDK itself does in Go: for what leaves no construct
// to hand out. Everything that a user can get wrong is collected in problems instead.
func fail(format string, args ...any) {
	panic(fmt.Errorf("tokendocker: "+format, args...))
}

// problems collects what is wrong with a construct, one sentence each, until CDK validates the tree. A user sees all
// of them at once, with the construct's path.
type problems struct{ list []string }

func (p *problems) add(format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf(format, args...))
}

// all returns the problems found so far, in a fixed order.
func (p *problems) all() []string {
	sorted := slices.Clone(p.list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// validation hands a construct's problems to CDK. It is a type of its own to keep Validate off the constructs.
type validation struct{ check func() []string }

// Validate implements constructs.IValidation. The result is never nil, which jsii refuses.
func (v *validation) Validate() *[]*string { return jsii.Strings(v.check()...) }

// wholeUnits returns a duration as a whole number of units, or the sentence that tells what is wrong with it.
// convert is the duration's own conversion to the unit.
func wholeUnits(d awscdk.Duration, property, unit string, low, high float64, convert func(*awscdk.TimeConversionOptions) *float64) (float64, string) {
	want := fmt.Sprintf("give %g to %g whole %s", low, high, unit)
	if *d.IsUnresolved() {
		return 0, fmt.Sprintf("%s is a deploy-time token, but must be known at synth: %s", property, want)
	}
	n := *convert(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)})
	if n != math.Trunc(n) || n < low || n > high {
		return 0, fmt.Sprintf("%s is %g %s: %s", property, n, unit, want)
	}
	return n, ""
}

// isToken tells whether text holds a deploy-time token.
func isToken(text string) bool { return textToken.MatchString(text) || listToken.MatchString(text) }

// errNil says that a pointer is missing where a text is needed.
var errNil = errors.New("is nil: give a text, \"\" for an empty one")

// check is what CDK validates about a builder, after all references are resolved.
func (b *builder) check() []string {
	found := b.problems.all()
	if len(found) > 0 {
		return found
	}
	if found = b.secrets(); len(found) > 0 {
		return found
	}
	if err := b.try(); err != nil {
		return []string{err.Error()}
	}
	if long := b.longName(); long != "" {
		return []string{long}
	}
	return nil
}

// secretReference is how a template writes the value of a secret. CloudFormation does not resolve it in a custom
// resource (AWS CloudFormation User Guide, "Get values stored in other services using dynamic references").
var secretReference = regexp.MustCompile(`\{\{resolve:(secretsmanager|ssm-secure):`)

// secrets tells which texts hold the value of a secret.
func (b *builder) secrets() []string {
	stack := awscdk.Stack_Of(b)
	var found []string
	look := func(property string, text contract.Text) {
		for _, part := range text {
			if part.Value == "" {
				continue
			}
			resolved, err := json.Marshal(stack.Resolve(part.Value))
			if err == nil && secretReference.Match(resolved) {
				found = append(found, property+" holds the value of a secret, which CloudFormation gives to no custom resource: "+
					"grant the secret to the builder, and let a command in PreBuildCommands read it")
			}
		}
	}
	for property, values := range map[string]map[string]contract.Text{"BuildArgs": b.args, "CommandEnvironment": b.commands.environment} {
		for name, text := range values {
			look(fmt.Sprintf("%s[%q]", property, name), text)
		}
	}
	for property, list := range map[string][]contract.Text{"InstallCommands": b.commands.install, "PreBuildCommands": b.commands.preBuild} {
		for i, text := range list {
			look(fmt.Sprintf("%s[%d]", property, i), text)
		}
	}
	look("ExtraHash", b.extraHash)
	slices.Sort(found)
	return slices.Compact(found)
}

// try makes of the request what the handler will make of it, with short texts for names and empty ones for values that
// are known only when the stack deploys. What fails so fails with longer texts too.
func (b *builder) try() error {
	r := b.request()
	r.Project, r.LogGroup, r.Source.Bucket = "project", "log", "bucket"
	r.Repository = contract.Repository{Name: "image", URI: "registry/image"}
	r.ExtraHash = literals(r.ExtraHash)
	for _, list := range [][]contract.Argument{r.Args, r.Environment} {
		for i := range list {
			list[i].Value = literals(list[i].Value)
		}
	}
	for _, list := range [][]contract.Text{r.Install, r.PreBuild} {
		for i := range list {
			list[i] = literals(list[i])
		}
	}
	if r.CacheURI != "" {
		r.CacheURI = "registry/cache"
	}
	tag, err := contract.Tag(r)
	if err != nil {
		return err
	}
	_, err = buildspec.Write(buildspec.Build{Request: r, Tag: image.Tag(tag)})
	return err
}
