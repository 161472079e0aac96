package iam

import (
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Denial is a call that was refused to a role, or a role that was refused to a service.
type Denial struct {
	RoleARN  string
	Action   string
	Resource string
	Reason   string // AWS's message
	Remedy   string // what would allow it; empty where a statement denies
}

// maxDenials is how many different denials are remembered; a loop over many names need not fill the memory.
const maxDenials = 200

// refuse remembers a refusal in this run, and returns it.
func (r *Room) refuse(roleARN, action, arn string, e *protocol.Error) *protocol.Error {
	d := Denial{RoleARN: roleARN, Action: action, Resource: arn, Reason: e.Message, Remedy: e.Hint}
	if roleARN != "" && r.remember(d) && r.OnDenial != nil {
		r.OnDenial(d)
	}
	return e
}

// remember keeps a denial and reports whether it is a new one.
func (r *Room) remember(d Denial) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(o Denial) bool { return o.RoleARN == d.RoleARN && o.Action == d.Action && o.Resource == d.Resource }
	if len(r.denials) == maxDenials || slices.ContainsFunc(r.denials, same) {
		return false
	}
	r.denials = append(r.denials, d)
	return true
}

// Denials returns what was refused in this run, each once, in the order in which it first was.
func (r *Room) Denials() []Denial {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.denials)
}
