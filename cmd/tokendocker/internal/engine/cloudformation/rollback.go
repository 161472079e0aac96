package cloudformation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// rollbackToken ends the tokens of roll-backs.
const rollbackToken = "-rollback"

// rollBackCreate deletes what a failed create has made.
func (o *operation) rollBackCreate(ctx context.Context, reason string) error {
	o.token += rollbackToken
	o.enter(Rollback)
	if err := o.setStatus(RollbackInProgress, reason); err != nil {
		return err
	}
	failed := o.destroy(ctx, o.everything(true))
	if stopped(ctx) {
		return context.Cause(ctx)
	}
	if len(failed) > 0 {
		return o.setStatus(RollbackFailed, failedToDelete(failed))
	}
	return o.setStatus(RollbackComplete, "")
}

// rollBackUpdate brings all resources back to what they were before a failed update, and deletes the new ones.
func (o *operation) rollBackUpdate(ctx context.Context, reason string) error {
	o.token += rollbackToken
	o.enter(Rollback)
	if err := o.setStatus(UpdateRollbackInProgress, reason); err != nil {
		return err
	}
	needs := map[string][]string{}
	for id, rec := range o.records {
		if rec.Touched && rec.Before != nil {
			needs[id] = rec.Before.DependsOn
		}
	}
	errs := walk(ctx, sortedNames(needs), needs, true, nil, func(ctx context.Context, id string) error {
		if o.skip.has(o.records[id]) {
			return o.skipOne(o.records[id])
		}
		return o.restore(ctx, o.records[id])
	})
	if stopped(ctx) {
		return context.Cause(ctx)
	}
	if len(errs) > 0 {
		return o.setStatus(UpdateRollbackFailed, fmt.Sprintf("The following resource(s) failed to update: [%s]. ", strings.Join(sortedNames(errs), ", ")))
	}
	for _, rec := range o.records {
		if rec.Touched && rec.Before == nil {
			if err := o.write(rec, func() { rec.Removed = true }); err != nil {
				return err
			}
		}
	}
	if err := o.setStatus(UpdateRollbackCompleteCleanup, ""); err != nil {
		return err
	}
	return o.cleanUp(ctx, UpdateRollbackComplete)
}

// restore brings one resource back to what it was before the operation.
func (o *operation) restore(ctx context.Context, rec *record) error {
	before, now := *rec.Before, *rec.Current
	if rec.Replacing || !rec.Status.InProgress() && !rec.Status.Failed() && bytes.Equal(before.Properties, now.Properties) {
		return o.write(rec, func() { rec.settle(before, now) })
	}
	back := before
	back.PhysicalID = now.PhysicalID
	if err := o.write(rec, func() { rec.Status = UpdateInProgress }); err != nil {
		return err
	}
	o.resourceEvent(rec, now.PhysicalID, UpdateInProgress, "")
	r, err := o.request(ctx, rec, &back, &now)
	var result resource.Result
	if err == nil {
		result, err = o.callUpdate(ctx, r)
	}
	if stopped(ctx) {
		return context.Cause(ctx)
	}
	if err != nil {
		o.resourceEvent(rec, now.PhysicalID, UpdateFailed, err.Error())
		return errors.Join(err, o.write(rec, func() { rec.Status, rec.Stuck = UpdateFailed, true }))
	}
	if result.PhysicalID != "" {
		back.PhysicalID = result.PhysicalID
	}
	back.Ref, back.Attributes = result.Ref, result.Attributes
	err = o.write(rec, func() {
		rec.discard(before) // already done, unless the process was killed right after the update gave another id
		rec.settle(back, now)
	})
	o.resourceEvent(rec, back.PhysicalID, UpdateComplete, "")
	return err
}

// settle makes v the resource's version and leaves the others to clean-up.
func (r *record) settle(v version, others ...version) {
	for _, other := range others {
		r.discard(other)
	}
	r.Garbage = slices.DeleteFunc(r.Garbage, func(g version) bool { return g.PhysicalID == v.PhysicalID })
	r.Current, r.Status = &v, UpdateComplete
	r.Touched, r.Before, r.Replacing, r.Stuck = false, nil, false, false
}

// cleanUp deletes what was replaced and what is no longer there, and ends the operation with a status. What cannot
// be deleted is reported and given up, as in CloudFormation.
func (o *operation) cleanUp(ctx context.Context, end Status) error {
	o.token += "-cleanup"
	rolledBack := end == UpdateRollbackComplete
	var nodes []*doomed
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		for _, g := range rec.Garbage {
			nodes = append(nodes, &doomed{rec: rec, version: g, created: rolledBack, replaced: !rolledBack})
		}
		if rec.Removed && rec.Current != nil {
			nodes = append(nodes, &doomed{rec: rec, version: *rec.Current, created: rec.Touched && rec.Before == nil})
		}
	}
	if err := o.release(ctx); err != nil {
		return err
	}
	o.destroy(ctx, nodes)
	if stopped(ctx) {
		return context.Cause(ctx)
	}
	for id, rec := range o.records {
		if rec.Removed || rec.Current == nil {
			delete(o.records, id)
			if err := o.service.records.Delete(rec.key()); err != nil {
				return err
			}
			continue
		}
		if rec.Touched || len(rec.Garbage) > 0 {
			err := o.write(rec, func() { rec.Touched, rec.Before, rec.Replacing, rec.Garbage = false, nil, false, nil })
			if err != nil {
				return err
			}
		}
	}
	return o.setStatus(end, "")
}
