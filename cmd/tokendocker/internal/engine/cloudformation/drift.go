package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// The results of drift detection. Source: AWS CloudFormation API Reference, StackResourceDrift and
// DescribeStackDriftDetectionStatus.
const (
	DriftInSync     = "IN_SYNC"
	DriftModified   = "MODIFIED"    // of a resource
	DriftDeleted    = "DELETED"     // of a resource
	DriftDrifted    = "DRIFTED"     // of a stack
	DriftUnknown    = "UNKNOWN"     // somebody could not be asked
	DriftNotChecked = "NOT_CHECKED" // not since the last operation, or the type cannot be read here
)

// Drift is how a resource differs from what the template says.
type Drift struct {
	LogicalID, PhysicalID, Type string
	Status, Reason              string
	Expected, Actual            map[string]any // the properties that were compared
	Differences                 []Difference
	Checked                     time.Time // real
}

// Difference is one value that differs.
type Difference struct {
	Path           string // "/Tags/0"
	Kind           string // "ADD", "REMOVE" or "NOT_EQUAL"
	Expected, Real any    // nil where there is none
}

// Detection is a detection of the drift of a stack, which has come to its end.
type Detection struct {
	ID, StackID string
	Status      string // of the stack
	Drifted     int    // resources
	Begun       time.Time
}

// driftRecord is what is known of a stack's drift.
type driftRecord struct {
	Last   Detection
	Drifts map[string]Drift // by logical id
}

// DetectDrift compares a stack's resources, or only those named, with what is there. Resources of types that nobody
// can read here are left out, as CloudFormation leaves out those that do not support it.
func (s *Service) DetectDrift(ctx context.Context, region, name string, only []string) (Detection, error) {
	key := stackKey(region, name)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return Detection{}, err
	}
	defer unlock()
	stack, found, err := s.stacks.Get(key)
	if err != nil || !found {
		return Detection{}, err
	}
	o := s.newOperation(stack, protocol.NewID(), nil)
	d := Detection{ID: protocol.NewID(), StackID: stack.ID, Status: DriftInSync, Begun: time.Now()}
	out := driftRecord{Drifts: map[string]Drift{}}
	if old, _, err := s.drifts.Get(stack.ID); err == nil && len(only) > 0 && old.Drifts != nil {
		out = old
	}
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if rec.Current == nil || len(only) > 0 && !slices.Contains(only, id) {
			continue
		}
		if one, checked := o.drift(ctx, rec); checked {
			out.Drifts[id] = one
		}
	}
	for _, one := range out.Drifts {
		switch one.Status {
		case DriftModified, DriftDeleted:
			d.Drifted++
			d.Status = DriftDrifted
		case DriftUnknown:
			if d.Status == DriftInSync {
				d.Status = DriftUnknown
			}
		}
	}
	out.Last = d
	return d, s.drifts.Put(stack.ID, out)
}

// drift compares one resource, if its type can be read.
func (o *operation) drift(ctx context.Context, rec *record) (Drift, bool) {
	d := Drift{LogicalID: rec.LogicalID, PhysicalID: rec.Current.PhysicalID, Type: rec.Type, Status: DriftInSync, Checked: time.Now()}
	live, found, readable, err := o.live(ctx, rec, rec.Current)
	switch {
	case !readable:
		return d, false
	case err != nil:
		d.Status, d.Reason = DriftUnknown, err.Error()
		return d, true
	case !found:
		d.Status = DriftDeleted
		return d, true
	}
	d.Expected, d.Actual = map[string]any{}, map[string]any{}
	actual := asTemplate(live.Properties)
	for name, want := range asTemplate(rec.Current.Properties) {
		got, kept := actual[name]
		if !kept || strings.Contains(fmt.Sprint(want), "{{resolve:") {
			continue
		}
		d.Expected[name] = want
		if got != nil {
			d.Actual[name] = got
		}
		d.Differences = append(d.Differences, differences("/"+name, want, got)...)
	}
	slices.SortFunc(d.Differences, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	if len(d.Differences) > 0 {
		d.Status = DriftModified
	}
	return d, true
}

// asTemplate returns a copy of properties in which every scalar is text.
func asTemplate(properties any) map[string]any {
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil
	}
	out, _ := texts(anyMap(decode(raw))).(map[string]any)
	return out
}

// differences compares what the template says with what there is: what only the latter has is no difference, but for
// members of lists.
func differences(path string, want, got any) []Difference {
	if w, ok := want.(string); ok {
		if parsed := map[string]any{}; got != nil && reflect.TypeOf(got).Kind() == reflect.Map && json.Unmarshal([]byte(w), &parsed) == nil {
			want = texts(anyMap(parsed)) // a document that is given as text
		}
	}
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			var out []Difference
			for _, name := range sortedNames(w) {
				out = append(out, differences(path+"/"+name, w[name], g[name])...)
			}
			return out
		}
	case []any:
		if g, ok := got.([]any); ok {
			return listDifferences(path, w, g)
		}
	}
	switch {
	case got == nil && empty(want), reflect.DeepEqual(want, got):
		return nil
	case got == nil:
		return []Difference{{Path: path, Kind: "REMOVE", Expected: want}}
	}
	return []Difference{{Path: path, Kind: "NOT_EQUAL", Expected: want, Real: got}}
}

// listDifferences compares lists whose order does not count.
func listDifferences(path string, want, got []any) []Difference {
	var out []Difference
	left := slices.Clone(got)
	for i, w := range want {
		at := slices.IndexFunc(left, func(g any) bool { return reflect.DeepEqual(w, g) })
		if at < 0 {
			out = append(out, Difference{Path: path + "/" + strconv.Itoa(i), Kind: "REMOVE", Expected: w})
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
	for i, g := range left {
		out = append(out, Difference{Path: path + "/" + strconv.Itoa(len(want)+i), Kind: "ADD", Real: g})
	}
	return out
}

// empty reports whether a value says as much as none.
func empty(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return value == ""
}

// Drifts returns what the last detections found out about a stack's resources, by logical id.
func (s *Service) Drifts(stackID string) ([]Drift, error) {
	rec, _, err := s.drifts.Get(stackID)
	var out []Drift
	for _, id := range sortedNames(rec.Drifts) {
		out = append(out, rec.Drifts[id])
	}
	return out, err
}

// Detection returns the last detection of some stack's drift by its id, and whether there is one.
func (s *Service) Detection(id string) (Detection, bool) {
	for _, rec := range s.drifts.All() {
		if rec.Last.ID == id {
			return rec.Last, true
		}
	}
	return Detection{}, false
}

// drift returns the stack's drift and when that was found out; it is not known any more after an operation.
func (s *Service) drift(stack stackRecord) (string, time.Time) {
	rec, found, err := s.drifts.Get(stack.ID)
	if err != nil || !found || rec.Last.Begun.Before(stack.Changed) {
		return DriftNotChecked, time.Time{}
	}
	return rec.Last.Status, rec.Last.Begun
}
