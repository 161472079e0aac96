package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// longFlag finds the flags in what a command says of its usage.
var longFlag = regexp.MustCompile(`--([a-z]+)`)

// flagError makes what is wrong with a flag an error of kind Usage, and names the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see `" + cmd.CommandPath() + " --help`"
	if name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
		var names []string
		for _, flag := range longFlag.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
			names = append(names, flag[1])
		}
		hint = meant("--", simulated.Closest(name, names)) + hint
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.") // the library's own words for a number that is none
	return fault.New(fault.Usage, hint, "%s", text)
}

// usageArgs makes wrong arguments an error of kind Usage, and names the command that was meant.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		hint := "see `" + cmd.CommandPath() + " --help`"
		if cmd.HasSubCommands() && len(args) > 0 {
			var names []string
			for _, c := range cmd.Commands() {
				names = append(names, c.Name())
			}
			hint = meant(cmd.CommandPath()+" ", simulated.Closest(args[0], names)) + hint
		}
		return fault.New(fault.Usage, hint, "%v", err)
	}
}

// meant asks whether a name was meant, if there is one.
func meant(before, name string) string {
	if name == "" {
		return ""
	}
	return "did you mean `" + before + name + "`? "
}

// oneApp wants an APP, and takes no more than most arguments.
func oneApp(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s needs an APP: a folder with a cdk.json, or a cloud assembly (cdk.out)", cmd.Name())
		case len(args) > most:
			return fmt.Errorf("%s does not know what %s stands for", cmd.Use, strings.Join(args[most:], " "))
		}
		return nil
	}
}
