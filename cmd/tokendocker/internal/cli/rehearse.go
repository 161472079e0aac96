package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// rehearseOptions is the command line of `rehearse`, checked.
type rehearseOptions struct {
	App     string // folder with a cdk.json, or a cloud assembly
	State   string
	Account string
	Region  string
	Set     []simulated.Set
	JSON    bool
	Destroy bool
	Verbose bool

	Stacks      []string // patterns of those to deploy; none: all
	Permissions bool     // report what each role did and needs
}

const rehearseLong = `Deploy a CDK app on this machine, without an AWS account.

APP is a folder with a cdk.json, whose "app" command is run, or a cloud assembly (cdk.out). Its stacks are deployed in
the order of their dependencies: real Lambda handlers, real docker builds, a real registry, and the IAM policies of the
templates enforced. What AWS would know and this machine cannot (the id of an API, the ARN of a topic) is made up, the
same every time; --set gives such a value. A second rehearsal is an update of the same stacks.

All stacks are deployed, or with --stack those that a pattern fits, after those that they depend on. A pattern is the
stack's name, or a construct path with * for anything but a slash and ** for anything.

On standard output stands one line for each image of each builder: its construct path and the image with its digest.
With --json, standard output is JSON lines; the last one is the summary.

` + exitCodes

const rehearseExample = `  tokendocker rehearse .
  tokendocker rehearse . --set Shop.ApiF70053CD=abcde12345
  tokendocker rehearse . --stack 'Dev/**'
  tokendocker rehearse cdk.out --json
  tokendocker rehearse . --destroy`

// newRehearse returns the command; run does the work, so that parsing is tested apart.
func newRehearse(s streams, run func(context.Context, streams, rehearseOptions) error) *cobra.Command {
	var o rehearseOptions
	var sets []string
	cmd := &cobra.Command{
		Use:     "rehearse APP",
		Short:   "Deploy a CDK app on this machine",
		Long:    rehearseLong,
		Example: rehearseExample,
		Args:    oneApp(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, text := range sets {
				set, err := simulated.ParseSet(text)
				if err != nil {
					return fault.New(fault.Usage, "for example --set Shop.Api0123ABCD=abcdefghij", "--set %v", err)
				}
				if !utf8.ValidString(set.Value) {
					name, _, _ := strings.Cut(text, "=")
					return fault.New(fault.Usage, "CloudFormation's values are text", "--set %s: the value is not UTF-8", name)
				}
				o.Set = append(o.Set, set)
			}
			if o.Destroy && (len(o.Set) > 0 || len(o.Stacks) > 0 || o.Permissions) {
				return fault.New(fault.Usage, "leave one of them out", "--destroy deploys nothing that --stack, --set or --permissions could be about")
			}
			if err := o.complete(args[0]); err != nil {
				return err
			}
			return run(cmd.Context(), s, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.State, "state", "", "folder that keeps the deployed stacks (default: one for each app in the user's cache folder)")
	f.StringVar(&o.Account, "account", defaultAccount, "account of stacks that name none")
	f.StringVar(&o.Region, "region", defaultRegion, "region of stacks that name none")
	f.StringArrayVar(&sets, "set", nil, "STACK.LOGICALID[.ATTRIBUTE]=VALUE: a value that only AWS would know; without an attribute it is what Ref gives (repeatable, not remembered)")
	f.StringArrayVar(&o.Stacks, "stack", nil, "deploy only the stacks that this name or pattern of construct paths fits, and those that they depend on (repeatable)")
	f.BoolVar(&o.JSON, "json", false, "print JSON lines on standard output")
	f.BoolVar(&o.Permissions, "permissions", false, "print for each role what it called, what it may do and never did, and the smallest policy that it needs")
	f.BoolVar(&o.Destroy, "destroy", false, "delete the stacks that the state folder holds, without synthesizing the app")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "show what the app prints and every stack event")
	f.SortFlags = false
	return cmd
}

// Where stacks go that say nothing themselves.
const (
	defaultAccount = "123456789012"
	defaultRegion  = "us-east-1"
)

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	regionForm  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)
)

// checkPlace checks the flags --account and --region.
func checkPlace(account, region string) error {
	if !accountForm.MatchString(account) {
		return fault.New(fault.Usage, "for example --account "+defaultAccount, "--account %q is not an account number of twelve digits", account)
	}
	if !regionForm.MatchString(region) {
		return fault.New(fault.Usage, "for example --region "+defaultRegion, "--region %q is not a region", region)
	}
	return nil
}

// complete checks what the flags cannot check by themselves, and fills in the default state folder.
func (o *rehearseOptions) complete(app string) error {
	if err := checkPlace(o.Account, o.Region); err != nil {
		return err
	}
	dir, err := filepath.Abs(app)
	if err != nil {
		return fault.Wrap(fault.Usage, "", err, "cannot find the app")
	}
	o.App = dir
	if o.State == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fault.Wrap(fault.Machine, "name a folder with --state", err, "there is no cache folder for the state")
		}
		sum := sha256.Sum256([]byte(strconv.Itoa(engine.Format) + dir)) // what an older version has written stays aside
		o.State = filepath.Join(cache, "tokendocker", "rehearsals", filepath.Base(dir)+"-"+hex.EncodeToString(sum[:4]))
	}
	if o.State, err = filepath.Abs(o.State); err != nil {
		return err
	}
	if isFolder(dir) || o.Destroy && isFolder(o.State) { // what is deployed outlives its app
		return nil
	}
	return fault.New(fault.Usage, "name a folder with a cdk.json, or a cloud assembly (cdk.out)", "there is no folder %s", app)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
