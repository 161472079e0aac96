package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Statuses of change sets. Source: AWS CloudFormation API Reference, DescribeChangeSet.
const (
	ChangeSetCreated = "CREATE_COMPLETE"
	ChangeSetFailed  = "FAILED"

	ExecutionAvailable   = "AVAILABLE"
	ExecutionUnavailable = "UNAVAILABLE"
	ExecutionInProgress  = "EXECUTE_IN_PROGRESS"
	ExecutionComplete    = "EXECUTE_COMPLETE"
	ExecutionFailed      = "EXECUTE_FAILED"
)

// noChanges is why a change set without a change fails. Clients look for these words.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

// ChangeSet is a deployment that waits for its execution, and what it would do.
type ChangeSet struct {
	ID, Name, Description string
	StackID               string
	Status, Reason        string
	Execution             string
	Create                bool      // the stack does not exist yet
	Begun                 time.Time // real
	OnFailure             string    // what the client wants done when it fails; empty: said when it is executed
	Input                 DeployInput
	Changes               []Change
}

func (c ChangeSet) key() string { return c.StackID + "\n" + c.Name }

// ChangeSetInput describes a change set to create.
type ChangeSetInput struct {
	Name, Description string
	Create            bool // the stack must not exist yet; else it must
	Import            bool // nothing but Adopt
	Adopt             []Adoption
	AdoptExisting     bool   // import new resources whose names are taken already
	OnFailure         string // "DELETE", "DO_NOTHING", "ROLLBACK", or empty: said when it is executed
	Deploy            DeployInput
}

// CreateChangeSet looks ahead at a deployment and keeps it. A new stack waits in ReviewInProgress for it. It fails as
// Begin does, with an *ExistsError if there is such a change set, and the change set itself fails when there is nothing
// to change.
func (s *Service) CreateChangeSet(ctx context.Context, in ChangeSetInput) (ChangeSet, error) {
	if !stackName.MatchString(in.Deploy.StackName) || !stackName.MatchString(in.Name) {
		return ChangeSet{}, &InputError{fmt.Errorf("1 validation error detected: Value '%s' at 'changeSetName' of stack '%s' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", in.Name, in.Deploy.StackName)}
	}
	key := stackKey(in.Deploy.Region, in.Deploy.StackName)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return ChangeSet{}, err
	}
	defer unlock()
	op, err := s.open(ctx, key, in.Deploy)
	if err != nil {
		return ChangeSet{}, err
	}
	refused, err := op.toAdopt(ctx, &in)
	if err != nil {
		return ChangeSet{}, err
	}
	c := ChangeSet{Name: in.Name, Description: in.Description, StackID: op.stack.ID, Create: in.Create, Begun: time.Now(), Input: in.Deploy, OnFailure: in.OnFailure,
		Status: ChangeSetCreated, Execution: ExecutionAvailable}
	if _, found, err := s.changeSets.Get(c.key()); found || err != nil {
		return c, errors.Join(err, &ExistsError{Name: in.Name})
	}
	place, _, _ := strings.Cut(c.StackID, ":stack/")
	c.ID = place + ":changeSet/" + c.Name + "/" + protocol.NewID()
	c.Input.ChangeSetID = c.ID
	forecast, err := op.forecast(ctx)
	if err != nil {
		return c, err
	}
	if c.Changes = forecast.Changes; in.Import {
		if err := op.onlyImports(c.Changes); err != nil {
			return c, err
		}
	}
	if refused != "" {
		c.Status, c.Reason, c.Execution = ChangeSetFailed, refused, ExecutionUnavailable
	}
	if forecast.Nothing {
		c.Status, c.Reason, c.Execution = ChangeSetFailed, noChanges, ExecutionUnavailable
	}
	if op.stack.Status == "" {
		review := s.newOperation(op.stack, protocol.NewID(), nil)
		if err := review.setStatus(ReviewInProgress, userInitiated); err != nil {
			return c, err
		}
	}
	return c, s.changeSets.Put(c.key(), c)
}

// toAdopt finds what the change set imports, and says why that cannot be.
func (o *operation) toAdopt(ctx context.Context, in *ChangeSetInput) (refused string, err error) {
	in.Deploy.Import = in.Import
	if in.Deploy.Adopt, err = o.adoptions(in.Adopt); err != nil {
		return "", err
	}
	if in.AdoptExisting {
		if in.Deploy.Adopt, refused, err = o.adoptable(ctx); err != nil {
			return "", err
		}
	}
	o.input = in.Deploy
	return refused, nil
}

// ExistsError says that a stack has a change set of a name already.
type ExistsError struct{ Name string }

// Error names the change set.
func (e *ExistsError) Error() string { return fmt.Sprintf("ChangeSet %s already exists", e.Name) }

// ChangeSets returns the change sets of a stack, by name.
func (s *Service) ChangeSets(stackID string) []ChangeSet {
	var out []ChangeSet
	for key, c := range s.changeSets.All() {
		if strings.HasPrefix(key, stackID+"\n") {
			out = append(out, c)
		}
	}
	return out
}

// ChangeSet returns a change set by its id, or by its stack's id and its name, and whether there is one.
func (s *Service) ChangeSet(stackID, nameOrID string) (ChangeSet, bool) {
	for _, c := range s.changeSets.All() {
		if c.ID == nameOrID || c.StackID == stackID && c.Name == nameOrID {
			return c, true
		}
	}
	return ChangeSet{}, false
}

// DeleteChangeSet removes a change set. One that does not exist is no error.
func (s *Service) DeleteChangeSet(c ChangeSet) error { return s.changeSets.Delete(c.key()) }

// Execution is how a change set is executed; each field is as in DeployInput.
type Execution struct {
	NoRollback  bool // where the change set does not say it
	DropNew     bool
	ClientToken string
	Caller      *session.Session
	Interrupt   <-chan struct{}
}

// BeginChangeSet begins the deployment of a change set, which must be available, and removes the stack's others, which
// look ahead from where the stack no longer is.
func (s *Service) BeginChangeSet(ctx context.Context, c ChangeSet, how Execution) (*Running, error) {
	in := c.Input
	in.DropNew, in.ClientToken, in.Caller, in.Interrupt = how.DropNew, how.ClientToken, how.Caller, how.Interrupt
	in.NoRollback = how.NoRollback && c.OnFailure == "" || c.OnFailure == "DO_NOTHING"
	in.Delete = c.OnFailure == "DELETE"
	running, err := s.Begin(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, other := range s.ChangeSets(c.StackID) {
		if other.Name != c.Name {
			err = errors.Join(err, s.DeleteChangeSet(other))
		}
	}
	err = errors.Join(err, s.executed(c, ExecutionInProgress))
	deploy := running.run
	running.run = func(ctx context.Context) error {
		failed := deploy(ctx)
		how := ExecutionComplete
		if failed != nil {
			how = ExecutionFailed
		}
		return errors.Join(err, failed, s.executed(c, how))
	}
	return running, nil
}

// executed writes down how far the execution of a change set is, if that was not deleted meanwhile.
func (s *Service) executed(c ChangeSet, how string) error {
	c, found, err := s.changeSets.Get(c.key())
	if err != nil || !found {
		return err
	}
	c.Execution = how
	return s.changeSets.Put(c.key(), c)
}
