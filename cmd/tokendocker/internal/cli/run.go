package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/progress"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// rehearsal is one run of the command.
type rehearsal struct {
	rehearseOptions
	streams
	log     *progress.Log
	printer report.Printer
	started time.Time
	summary report.Summary
	engine  *engine.Engine
	abroad  bool        // the app has stacks in several accounts
	changed atomic.Bool // the stack that is being deployed has had an event
}

// rehearse does the work of `tokendocker rehearse`.
func rehearse(ctx context.Context, s streams, o rehearseOptions) error {
	r := &rehearsal{rehearseOptions: o, streams: s, log: progress.New(s.err), printer: report.Text(s.out), started: time.Now()}
	if o.JSON {
		r.printer = report.JSON(s.out)
	}
	ctx, end := watchMachine(ctx, o.State)
	defer end()
	err := r.explained(ctx, r.run(ctx))
	r.log.Close()
	r.summary.Status, r.summary.Seconds = "ok", time.Since(r.started).Seconds()
	if err != nil {
		r.summary.Status, r.summary.Error = "failed", err.Error()
		if errors.Is(err, context.Canceled) {
			r.summary.Error = errInterrupted.Error()
		}
	}
	r.printer.Summary(r.summary)
	return err
}

// run is the rehearsal from the machine's check to the last stack.
func (r *rehearsal) run(ctx context.Context) (err error) {
	if err := sandbox.Check(ctx); err != nil {
		return asMachine(err)
	}
	var app *assembly.Assembly
	if !r.Destroy {
		if app, err = r.synth(ctx); err != nil {
			return err
		}
	}
	if r.engine, err = r.open(ctx, app); err != nil {
		return err
	}
	defer func() {
		r.denials(err != nil)
		err = errors.Join(err, r.close(ctx))
	}()
	if r.Destroy {
		return r.destroy(ctx)
	}
	overrides, err := r.overrides(app)
	if err != nil {
		return err
	}
	for i, stack := range app.Stacks {
		if err := r.deploy(ctx, stack, overrides[stack.Name]); err != nil {
			r.skip(app.Stacks[i+1:])
			return err
		}
	}
	return r.permissions()
}

// skip says of stacks that they are not deployed, since one before them was not.
func (r *rehearsal) skip(stacks []assembly.Stack) {
	for _, s := range stacks {
		r.log.Note("%s: not deployed", s.Name)
		r.summary.Skipped = append(r.summary.Skipped, s.Name)
	}
}

// synth runs the app, or opens the assembly that it was given, and passes on what its constructs had to say.
func (r *rehearsal) synth(ctx context.Context) (*assembly.Assembly, error) {
	dir := r.App
	if !assembly.IsAssembly(dir) {
		app := assembly.App{Dir: dir, Account: r.Account, Region: r.Region, OutDir: filepath.Join(r.State, "cdk.out"), Zones: ec2.Zones}
		if r.Verbose {
			app.Output = r.err
		}
		if err := os.MkdirAll(r.State, 0o700); err != nil {
			return nil, unfit(r.State, err)
		}
		r.log.Begin("synth", "synthesizing %s", r.App)
		var err error
		dir, err = assembly.Synth(ctx, app)
		r.log.End("synth", "done")
		if err != nil {
			return nil, err
		}
	}
	app, messages, err := assembly.Open(dir)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.Level == "error" {
			return nil, fault.New(fault.Synth, "", "the app could not be synthesized: [%s] %s", m.Path, m.Text)
		}
		r.log.Note("%s: [%s] %s", m.Level, m.Path, m.Text)
	}
	return r.selected(app)
}

