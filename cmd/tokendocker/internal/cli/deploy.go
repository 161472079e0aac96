package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// capabilities are those that the CDK CLI grants with every deployment.
var capabilities = []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}

// deploy deploys one stack and reports its images.
func (r *rehearsal) deploy(ctx context.Context, s assembly.Stack, overrides map[string]map[string]string) error {
	if s.Empty() {
		return r.leaveOut(ctx, s)
	}
	d := engine.Deployment{Account: s.Account, DeployInput: cloudformation.DeployInput{
		StackName: s.Name, Region: cmp.Or(s.Region, r.Region), Template: s.Template, Parameters: s.Parameters, Tags: s.Tags, Paths: s.Paths,
		Overrides: overrides, OnEvent: r.event, Capabilities: capabilities,
	}}
	wish, end := r.interrupts.gently("interrupted: rolling the stack back; once more stops at once, and the next rehearsal rolls back")
	defer end()
	d.Interrupt = wish
	for _, f := range s.Files {
		d.Assets = append(d.Assets, engine.Asset{Bucket: f.Bucket, Key: f.Key, Region: f.Region, Write: f.Write})
	}
	for _, i := range s.Images {
		d.Images = append(d.Images, engine.ImageAsset{Name: i.Name, Repository: i.Repository, Tag: i.Tag, Region: i.Region, Flags: i.Flags, Context: i.WriteContext})
	}
	r.log.Note("%s: deploying to %s", s.Name, r.place(d))
	r.changed.Store(false)
	outcome, err := r.engine.Deploy(ctx, d)
	r.record(outcome, err)
	if err != nil {
		return deployError(err)
	}
	if r.changed.Load() {
		r.log.Note("%s: %s", s.Name, outcome.Stack.Status)
	} else {
		r.log.Note("%s: %s, no changes", s.Name, outcome.Stack.Status)
	}
	if closed(wish) {
		return fmt.Errorf("%w; %s had been deployed by then", errInterrupted, s.Name)
	}
	for _, o := range outcome.Stack.Outputs {
		r.log.Note("  %s = %s", o.Key, o.Value)
	}
	if n := len(outcome.Simulated); n > 0 {
		r.log.Note("  simulated, with made-up values: %s", types(outcome.Simulated))
	}
	return nil
}

// leaveOut does not deploy a stack without resources, and deletes it if it had some, as the CDK CLI does.
func (r *rehearsal) leaveOut(ctx context.Context, s assembly.Stack) error {
	deleted, err := r.engine.Remove(ctx, s.Account, cmp.Or(s.Region, r.Region), s.Name, r.event)
	switch {
	case err != nil:
		return deployError(err)
	case deleted:
		r.log.Note("%s: has no resources any more: deleted", s.Name)
	default:
		r.log.Note("%s: has no resources: not deployed", s.Name)
	}
	return nil
}

// place names where a stack goes: its region, and its account if there are several.
func (r *rehearsal) place(d engine.Deployment) string {
	if !r.abroad {
		return d.Region
	}
	return d.Region + " of account " + cmp.Or(d.Account, r.Account)
}

// record adds a stack's outcome to the summary and prints its images, which a failed stack has none of.
func (r *rehearsal) record(outcome engine.Outcome, failed error) {
	if outcome.Stack.Name == "" {
		return
	}
	stack := report.Stack{Name: outcome.Stack.Name, Account: protocol.OwnerOf(outcome.Stack.ID), Region: outcome.Stack.Region, Status: string(outcome.Stack.Status), Outputs: map[string]string{}}
	for _, o := range outcome.Stack.Outputs {
		stack.Outputs[o.Key] = o.Value
	}
	for _, b := range outcome.Images {
		image := report.Image{Builder: b.Builder, Region: b.Region(), URI: b.URI, Digest: b.Digest, Tag: b.Tag, Built: b.Built,
			Seconds: b.Took.Seconds(), Overhead: max(0, (b.Took - b.Docker).Seconds())}
		stack.Images = append(stack.Images, image)
		if failed == nil {
			r.printer.Image(image)
		}
	}
	for _, s := range outcome.Simulated {
		stack.Simulated = append(stack.Simulated, report.Resource{Path: s.Path, Type: s.Type})
	}
	if f, ok := errors.AsType[*cloudformation.Failed](failed); ok {
		r.noteMirror(f)
		stack.Failure = &report.Failure{Path: f.StackName, Reason: strings.TrimSpace(f.Reason)}
		if first, ok := f.First(); ok {
			stack.Failure = &report.Failure{Path: first.Path, Reason: first.Reason}
		}
	}
	r.summary.Stacks = append(r.summary.Stacks, stack)
}

// event shows a stack event: as JSON always, to a person when it takes long or went wrong.
func (r *rehearsal) event(e cloudformation.Event) {
	path := e.Path
	if path == "" {
		path = e.LogicalID
	}
	r.changed.Store(true)
	r.printer.Event(report.Event{Stack: e.StackName, Region: e.Region, Path: path, Type: e.Type, Status: string(e.Status), Reason: e.Reason})
	key := e.StackID + "|" + e.LogicalID
	status := string(e.Status)
	switch {
	case r.Verbose:
		r.log.Note("  %s %s %s", status, path, e.Reason)
	case e.Stack():
	case e.Status.InProgress():
		r.log.Begin(key, "  %s %s (%s)", doing(status), path, e.Type)
	case strings.HasSuffix(status, "_FAILED"):
		r.log.End(key, "failed")
		r.log.Note("  %s (%s): %s", path, e.Type, e.Reason)
	default:
		r.log.End(key, "done")
	}
}

// doing says what goes on while a resource has a status: "creating" for CREATE_IN_PROGRESS.
func doing(status string) string {
	verb, _, _ := strings.Cut(strings.ToLower(status), "_")
	return strings.TrimSuffix(verb, "e") + "ing"
}

// types lists resource types once each, in the order of their first resource.
func types(simulated []cloudformation.Simulated) string {
	var names []string
	seen := map[string]bool{}
	for _, s := range simulated {
		if !seen[s.Type] {
			seen[s.Type] = true
			names = append(names, s.Type)
		}
	}
	return strings.Join(names, ", ")
}
