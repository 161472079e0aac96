package cloudformation

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInterrupted is why a deployment that the user has interrupted was rolled back.
var ErrInterrupted = errors.New("the deployment was interrupted")

// Failure is what was wrong with one resource.
type Failure struct {
	LogicalID string
	Path      string // construct path, or the logical id
	Type      string
	Status    Status
	Reason    string // as the stack event shows it
	Cancelled bool   // because another resource had failed
	Err       error  // what the provider returned
	nested    bool   // in a nested stack
}

// Failed says that an operation did not bring a stack where it should be.
type Failed struct {
	StackName string
	Status    Status          // where the stack is now
	Reason    string          // why the operation failed, as the stack's event says it
	Failures  []Failure       // in the order of time; may be empty, as when an output cannot be resolved
	Requests  []CustomRequest // those that were sent, in the order in which they ended
	cause     error
}

// First returns the failure that the others follow from, and whether there is one.
func (f *Failed) First() (Failure, bool) {
	for _, one := range f.Failures {
		if !one.Cancelled {
			return one, true
		}
	}
	return Failure{}, false
}

// Error names the first resource that failed and why.
func (f *Failed) Error() string {
	text := fmt.Sprintf("stack %s is %s: ", f.StackName, f.Status)
	if first, ok := f.First(); ok {
		return fmt.Sprintf("%s%s (%s): %s", text, first.Path, first.Type, first.Reason)
	}
	return text + strings.TrimSpace(f.Reason)
}

// Unwrap returns what the first failure's provider returned, or ErrInterrupted.
func (f *Failed) Unwrap() error {
	if first, ok := f.First(); ok {
		return first.Err
	}
	return f.cause
}

// failure returns the operation's failures as an error.
func (o *operation) failure(reason string) *Failed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Failed{StackName: o.stack.Name, Status: o.stack.Status, Reason: reason, Failures: o.failures}
}

// failedToMake is the stack's reason for a failed create or update.
func failedToMake(failures []Failure) string {
	var created, updated, imported []string
	for _, f := range failures {
		if f.nested {
			continue
		}
		switch f.Status {
		case CreateFailed:
			created = append(created, f.LogicalID)
		case ImportFailed:
			imported = append(imported, f.LogicalID)
		default:
			updated = append(updated, f.LogicalID)
		}
	}
	text := ""
	for _, group := range []struct {
		verb string
		ids  []string
	}{{"create", created}, {"update", updated}, {"import", imported}} {
		if len(group.ids) > 0 {
			text += fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", group.verb, strings.Join(group.ids, ", "))
		}
	}
	return text
}
