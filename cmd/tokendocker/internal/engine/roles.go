package engine

import (
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
)

// Role is what a role was used for.
type Role struct {
	iam.RoleUse
	Path string // construct path; empty if no stack made it
}

// Roles returns what each role that there is was used for since it was made, by name.
func (e *Engine) Roles() ([]Role, error) {
	uses, err := e.iam.Roles()
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, s := range e.stacks.Stacks() {
		for _, made := range s.Resources {
			if made.Type == "AWS::IAM::Role" {
				paths[made.PhysicalID] = made.Path
			}
		}
	}
	var out []Role
	for _, use := range uses {
		out = append(out, Role{RoleUse: use, Path: paths[use.Name]})
	}
	return out, nil
}
