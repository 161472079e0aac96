package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Permission is one decision about a role.
type Permission struct {
	RoleARN  string
	Action   string
	Resource string
	Allowed  bool
}

func (p Permission) key() string {
	return strings.Join([]string{p.RoleARN, p.Action, p.Resource, fmt.Sprint(p.Allowed)}, "\n")
}

// seen is a decision, and what of the role's own policies allowed it.
type seen struct {
	Permission
	Identity   bool               // an identity policy allowed it
	Conditions []policy.Condition `json:",omitempty"` // of the statement that did; empty if one without did
}

// Use is one pair of entries of a role's policy: an action on a resource, as the policy writes them.
type Use struct {
	RoleARN  string
	Policy   string // name, or ARN of a managed policy
	Sid      string // "statement 1" where the policy names none
	Action   string
	Resource string
}

func label(p *policy.Policy, statement int) string {
	if sid := p.Statements[statement].Sid; sid != "" {
		return sid
	}
	return fmt.Sprintf("statement %d", statement+1)
}

func (u Use) key() string {
	return strings.Join([]string{u.RoleARN, u.Policy, u.Sid, u.Action, u.Resource}, "\n")
}

// record remembers a decision about a role, in this run and in later ones of the state folder.
func (r *Room) record(as *session.Session, action, arn string, d policy.Decision, by acting) {
	if as.RoleARN == "" {
		return
	}
	p := Permission{as.RoleARN, action, arn, d.Allowed}
	r.mu.Lock()
	defer r.mu.Unlock()
	if key := p.key(); !r.known[key] {
		s := seen{Permission: p, Identity: d.Allowed && len(d.Uses) > 0}
		if s.Identity {
			s.Conditions = conditionsOf(d, by)
		}
		r.known[key] = r.calls.Put(key, s) == nil
	}
	if !d.Allowed {
		return
	}
	for i, matches := range d.Uses {
		for _, m := range matches {
			u := Use{as.RoleARN, by.names[i], label(by.Identity[i], m.Statement), m.Action, m.Resource}
			if key := u.key(); !r.known[key] {
				r.known[key] = r.used.Put(key, u) == nil
			}
		}
	}
}

// conditionsOf returns the conditions of the first statement that allows, or none if one has none.
func conditionsOf(d policy.Decision, by acting) (out []policy.Condition) {
	for i, p := range by.Identity {
		for _, m := range d.Uses[i] {
			conditions := p.Statements[m.Statement].Conditions
			if len(conditions) == 0 {
				return nil
			}
			if out == nil {
				out = conditions
			}
		}
	}
	return out
}

// forget drops what is known of a role that is deleted; another may get its name.
func (r *Room) forget(roleARN string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key := range r.known {
		if !strings.HasPrefix(key, roleARN+"\n") {
			continue
		}
		if err := r.calls.Delete(key); err != nil {
			return fmt.Errorf("forget role: %w", err)
		}
		if err := r.used.Delete(key); err != nil {
			return fmt.Errorf("forget role: %w", err)
		}
		delete(r.known, key)
	}
	return nil
}

// RoleUse is what a role was used for, in all runs of the state folder.
type RoleUse struct {
	ARN    string
	Name   string
	Calls  []Permission // that were decided, allowed or not, by action and resource
	Unused []Use        // as Unused returns them
	// Needed is the smallest policy document that allows all calls which the role's policies allowed. Parts of a
	// resource that are new at every call, as an execution's id, are a wildcard. It is empty if there was no such call.
	Needed json.RawMessage
	// Unknown are the ARNs of AWS managed policies of the role that give no rights here.
	Unknown []string
}

// Roles returns what each role that there is was used for, by name.
func (r *Room) Roles() ([]RoleUse, error) {
	unused, err := r.Unused()
	if err != nil {
		return nil, err
	}
	decisions := map[string][]seen{}
	for _, s := range r.calls.All() {
		decisions[s.RoleARN] = append(decisions[s.RoleARN], s)
	}
	var out []RoleUse
	for _, role := range r.roles.All() {
		own, err := r.identity(role.current())
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", role.Name, err)
		}
		use := RoleUse{ARN: role.ARN, Name: role.Name, Unknown: own.unknown, Needed: needed(decisions[role.ARN])}
		for _, s := range decisions[role.ARN] {
			use.Calls = append(use.Calls, s.Permission)
		}
		for _, u := range unused {
			if u.RoleARN == role.ARN {
				use.Unused = append(use.Unused, u)
			}
		}
		out = append(out, use)
	}
	slices.SortFunc(out, func(a, b RoleUse) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Unused returns the entries of the present policies of all roles that no call has ever needed: an action that no
// call used on any of its statement's resources has Resource "", a resource that none used has Action "". AWS's
// managed policies are left out, since nobody can narrow them.
func (r *Room) Unused() ([]Use, error) {
	actions, resources := map[string]bool{}, map[string]bool{}
	for _, u := range r.used.All() {
		actions[Use{u.RoleARN, u.Policy, u.Sid, u.Action, ""}.key()] = true
		resources[Use{u.RoleARN, u.Policy, u.Sid, "", u.Resource}.key()] = true
	}
	var out []Use
	for _, role := range r.roles.All() {
		own, err := r.identity(role.current())
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", role.Name, err)
		}
		for i, p := range own.Identity {
			if awsManaged(own.names[i]) {
				continue
			}
			for n, s := range p.Statements {
				out = append(out, unusedOf(s, Use{RoleARN: role.ARN, Policy: own.names[i], Sid: label(p, n)}, actions, resources)...)
			}
		}
	}
	return out, nil
}

func unusedOf(s policy.Statement, u Use, actions, resources map[string]bool) (out []Use) {
	if !s.Allow {
		return nil
	}
	for _, u.Action = range s.Actions {
		if !actions[u.key()] {
			out = append(out, u)
		}
	}
	u.Action = ""
	for _, u.Resource = range s.Resources {
		if !resources[u.key()] {
			out = append(out, u)
		}
	}
	return out
}
