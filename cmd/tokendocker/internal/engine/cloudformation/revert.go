package cloudformation

import (
	"context"
	"encoding/json"
	"strings"
)

// asTheyAre makes the operation begin from what the stack's resources are now, instead of from what it made of them: what
// has drifted is then brought to the template, what is gone is made again, and a roll-back goes back to what was there.
// Source: AWS CloudFormation User Guide, "Using drift-aware change sets".
func (o *operation) asTheyAre(ctx context.Context) error {
	o.drifted = map[string]string{}
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if rec.Current == nil {
			continue
		}
		live, found, readable, err := o.live(ctx, rec, rec.Current)
		if err != nil {
			return err
		}
		if !readable {
			continue
		}
		if !found {
			o.drifted[id] = DriftDeleted
			rec.Current = nil
			continue
		}
		o.drifted[id] = DriftInSync
		d, _ := o.drift(ctx, rec)
		if d.Status != DriftModified {
			continue
		}
		o.drifted[id] = DriftModified
		now := decode(rec.Current.Properties)
		for _, diff := range d.Differences {
			name, _, _ := strings.Cut(strings.TrimPrefix(diff.Path, "/"), "/")
			if now[name] = live.Properties[name]; now[name] == nil {
				delete(now, name)
			}
		}
		v := *rec.Current
		if v.Properties, err = json.Marshal(now); err != nil {
			return err
		}
		rec.Current = &v
	}
	return nil
}
