package tokendocker

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
)

// commands are the user's shell text, and its environment.
type commands struct {
	install, preBuild []contract.Text
	environment       map[string]contract.Text
}

// readCommands takes the user's commands.
func (b *builder) readCommands(props *TokenInjectableDockerBuilderProps) {
	b.commands = commands{
		install:     b.shell("InstallCommands", props.InstallCommands),
		preBuild:    b.shell("PreBuildCommands", props.PreBuildCommands),
		environment: map[string]contract.Text{},
	}
	if props.CommandEnvironment == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(*props.CommandEnvironment)) {
		switch {
		case !contract.ShellName.MatchString(name):
			b.problems.add("CommandEnvironment has the name %q: give letters, digits and \"_\", with no digit first", name)
		case buildspec.Reserved(name):
			b.problems.add("CommandEnvironment has the name %q, which would change the build itself: give another name", name)
		default:
			b.commands.environment[name] = b.argument("CommandEnvironment", name, (*props.CommandEnvironment)[name])
		}
	}
}

// shell takes a list of commands. A token in one becomes shell text when the stack deploys, whatever it then holds.
func (b *builder) shell(property string, list *[]*string) []contract.Text {
	if list == nil {
		return nil
	}
	var texts []contract.Text
	for i, command := range *list {
		name := fmt.Sprintf("%s[%d]", property, i)
		texts = append(texts, b.text(name, command))
		if command != nil && isToken(*command) {
			awscdk.Annotations_Of(b).AddWarningV2(jsii.String(fmt.Sprintf("tokendocker:tokenInCommand:%s", name)),
				jsii.String(name+" holds a deploy-time value as shell text, and the shell runs whatever that value turns out to be: "+
					`pass it with BuildArgs or CommandEnvironment and write "$NAME" in the command`))
		}
	}
	return texts
}

// settled is a list of texts, and arguments one of names and values, as the request holds them.
func settled(list []contract.Text, stack awscdk.Stack) []contract.Text {
	var texts []contract.Text
	for _, text := range list {
		texts = append(texts, settle(text, stack))
	}
	return texts
}

func arguments(values map[string]contract.Text, stack awscdk.Stack) []contract.Argument {
	var list []contract.Argument
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, contract.Argument{Name: name, Value: settle(values[name], stack)})
	}
	return list
}
