package cloudformation

import (
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
)

// Stack is a stack as DescribeStacks shows it.
type Stack struct {
	ID, Name, Region string
	Status           Status
	Reason           string
	Created, Updated time.Time         // simulated
	Parameters       map[string]string // NoEcho ones are ****
	Tags             map[string]string
	Outputs          []Output // characters beyond ASCII are ?, as CloudFormation shows them
	Resources        []StackResource

	Description    string
	Capabilities   []string
	Notify         []string          // ARNs of topics that nobody writes to
	RoleARN        string            // that the last deployment was given; empty: none
	Resolved       map[string]string // what parameters that are read from Systems Manager stand for
	Protected      bool              // against deletion
	NoRollback     bool              // the last deployment would have been left as it is when it failed
	Changed        time.Time         // real; of the last event
	Begun, Deleted time.Time         // real; Deleted is zero while the stack exists
	ChangeSetID    string            // that the stack was last deployed with; empty: none

	RetainExceptOnCreate bool          // as its last deployment was told
	Timeout              time.Duration // of its creation; 0: none
	Imports              []string      // names of exports that it uses
	Policy               string        // the stack policy that holds now; empty: none
	Operations           []Operation   // the last ones, the newest first
	Drift                string        // DriftNotChecked when that is not known any more
	DriftChecked         time.Time     // real

	ParentID, RootID string // of a nested stack
}

// StackResource is a resource of a stack as DescribeStackResources shows it.
type StackResource struct {
	LogicalID, PhysicalID, Type, Path string
	Status                            Status
}

// Describe returns a stack and whether it exists. An empty region is the service's.
func (s *Service) Describe(region, name string) (Stack, bool, error) {
	if region == "" {
		region = s.Region
	}
	stack, found, err := s.stacks.Get(stackKey(region, name))
	if err != nil || !found {
		return Stack{}, false, err
	}
	out := stack.view()
	out.Drift, out.DriftChecked = s.drift(stack)
	records := s.load(stack.ID)
	for _, id := range sortedNames(records) {
		if rec := records[id]; rec.Current != nil {
			out.Resources = append(out.Resources, StackResource{id, rec.Current.PhysicalID, rec.Type, rec.Path, rec.Status})
		}
	}
	return out, true, nil
}

// Resource returns a resource of a stack by its physical id, as its provider would see it without secrets, and whether
// there is one.
func (s *Service) Resource(stackID, physicalID string) (resource.Request, bool) {
	for _, stack := range s.stacks.All() {
		if stack.ID != stackID {
			continue
		}
		for _, rec := range s.load(stackID) {
			if rec.Current != nil && rec.Current.PhysicalID == physicalID {
				return rec.request(s.place(stack), rec.Current), true
			}
		}
	}
	return resource.Request{}, false
}

// Stacks returns all stacks, by region and name, without their resources.
func (s *Service) Stacks() []Stack {
	var out []Stack
	for _, stack := range s.stacks.All() {
		out = append(out, stack.view())
	}
	return out
}

// Events returns the events of a stack, oldest first, also of one that was deleted.
func (s *Service) Events(stackID string) ([]Event, error) {
	return s.news.after(stackID, func() ([]Event, error) {
		events, _, err := s.events.Get(stackID)
		return events, err
	})
}

// Template returns the template that a stack has, also of one that was deleted.
func (s *Service) Template(stackID string) (string, error) {
	text, _, err := s.templates.Get(stackID)
	return text, err
}

// Find returns a stack by its id, also one that was deleted in the last ninety days, and whether there is one.
func (s *Service) Find(stackID string) (Stack, bool, error) {
	for _, stack := range s.stacks.All() {
		if stack.ID == stackID {
			return s.Describe(stack.Region, stack.Name)
		}
	}
	stack, found, err := s.deleted.Get(stackID)
	return stack.view(), found, err
}

// Deleted returns the stacks that were deleted in the last ninety days.
func (s *Service) Deleted() []Stack {
	var out []Stack
	for _, stack := range s.deleted.All() {
		out = append(out, stack.view())
	}
	return out
}

func (r stackRecord) view() Stack {
	out := Stack{ID: r.ID, Name: r.Name, Region: r.Region, Status: r.Status, Reason: r.Reason, Created: r.Created, Updated: r.Updated,
		Parameters: map[string]string{}, Tags: r.Tags, Outputs: slices.Clone(r.Outputs)}
	out.Description, out.Capabilities, out.RoleARN, out.Resolved = r.Description, r.Capabilities, r.RoleARN, r.Resolved
	out.Protected, out.NoRollback, out.ChangeSetID, out.Notify = r.Protected, r.NoRollback, r.ChangeSetID, r.Notify
	out.ParentID, out.RootID, out.Drift = r.ParentID, r.RootID, DriftNotChecked
	out.Imports = r.Imports
	out.RetainExceptOnCreate, out.Timeout, out.Policy, out.Operations = r.RetainExceptOnCreate, r.Timeout, r.Policy, r.Operations
	if r.Status == UpdateInProgress && r.PolicyDuringUpdate != "" {
		out.Policy = r.PolicyDuringUpdate
	}
	out.Begun, out.Changed, out.Deleted = r.Begun, r.Changed, r.Deleted
	for name, value := range r.Parameters {
		if slices.Contains(r.Hidden, name) {
			value = "****"
		}
		out.Parameters[name] = value
	}
	for i := range out.Outputs {
		out.Outputs[i].Value = ascii(out.Outputs[i].Value)
		out.Outputs[i].Description = ascii(out.Outputs[i].Description)
	}
	return out
}

func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7f {
			return '?'
		}
		return r
	}, s)
}

// real reports whether resources of a type are made by a provider of their own.
func (o *operation) real(resourceType string) bool {
	return custom(resourceType) || resourceType == stackType || o.service.Providers[resourceType] != nil
}

// simulated lists the resources whose types have no provider, leaving out those that are nothing in AWS either.
func (o *operation) simulated() []Simulated { return o.simulatedAmong(o.records) }

func (o *operation) simulatedAmong(records map[string]*record) []Simulated {
	var out []Simulated
	for _, id := range sortedNames(records) {
		rec := records[id]
		if rec.Type == stackType && rec.Current != nil {
			out = append(out, o.simulatedAmong(o.service.load(rec.Current.PhysicalID))...)
		}
		if !o.real(rec.Type) && !simulated.Inert(rec.Type) {
			out = append(out, Simulated{rec.LogicalID, rec.Path, rec.Type})
		}
	}
	return out
}

// checkOverrides refuses values for resources and attributes that there are not, and for resources that are real here.
func (o *operation) checkOverrides() error {
	for _, id := range sortedNames(o.overrides) {
		t := o.plan.template.Resources[id]
		if t == nil {
			return &simulated.UnknownError{Stack: o.stack.Name, LogicalID: id, Closest: simulated.Closest(id, o.plan.template.ResourceNames())}
		}
		if o.real(t.Type) {
			return &simulated.RealError{Stack: o.stack.Name, LogicalID: id, Type: t.Type}
		}
		for _, attribute := range sortedNames(o.overrides[id]) {
			set := simulated.Set{Stack: o.stack.Name, LogicalID: id, Attribute: attribute}
			if err := set.CheckAttribute(t.Type); err != nil {
				return err
			}
		}
	}
	return nil
}