// selected leaves of the app the stacks that --stack names, and those that they depend on.
func (r *rehearsal) selected(app *assembly.Assembly) (*assembly.Assembly, error) {
	if len(r.Stacks) == 0 {
		return app, nil
	}
	some, unknown := app.Select(r.Stacks)
	if len(unknown) == 0 {
		return some, nil
	}
	var ids []string
	for _, s := range app.Stacks {
		ids = append(ids, s.ID)
	}
	hint := "the app's stacks are " + strings.Join(ids, ", ")
	if near := simulated.Closest(unknown[0], ids); near != "" {
		hint = "did you mean " + near + "?"
	}
	return nil, fault.New(fault.Usage, hint, "--stack %s fits no stack of the app", unknown[0])
}

// open starts the engine in the app's accounts, or without an app in those of the state folder.
func (r *rehearsal) open(ctx context.Context, app *assembly.Assembly) (*engine.Engine, error) {
	at, err := r.environment(app)
	if err != nil {
		return nil, err
	}
	r.abroad = len(at.accounts) > 1
	return start(ctx, engine.Options{StateDir: r.State, Account: at.account, Accounts: at.accounts, Region: at.region, Regions: at.regions, Kept: app == nil,
		Progress: func(line string) { r.log.Note("%s", line) }}, r.Verbose, r.err)
}

// overrides sorts --set by stack and resource, and refuses names that no stack has.
func (r *rehearsal) overrides(app *assembly.Assembly) (map[string]map[string]map[string]string, error) {
	out := map[string]map[string]map[string]string{}
	names := make([]string, 0, len(app.Stacks))
	for _, s := range app.Stacks {
		out[s.Name] = map[string]map[string]string{}
		names = append(names, s.Name)
	}
	for _, set := range r.Set {
		stack, known := out[set.Stack]
		if !known {
			hint := "the app's stacks are " + strings.Join(names, ", ")
			if near := simulated.Closest(set.Stack, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, fault.New(fault.Usage, hint, "--set names the stack %q, which the app does not have", set.Stack)
		}
		if stack[set.LogicalID] == nil {
			stack[set.LogicalID] = map[string]string{}
		}
		stack[set.LogicalID][set.Attribute] = set.Value
	}
	return out, nil
}

func (r *rehearsal) destroy(ctx context.Context) error {
	if err := r.engine.Destroy(ctx, r.event); err != nil {
		return deployError(err)
	}
	r.log.Note("nothing is deployed any more")
	return nil
}

func (r *rehearsal) close(ctx context.Context) error {
	r.log.Begin("close", "stopping what runs")
	defer r.log.End("close", "done")
	return r.engine.Close(ctx)
}

func unfit(dir string, err error) error {
	if kind := fault.KindOf(err); kind != fault.Internal {
		return err
	}
	return fault.Wrap(fault.Machine, "use another folder with --state", err, fmt.Sprintf("the state folder %s is not fit", dir))
}

func asMachine(err error) error {
	return fault.New(fault.Machine, "", "%v", err)
}

// deployError is what the user hears when a stack failed.
func deployError(err error) error {
	if failed, ok := errors.AsType[*cloudformation.Failed](err); ok {
		text, _, _ := strings.Cut(failed.Error(), "\n") // the rest stands in the event
		return &fault.Error{Kind: fault.Deploy, Text: text, Hint: given(failed.Error()), Err: err}
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if unknown, ok := errors.AsType[*simulated.UnknownError](err); ok {
		return fault.New(fault.Usage, "", "--set: %v", unknown)
	}
	if made, ok := errors.AsType[*simulated.RealError](err); ok {
		return fault.New(fault.Usage, "", "--set: %v", made)
	}
	return fault.Wrap(fault.Deploy, given(err.Error()), err, "the deploy failed")
}

// given is what to do where an app reads what only its account has.
func given(text string) string {
	for _, missing := range []string{"Unable to fetch parameters [", "Secrets Manager can't find the specified secret"} {
		if strings.Contains(text, missing) {
			return "a rehearsal begins with an empty account; docs/cli.md, \"What the account has already\", tells how to fill it"
		}
	}
	return ""
}
