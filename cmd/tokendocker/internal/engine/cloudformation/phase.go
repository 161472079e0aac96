package cloudformation

import "github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"

// Operation is what clients know of an operation on a stack. A deployment that fails and its roll-back are two.
type Operation struct {
	ID   string
	Kind Kind
}

// Kind says what an operation does to a stack.
type Kind string

// The kinds of operations. Source: AWS CloudFormation API Reference, OperationEntry.
const (
	CreateStack      Kind = "CREATE_STACK"
	UpdateStack      Kind = "UPDATE_STACK"
	DeleteStack      Kind = "DELETE_STACK"
	Rollback         Kind = "ROLLBACK"
	ContinueRollback Kind = "CONTINUE_ROLLBACK"
)

// maxOperations is how many operations a stack remembers.
const maxOperations = 10

// enter begins what counts as an operation of its own, unless that has begun already.
func (o *operation) enter(kind Kind) {
	if o.now.Kind == kind || o.now.Kind == ContinueRollback && kind == Rollback {
		return
	}
	o.now = Operation{ID: protocol.NewID(), Kind: kind}
	all := append([]Operation{o.now}, o.stack.Operations...)
	o.stack.Operations = all[:min(len(all), maxOperations)]
}
