package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/progress"
)

// engineOptions is the command line of `engine`, checked.
type engineOptions struct {
	State   string
	Account []string // the first is whose key the environment holds
	Region  string
	Port    int
	JSON    bool
	Verbose bool
}

const engineLong = `Answer AWS's calls on this machine, for the CDK's own command and any other client of AWS.

On standard output stand the shell lines that lead a client here: the endpoint, a key that may do anything, the region,
and the docker host for images that a client builds itself. The engine runs until Ctrl-C; what was deployed is kept in
the state folder, with the key, and the next engine goes on with it. Docker is first needed for the first build.

With several accounts (--account 111111111111 --account 222222222222) the key is the first one's; in each other account
stands OrganizationAccountAccessRole, which the first may assume, as in an AWS organization.

` + exitCodes

const engineExample = `  tokendocker engine >env.sh                   # in one terminal
  . ./env.sh && cdk bootstrap && cdk deploy    # in another`

// newEngine returns the command; run does the work, so that parsing is tested apart.
func newEngine(s streams, run func(context.Context, streams, engineOptions) error) *cobra.Command {
	var o engineOptions
	cmd := &cobra.Command{
		Use:     "engine",
		Short:   "Answer AWS's calls on this machine, for the CDK's own command",
		Long:    engineLong,
		Example: engineExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return run(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.State, "state", "", "folder that keeps what is deployed (default: one in the user's cache folder)")
	f.StringSliceVar(&o.Account, "account", []string{defaultAccount}, "the account; of several, the first is the one that clients are in (repeatable)")
	f.StringVar(&o.Region, "region", defaultRegion, "region of clients that name none")
	f.IntVar(&o.Port, "port", 0, "port on 127.0.0.1 (default: a free one)")
	f.BoolVar(&o.JSON, "json", false, "print the environment as one line of JSON")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "show every call")
	f.SortFlags = false
	return cmd
}

// complete checks what the flags cannot check by themselves, and fills in the default state folder.
func (o *engineOptions) complete() error {
	if len(o.Account) == 0 {
		o.Account = []string{""} // which checkPlace refuses
	}
	for _, account := range o.Account {
		if err := checkPlace(account, o.Region); err != nil {
			return err
		}
	}
	if o.Port < 0 || o.Port > 65535 {
		return fault.New(fault.Usage, "for example --port 4600", "--port %d is not a port number", o.Port)
	}
	if o.State == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fault.Wrap(fault.Machine, "name a folder with --state", err, "there is no cache folder for the state")
		}
		o.State = filepath.Join(cache, "tokendocker", "engine")
	}
	var err error
	o.State, err = filepath.Abs(o.State)
	return err
}

// serve does the work of `tokendocker engine`.
func serve(ctx context.Context, s streams, o engineOptions) error {
	if err := sandbox.CheckSystem(); err != nil {
		return asMachine(err)
	}
	log := progress.New(s.err)
	defer log.Close()
	stop, end := s.interrupts.gently("stopping; what is being deployed now is rolled back by the next engine")
	defer end()
	e, err := start(ctx, engine.Options{StateDir: o.State, Account: o.Account[0], Accounts: o.Account[1:], Region: o.Region, Clients: true, Port: o.Port,
		Progress: func(line string) { log.Note("%s", line) }, OnDenial: func(d iam.Denial) { noteDenial(log, d) }}, o.Verbose, s.err)
	if err != nil {
		return err
	}
	if err := printEnvironment(s, e.Environment(), o.JSON); err != nil {
		return errors.Join(err, e.Close(ctx))
	}
	log.Note("ready; Ctrl-C ends it")
	select {
	case <-stop:
	case <-ctx.Done():
	}
	return e.Close(ctx)
}

// unset are the variables of a user's shell that would lead a client elsewhere.
const unset = "unset AWS_PROFILE AWS_SESSION_TOKEN AWS_CA_BUNDLE"

// printEnvironment writes the variables, each as a line for a shell, or all as one line of JSON.
func printEnvironment(s streams, variables []engine.Variable, asJSON bool) error {
	if asJSON {
		values := map[string]string{}
		for _, v := range variables {
			values[v.Name] = v.Value
		}
		return json.NewEncoder(s.out).Encode(map[string]any{"type": "ready", "environment": values})
	}
	var text strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&text, "export %s='%s'\n", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
	}
	_, err := fmt.Fprintf(s.out, "%s%s\n", text.String(), unset)
	return err
}
