// Package cli is the command line: one file for each command, and one place that turns errors into exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// The exit codes are a contract with scripts; docs/cli.md lists them.
const (
	exitDone        = 0
	exitInternal    = 1
	exitUsage       = 2
	exitSynth       = 3
	exitDeploy      = 4
	exitMachine     = 5
	exitInterrupted = 130
)

const exitCodes = `Exit codes:
  0    done
  1    the command itself is wrong; please report it
  2    wrong usage
  3    the app could not be synthesized
  4    the deploy failed
  5    this machine or the state folder is not fit; the message names the command that mends it
  130  interrupted; while a stack is deployed the first Ctrl-C rolls it back and a second one stops at once`

// streams are where a command writes, the answer to out and everything else to err, and how it hears of signals.
type streams struct {
	out, err   io.Writer
	interrupts *interrupts
}

// Main runs the command line args and returns the exit code. The answer goes to stdout, everything else to stderr. A
// signal ends the command; while a stack is deployed the first one rolls it back.
func Main(ctx context.Context, signals <-chan os.Signal, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if broken := recover(); broken != nil {
			fmt.Fprintf(stderr, "%s\ntokendocker: the command itself is wrong: %v\n  please report it with the lines above\n", debug.Stack(), broken)
			code = exitInternal
		}
	}()
	ctx, i := watch(ctx, signals, stderr)
	defer i.stop()
	root := newRoot(streams{out: stdout, err: stderr, interrupts: i})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "interrupted; the next rehearsal rolls back what was not finished")
		return exitInterrupted
	case errors.Is(err, cloudformation.ErrInterrupted), errors.Is(err, errInterrupted):
		fmt.Fprintf(stderr, "%v\n", err)
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "tokendocker: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(stderr, "  %s\n", hint)
	}
	return exitCode(err)
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "tokendocker",
		Short: "Deploy a CDK app on this machine, without an AWS account",
		Long: `tokendocker deploys CDK apps on this machine, without an AWS account: real templates, real Lambda
handlers, real docker builds, a real registry, and the template's own IAM policies enforced.

` + exitCodes,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newRehearse(s, rehearse), newEngine(s, serve), newImage(s), newVersion(s))
	for _, c := range root.Commands() {
		c.Args = usageArgs(c.Args)
	}
	root.Args = usageArgs(cobra.NoArgs)
	return root
}

func exitCode(err error) int {
	switch fault.KindOf(err) {
	case fault.Usage:
		return exitUsage
	case fault.Synth:
		return exitSynth
	case fault.Deploy:
		return exitDeploy
	case fault.Machine:
		return exitMachine
	default:
		return exitInternal
	}
}
