package engine

import (
	"cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
)

// Role is what a role was used for.
type Role struct {
	iam.RoleUse
	Account string
	Path    string // construct path, or stack and logical id where the template names none
}

// Denials returns the calls that were refused to roles since the engine started.
func (e *Engine) Denials() []iam.Denial {
	var all []iam.Denial
	for _, a := range e.accounts {
		all = append(all, a.iam.Denials()...)
	}
	return all
}

// Roles returns what each role that there is was used for since it was made, account by account, by name.
func (e *Engine) Roles() ([]Role, error) {
	var all []Role
	for _, a := range e.accounts {
		roles, err := a.roles()
		if err != nil {
			return nil, err
		}
		all = append(all, roles...)
	}
	return all, nil
}

func (a *account) roles() ([]Role, error) {
	uses, err := a.iam.Roles()
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, s := range a.stacks.Stacks() {
		stack, _, err := a.stacks.Describe(s.Region, s.Name)
		if err != nil {
			return nil, err
		}
		for _, made := range stack.Resources {
			if made.Type == "AWS::IAM::Role" {
				paths[made.PhysicalID] = cmp.Or(made.Path, s.Name+"/"+made.LogicalID)
			}
		}
	}
	var out []Role
	for _, use := range uses {
		out = append(out, Role{RoleUse: use, Account: a.account, Path: paths[use.Name]})
	}
	return out, nil
}
